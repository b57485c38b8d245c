//! `longshore hash`

use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use clap::{Args, ValueEnum};
use longshore_client::ErrorKind;
use longshore_client::sftp::{HashAlgorithm, Sftp};
use serde_json::{Map, Value};

use crate::client::stream::each_chunk;
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print_bytes, print_json};

/// Hash files of a server: there where it can, otherwise by reading them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore hash files.example.net:inbox/report.csv
  longshore hash --read files.example.net:a.csv :b.csv --json | jq -r '.[].hash'

Lines are those of sha256sum; standard error says who computed them. What the server computes proves what lies there only as
far as the server is believed: --read reads the file.")]
pub struct HashArgs {
    /// Files: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Which hash
    #[arg(short, long, value_enum, default_value_t = Kind::Sha256)]
    algorithm: Kind,
    /// Read the file, whatever the server offers
    #[arg(long)]
    read: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Hashes that servers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Broken; for old lists, and by the server alone
    Md5,
    /// Broken; for old lists
    Sha1,
    /// The usual one
    Sha256,
    /// Longer
    Sha384,
    /// The longest
    Sha512,
}

impl Kind {
    const fn algorithm(self) -> HashAlgorithm {
        match self {
            Self::Md5 => HashAlgorithm::Md5,
            Self::Sha1 => HashAlgorithm::Sha1,
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha384 => HashAlgorithm::Sha384,
            Self::Sha512 => HashAlgorithm::Sha512,
        }
    }

    /// For what is read; `None` for what nobody should compute any more.
    fn context(self) -> Option<Context> {
        Some(Context::new(match self {
            Self::Md5 => return None,
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }))
    }
}

struct Hashed {
    path: Vec<u8>,
    hash: String,
    by: &'static str,
}

impl HashArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        let (hashed, failures) = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let (mut hashed, mut failures) = (Vec::new(), Failures::default());
            for path in &place.paths {
                hashed.extend(failures.take(self.hash(session.sftp(), path).await));
            }
            session.close().await;
            Ok((hashed, failures))
        })?;
        if self.output.json {
            print_json(&hashed.iter().map(|one| self.to_json(one)).collect())?;
        } else {
            self.print(&hashed)?;
        }
        failures.finish()
    }

    async fn hash(&self, sftp: &Sftp, path: &[u8]) -> Result<Hashed> {
        if !self.read && sftp.can_hash() {
            let algorithm = self.algorithm.algorithm();
            match sftp.hash(path, algorithm, 0, 0, 0).await {
                Ok(answer) => {
                    let [hash] = &answer.hashes[..] else {
                        let message = format!("the server sent {} hashes for one file", answer.hashes.len());
                        return Err(CliError::new(ExitCode::ServerFault, message));
                    };
                    return Ok(Hashed {
                        path: path.to_vec(),
                        hash: hex(hash),
                        by: "server",
                    });
                }
                // it may not know this hash
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Failure) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut context = self.algorithm.context().ok_or_else(|| {
            CliError::new(ExitCode::Refused, "the server does not compute MD5")
                .hint("ask for sha256, which is computed here if need be")
        })?;
        let file = sftp.open_read(path).await?;
        each_chunk(&file, async |chunk| {
            context.update(&chunk);
            Ok(())
        })
        .await?;
        Ok(Hashed {
            path: path.to_vec(),
            hash: hex(context.finish().as_ref()),
            by: "reading",
        })
    }

    fn print(&self, hashed: &[Hashed]) -> Result<()> {
        let mut out = Vec::new();
        for one in hashed {
            out.extend_from_slice(one.hash.as_bytes());
            out.extend_from_slice(b"  ");
            if stdout().is_terminal() {
                out.extend(shown(&one.path).into_bytes());
            } else {
                out.extend_from_slice(&one.path);
            }
            out.push(b'\n');
        }
        print_bytes(&out)?;
        for one in hashed {
            let who = if one.by == "server" {
                "computed by the server"
            } else {
                "computed from the bytes read"
            };
            self.connect.note(&format!("{}: {who}", shown(&one.path)));
        }
        Ok(())
    }

    fn to_json(&self, one: &Hashed) -> Value {
        let mut object = Map::new();
        name_json(&mut object, "path", &one.path);
        object.insert("algorithm".to_owned(), self.algorithm.algorithm().name().into());
        object.insert("hash".to_owned(), one.hash.clone().into());
        object.insert("by".to_owned(), one.by.into());
        object.into()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
