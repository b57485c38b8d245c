//! `longshore selftest`

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use longshore_server::{Outcome, SelfTest};
use longshore_storage::{BucketName, Home, LocalStore, OwnerId, RemotePath, Store as _};
use serde_json::{Value, json};

use crate::cli::CommonArgs;
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json, table};
use crate::serve::local_options;

/// Prove that all that the server announces works on the store in use
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore selftest
  longshore selftest --bucket default --json

Opens a session of the server's engine in a folder of its own beside the bucket's files, on the same file system and
with the same settings, and tries every extension, flag and limit. A running server is not disturbed, and the folder is
removed afterwards. The exit code is 0 when everything works and 1 otherwise.")]
pub struct SelftestArgs {
    /// Bucket whose file system is tried; all of them without this
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl SelftestArgs {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        let config = common.load()?;
        let dir = DataDir::from_config(&config)?;
        let options = local_options(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))?;
        let mut tests = Vec::new();
        for name in self.buckets(&dir)? {
            let scratch = Scratch::make(&dir.buckets().join(&name))?;
            let test = runtime.block_on(async {
                let home = open_home(&scratch.path, options).await?;
                Ok::<_, CliError>(SelfTest::run(home).await)
            })?;
            tests.push((name, test));
        }
        // Uploads that were given up clean up after themselves; they must not race with the removal for long.
        drop(runtime);
        self.report(&tests)
    }

    /// Names of the buckets to try.
    fn buckets(&self, dir: &DataDir) -> Result<Vec<String>> {
        let all = bucket_names(dir)?;
        let Some(wanted) = &self.bucket else {
            return Ok(all);
        };
        if all.contains(wanted) {
            return Ok(vec![wanted.clone()]);
        }
        Err(CliError::new(
            ExitCode::NotFound,
            format!("there is no bucket {wanted} in {}", dir.buckets().display()),
        )
        .hint(format!("there are: {}", all.join(", "))))
    }

    fn report(&self, tests: &[(String, SelfTest)]) -> Result<()> {
        if self.output.json {
            print_json(&to_json(tests))?;
        } else {
            print(&table(&["BUCKET", "RESULT", "WHAT", "WHY"], &rows(tests)))?;
        }
        if tests.iter().all(|(_, test)| test.passed()) {
            return Ok(());
        }
        Err(CliError::new(
            ExitCode::Failure,
            "the store does not do all that the server announces",
        )
        .hint("do not let partners rely on what is marked broken"))
    }
}

fn bucket_names(dir: &DataDir) -> Result<Vec<String>> {
    let path = dir.buckets();
    let cannot = |error| {
        CliError::new(ExitCode::DataDir, format!("cannot read {}", path.display()))
            .because(error)
            .hint("a server makes the first bucket when it starts")
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if BucketName::parse(&name).is_ok() {
            names.push(name);
        }
    }
    names.sort_unstable();
    if names.is_empty() {
        let message = format!("there is no bucket in {}", path.display());
        return Err(CliError::new(ExitCode::NotFound, message));
    }
    Ok(names)
}

/// A folder beside a bucket's files, on the same file system; removed at the end.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn make(bucket: &Path) -> Result<Self> {
        let path = bucket.join(format!("selftest-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            CliError::new(ExitCode::DataDir, format!("cannot make {}", path.display())).because(error)
        })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the folder of the test");
        }
    }
}

/// A home in a store of its own, with the settings of the real one.
async fn open_home(scratch: &Path, options: longshore_storage::LocalOptions) -> Result<Arc<dyn Home>> {
    let cannot = |error| CliError::new(ExitCode::Failure, "cannot open a store to test").because(error);
    let store = LocalStore::open(scratch, options).map_err(cannot)?;
    let bucket = BucketName::parse("selftest").expect("the name is a bucket's");
    let home = RemotePath::parse(b"/home").expect("the text is a path");
    store.create_bucket(&bucket).await.map_err(cannot)?;
    store.make_home(&bucket, &home).await.map_err(cannot)?;
    store.open_home(&bucket, &home, OwnerId(0)).await.map_err(cannot)
}

fn outcome(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Works => ("works", ""),
        Outcome::NotAnnounced => ("not announced", ""),
        Outcome::Broken { why } => ("BROKEN", why),
    }
}

fn rows(tests: &[(String, SelfTest)]) -> Vec<Vec<String>> {
    let of_bucket = |(bucket, test): &(String, SelfTest)| {
        let row = |check: &longshore_server::Check| {
            let (result, why) = outcome(&check.outcome);
            vec![
                bucket.clone(),
                result.to_owned(),
                check.name.clone(),
                why.to_owned(),
            ]
        };
        test.checks.iter().map(row).collect::<Vec<_>>()
    };
    tests.iter().flat_map(of_bucket).collect()
}

fn to_json(tests: &[(String, SelfTest)]) -> Value {
    let check = |check: &longshore_server::Check| {
        let (result, why) = outcome(&check.outcome);
        json!({
            "name": check.name,
            "result": result.to_lowercase().replace(' ', "_"),
            "why": (!why.is_empty()).then_some(why),
        })
    };
    let bucket = |(name, test): &(String, SelfTest)| {
        json!({
            "bucket": name,
            "passed": test.passed(),
            "checks": test.checks.iter().map(check).collect::<Vec<_>>(),
        })
    };
    tests.iter().map(bucket).collect()
}
