//! Random requests of two sessions on one tree, to our engine and to OpenSSH's `sftp-server`: every answer and the trees
//! they leave must be the same, but for the differences that `docs/protocol.md` lists.
//!
//! `MODEL_SEED` replays from a seed that a failure printed, `MODEL_SEQUENCES` sets how many sequences run, `MODEL_SURVEY`
//! prints failures and goes on.

#![allow(unreachable_pub, reason = "the modules of this test use each other")]
#![allow(clippy::print_stdout, reason = "what was tried is part of the result")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "answers are used up by comparing them"
)]

mod answer;
mod differences;
mod documented;
mod run;
mod script;
mod tree;
mod wire;
mod world;

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use differences::{Difference, Met};
use run::{Report, run};
use script::{Random, Step, script};

const SEQUENCES: u64 = 2000;
/// More than are needed: steps on files that are not open count for nothing.
const STEPS: usize = 150;
/// Most of the time goes into waiting for the other server.
const THREADS: usize = 2;
/// How often each set of OPEN flags has to be tried at least.
const OPENS_OF_EACH: u64 = 50;

#[test]
fn two_sessions_get_the_answers_that_openssh_gives() {
    if !unprivileged("two_sessions_get_the_answers_that_openssh_gives") {
        return;
    }
    let seed = number("MODEL_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        now.as_secs() * 1_000_000
    });
    let sequences = number("MODEL_SEQUENCES").unwrap_or(SEQUENCES);
    println!("seed {seed}, {sequences} sequences of {} requests", run::REQUESTS);
    let began = Instant::now();
    let all = std::sync::Mutex::new(Total::default());
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !all.lock().unwrap().is_over() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sequences {
                        return;
                    }
                    let report = sequence(seed + number);
                    all.lock().unwrap().add(report);
                }
            });
        }
    });
    let Total {
        met,
        opens,
        requests,
        failures,
    } = all.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{requests} requests in {:.1} s", began.elapsed().as_secs_f32());
    println!("OPENs by flags: {opens:?}");
    for difference in Difference::ALL {
        println!("{:>7} {difference:?}", met.count(difference));
    }
    if sequences >= SEQUENCES {
        let rare: Vec<_> = (0..64).filter(|flags| opens[*flags] < OPENS_OF_EACH).collect();
        assert!(rare.is_empty(), "flags {rare:?} were hardly tried");
        let unmet: Vec<_> = Difference::ALL
            .into_iter()
            .filter(|one| met.count(*one) == 0)
            .collect();
        assert!(unmet.is_empty(), "{unmet:?} is documented and never happens");
    }
}

#[test]
fn each_documented_difference_is_one() {
    if !unprivileged("each_documented_difference_is_one") {
        return;
    }
    for difference in Difference::ALL {
        println!("{difference:?}");
        runtime().block_on(documented::show(difference));
    }
}

/// What all sequences came to.
#[derive(Default)]
struct Total {
    met: Met,
    opens: Vec<u64>,
    requests: u64,
    failures: Vec<String>,
}

impl Total {
    fn add(&mut self, report: Report) {
        if let Some(failure) = report.failure {
            println!("{failure}");
            self.failures.push(failure);
            return;
        }
        self.met.add(&report.met);
        self.requests += report.requests;
        self.opens.resize(64, 0);
        for (all, one) in self.opens.iter_mut().zip(report.opens) {
            *all += one;
        }
    }

    /// A survey goes on after failures.
    fn is_over(&self) -> bool {
        !self.failures.is_empty() && std::env::var_os("MODEL_SURVEY").is_none()
    }
}

/// Runs the sequence of a seed; a failure comes with the fewest steps that show it.
fn sequence(seed: u64) -> Report {
    let steps = script(&mut Random::new(seed), STEPS);
    let mut report = run_alone(&steps);
    if report.failure.is_some() {
        let (steps, failure) = shrink(steps);
        let listed: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
        report.failure = Some(format!(
            "=== MODEL_SEED={seed} MODEL_SEQUENCES=1\n{}\n{failure}",
            listed.join("\n")
        ));
    }
    report
}

fn run_alone(steps: &[Step]) -> Report {
    runtime().block_on(run(steps))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Takes steps out as long as it still fails.
fn shrink(mut steps: Vec<Step>) -> (Vec<Step>, String) {
    let mut failure = run_alone(&steps)
        .failure
        .unwrap_or_else(|| "does not fail again".to_owned());
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            match run_alone(&fewer).failure {
                Some(reason) => (steps, failure) = (fewer, reason),
                None => at += piece,
            }
        }
        piece /= 2;
    }
    (steps, failure)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// Root may do everything: its answers say nothing about permissions. Runs the test once more as nobody then, and says
/// that this was it.
fn unprivileged(test: &str) -> bool {
    const NOBODY: &str = "65534";
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return true;
    }
    // Nobody may look into neither target directories nor root's temporary ones.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("model");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let status = Command::new("chown")
        .arg("-R")
        .arg(format!("{NOBODY}:{NOBODY}"))
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    let status = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(&program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("TMPDIR", dir.path())
        .env("HOME", dir.path())
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(status.success(), "failed as uid {NOBODY}: see above");
    false
}
