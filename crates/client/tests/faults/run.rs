//! One run: a server with a fault, a transfer, and a judge who looks at both sides.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use longshore_client::sftp::{Pace, SftpOptions};
use longshore_client::transfer::{SftpPool, TransferOptions, Transfers, TreeOptions, Verify};
use longshore_client::{Channel, ErrorKind, Result, SftpChannels};
use tempfile::TempDir;

use crate::chance::Chance;
use crate::files::{Files, Node};
use crate::kinds::Fault;
use crate::server::Server;

/// What is tried: the client, or one that is broken on purpose.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Moves a file to the server; says its size if it thinks that it succeeded.
    async fn upload(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        local: &Path,
        remote: &[u8],
    ) -> Result<u64>;

    /// Moves a file from the server; says its size if it thinks that it succeeded.
    async fn download(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        remote: &[u8],
        local: &Path,
    ) -> Result<u64>;

    /// Moves a tree from the server; says how many files it thinks arrived and what failed.
    async fn download_tree(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        remote: &[u8],
        local: &Path,
    ) -> Result<(u64, Vec<String>)>;
}

/// The client.
pub struct Client;

#[async_trait]
impl Subject for Client {
    async fn upload(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        local: &Path,
        remote: &[u8],
    ) -> Result<u64> {
        Ok(Transfers::new(pool, options).upload(local, remote).await?.size)
    }

    async fn download(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        remote: &[u8],
        local: &Path,
    ) -> Result<u64> {
        Ok(Transfers::new(pool, options).download(remote, local).await?.size)
    }

    async fn download_tree(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        remote: &[u8],
        local: &Path,
    ) -> Result<(u64, Vec<String>)> {
        let report = Transfers::new(pool, options)
            .download_tree(remote, local, &TreeOptions::default())
            .await?;
        let failures = report.errors.iter().map(ToString::to_string).collect();
        Ok((report.files, failures))
    }
}

/// What became of a run.
#[derive(Debug)]
pub struct Verdict {
    /// Whether the fault has shown.
    pub fired: bool,
    /// What is wrong; a good client never has any.
    pub complaint: Option<String>,
    /// Whether the client said that it succeeded.
    pub succeeded: bool,
}

/// Channels to fault servers over one set of files.
struct Faulty {
    files: Files,
    fault: Fault,
    seed: u64,
    size: u64,
    fired: Arc<AtomicU64>,
    hostile: Vec<Vec<u8>>,
}

#[async_trait]
impl SftpChannels for Faulty {
    async fn open_sftp(&self) -> Result<Channel> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let mut server = Server::new(
            self.files.clone(),
            self.fault,
            Chance::new(self.seed),
            Arc::clone(&self.fired),
            self.size,
        );
        server.hostile.clone_from(&self.hostile);
        tokio::spawn(server.serve(theirs));
        let (reader, writer) = tokio::io::split(ours);
        Ok(Channel::over(reader, writer))
    }
}

/// Everything of one run lies in a directory of its own: the target deep inside of it, and around the target what nobody
/// may touch.
struct Ground {
    base: TempDir,
    target: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let base = TempDir::new().expect("directory");
        let target = base.path().join("a/b/target");
        std::fs::create_dir_all(&target).expect("directory");
        for name in ["sentinel", "a/sentinel", "a/b/sentinel"] {
            std::fs::write(base.path().join(name), b"untouched").expect("sentinel");
        }
        Self { base, target }
    }

    /// Names that lead out of the target, all of them to places in the base.
    fn hostile_names(&self) -> Vec<Vec<u8>> {
        let absolute = self
            .base
            .path()
            .join("sentinel")
            .into_os_string()
            .into_encoded_bytes();
        let mut names: Vec<Vec<u8>> = [
            &b"../sentinel"[..],
            b"../new",
            b"../../sentinel",
            b"sub/../../new",
            b"..",
            b"",
            b"n\0ul",
            b"a/b",
        ]
        .into_iter()
        .map(<[u8]>::to_vec)
        .collect();
        names.push(absolute);
        names
    }

    /// What was touched outside of the target.
    fn trespass(&self) -> Option<String> {
        let mut found = Vec::new();
        let mut open = vec![self.base.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(&dir).expect("listing") {
                let path = entry.expect("entry").path();
                if path == self.target {
                    continue;
                }
                if path.is_dir() {
                    open.push(path);
                } else if path.file_name().is_none_or(|name| name != "sentinel")
                    || std::fs::read(&path).expect("sentinel") != b"untouched"
                {
                    found.push(path.display().to_string());
                }
            }
        }
        (!found.is_empty()).then(|| format!("outside of the target: {found:?}"))
    }
}

/// Runs `fault` with `seed` against `subject`.
pub async fn run(subject: &dyn Subject, fault: Fault, seed: u64) -> Verdict {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let ground = Ground::new();
    let size = match chance.below(4) {
        0 => chance.below(100),
        1 => chance.below(300_000),
        _ => 200_000 + chance.below(1_500_000),
    };
    let size = if fault == Fault::TinyPackets {
        size / 8
    } else {
        size.max(2)
    };
    let content = chance.bytes(usize::try_from(size).expect("small"));
    let files = Files::default();
    let fired = Arc::new(AtomicU64::new(0));
    let channels = Arc::new(Faulty {
        files: files.clone(),
        fault,
        seed,
        size,
        fired: Arc::clone(&fired),
        hostile: ground.hostile_names(),
    });
    let options = TransferOptions {
        verify: if matches!(fault, Fault::CorruptRead | Fault::CorruptWrite) || chance.one_in(4) {
            Verify::IfOffered
        } else {
            Verify::Size
        },
        resume: chance.one_in(3),
        channels: 1 + chance.index(3),
        ..TransferOptions::default()
    };
    let sftp = SftpOptions {
        idle_timeout: if fault.is_silent() { SILENT } else { PATIENT },
        slow_timeout: PATIENT,
        pace: Pace::new(8 << 20),
        ..SftpOptions::default()
    };
    let upload = fault.bites_uploads() && (!fault.bites_downloads() || chance.one_in(2));
    let pool = tokio::time::timeout(DEADLINE, SftpPool::open(channels, sftp)).await;
    let pool = match pool {
        Err(_) => return complain(&fired, "hangs in the handshake".to_owned(), false),
        Ok(Err(_)) if fault.is_bearable() => {
            return complain(&fired, "gives up in the handshake".to_owned(), false);
        }
        Ok(Err(_)) => return judge(&fired, None, false),
        Ok(Ok(pool)) => pool,
    };
    let case = Case {
        subject,
        fault,
        pool,
        options,
        files: &files,
        ground: &ground,
        content: &content,
        fired: &fired,
    };
    if upload {
        case.upload(chance.one_in(2)).await
    } else if fault == Fault::HostileNames || fault == Fault::FewHandles || chance.one_in(3) {
        case.download_tree(&mut chance).await
    } else {
        case.download(chance.one_in(2)).await
    }
}

struct Case<'a> {
    subject: &'a dyn Subject,
    fault: Fault,
    pool: SftpPool,
    options: TransferOptions,
    files: &'a Files,
    ground: &'a Ground,
    content: &'a [u8],
    fired: &'a AtomicU64,
}

impl Case<'_> {
    async fn upload(self, replace: bool) -> Verdict {
        let local = self.ground.target.join("source");
        std::fs::write(&local, self.content).expect("file");
        let old = replace.then(|| b"the old file".to_vec());
        if let Some(old) = &old {
            self.files.put(b"f", Node::file(old.clone()));
        }
        let uploading = self
            .subject
            .upload(self.pool.clone(), self.options.clone(), &local, b"f");
        let Ok(outcome) = tokio::time::timeout(DEADLINE, uploading).await else {
            return complain(self.fired, "hangs".to_owned(), false);
        };
        let there = self.files.read(b"f");
        let complaint = match &outcome {
            Ok(size) if there.as_deref() != Some(self.content) || *size != self.content.len() as u64 => Some(
                format!("success with wrong bytes, {size} of {}", self.content.len()),
            ),
            Ok(_) => None,
            // an answer to the rename that was lost leaves the whole new file
            Err(_) if there == old || there.as_deref() == Some(self.content) => None,
            Err(error) => Some(format!("a torn target after {error}")),
        };
        self.judge(complaint, &outcome.map(drop))
    }

    async fn download(self, replace: bool) -> Verdict {
        self.files.put(b"f", Node::file(self.content.to_vec()));
        let local = self.ground.target.join("f");
        let old = replace.then(|| b"the old file".to_vec());
        if let Some(old) = &old {
            std::fs::write(&local, old).expect("file");
        }
        let downloading = self
            .subject
            .download(self.pool.clone(), self.options.clone(), b"f", &local);
        let Ok(outcome) = tokio::time::timeout(DEADLINE, downloading).await else {
            return complain(self.fired, "hangs".to_owned(), false);
        };
        let here = std::fs::read(&local).ok();
        let complaint = match &outcome {
            Ok(size) if here.as_deref() != Some(self.content) || *size != self.content.len() as u64 => Some(
                format!("success with wrong bytes, {size} of {}", self.content.len()),
            ),
            Ok(_) => None,
            Err(_) if here == old => None,
            Err(error) => Some(format!("a torn target after {error}")),
        };
        self.judge(complaint, &outcome.map(drop))
    }

    async fn download_tree(self, chance: &mut Chance) -> Verdict {
        self.files.put(b"t", Node::directory());
        self.files.put(b"t/sub", Node::directory());
        let count = 1 + chance.index(12);
        let mut names = Vec::new();
        for number in 0..count {
            let name = format!("{}f{number}", if number % 3 == 0 { "sub/" } else { "" });
            let len = chance.index(self.content.len().min(200_000) + 1);
            self.files.put(
                format!("t/{name}").as_bytes(),
                Node::file(self.content[..len].to_vec()),
            );
            names.push((name, len));
        }
        let truth = |name: &str, len: usize| -> bool {
            std::fs::read(self.ground.target.join(name)).is_ok_and(|here| here == self.content[..len])
        };
        let moving =
            self.subject
                .download_tree(self.pool.clone(), self.options.clone(), b"t", &self.ground.target);
        let Ok(outcome) = tokio::time::timeout(DEADLINE, moving).await else {
            return complain(self.fired, "hangs".to_owned(), false);
        };
        let right = names.iter().filter(|(name, len)| truth(name, *len)).count() as u64;
        let wrong = names
            .iter()
            .filter(|(name, len)| self.ground.target.join(name).exists() && !truth(name, *len))
            .count();
        let complaint = match &outcome {
            _ if wrong > 0 => Some(format!("{wrong} files with wrong bytes")),
            Ok((files, _)) if *files != right => Some(format!("{files} files reported, {right} are right")),
            Ok((_, failed)) if failed.is_empty() && right != count as u64 => {
                Some(format!("no failure, and {right} of {count} are right"))
            }
            Ok((files, _)) if self.fault == Fault::HostileNames && *files != count as u64 => {
                Some("hostile names keep the others from arriving".to_owned())
            }
            _ => None,
        };
        let whole = outcome.and_then(|(_, failures)| match failures.first() {
            None => Ok(()),
            Some(first) => Err(longshore_client::Error::new(
                ErrorKind::Failure,
                longshore_client::Stage::Sftp,
                format!("{} files failed: {first}", failures.len()),
            )),
        });
        self.judge(complaint, &whole)
    }

    fn judge(self, complaint: Option<String>, outcome: &Result<()>) -> Verdict {
        let complaint = complaint
            .or_else(|| self.ground.trespass())
            .or_else(|| match outcome {
                Err(error) if self.fault.is_bearable() => Some(format!("fails over nothing: {error}")),
                _ => None,
            });
        judge(self.fired, complaint, outcome.is_ok())
    }
}

fn judge(fired: &AtomicU64, complaint: Option<String>, succeeded: bool) -> Verdict {
    Verdict {
        fired: fired.load(Ordering::Relaxed) > 0,
        complaint,
        succeeded,
    }
}

fn complain(fired: &AtomicU64, complaint: String, succeeded: bool) -> Verdict {
    judge(fired, Some(complaint), succeeded)
}

/// The client's patience with servers that say nothing.
const SILENT: Duration = Duration::from_millis(300);
/// The same where it must not matter.
const PATIENT: Duration = Duration::from_secs(60);
/// A run that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(90);
