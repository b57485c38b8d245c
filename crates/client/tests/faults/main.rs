//! Hundreds of transfers with servers and lines that have faults, all from seeds: none may succeed with wrong bytes, hang past
//! its deadline, or write outside of its target.

#![allow(unreachable_pub, reason = "the modules of one test")]

mod broken;
mod chance;
mod files;
mod kinds;
mod run;
mod server;

use std::collections::BTreeMap;

use futures::stream::{StreamExt, iter};

use broken::Broken;
use kinds::Fault;
use run::{Client, Subject, run};

/// Runs in which each fault has shown, at least.
const RUNS_PER_FAULT: usize = 30;
/// Seeds tried for one fault until it has shown often enough.
const SEEDS_PER_FAULT: u64 = 200;
/// Runs side by side.
const SIDE_BY_SIDE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_yields_a_success_with_wrong_bytes_a_hang_or_a_trespass() {
    let longer = std::env::var("LONGSHORE_FAULT_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok());
    let wanted = longer.unwrap_or(RUNS_PER_FAULT);
    let outcomes: Vec<_> = iter(Fault::ALL)
        .map(|fault| shown_runs(&Client, fault, wanted))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let mut shown = BTreeMap::new();
    let mut complaints = Vec::new();
    for outcome in outcomes {
        shown.insert(outcome.fault, outcome.shown);
        complaints.extend(outcome.complaints);
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    for (fault, shown) in &shown {
        assert!(*shown >= wanted, "{fault:?} has shown {shown} times only");
    }
    assert!(shown.values().sum::<usize>() >= 500);
}

/// The same judge, and clients that deserve it.
#[tokio::test]
async fn a_client_that_is_broken_is_caught() {
    for (broken, fault) in [
        (Broken::TakesShortReadsForTheEnd, Fault::ShortReads),
        (Broken::IgnoresFailedWrites, Fault::FailedWrite),
        (Broken::TrustsNames, Fault::HostileNames),
        (Broken::WritesInPlace, Fault::ResetReceiving),
        (Broken::WritesInPlace, Fault::EarlyEof),
        (Broken::WritesInPlace, Fault::MovingSource),
        (Broken::WritesInPlace, Fault::LostWrite),
    ] {
        let outcome = shown_runs(&broken, fault, 10).await;
        assert!(
            !outcome.complaints.is_empty(),
            "{broken:?} gets away with {fault:?}"
        );
    }
}

struct Outcome {
    fault: Fault,
    shown: usize,
    complaints: Vec<String>,
}

async fn shown_runs(subject: &dyn Subject, fault: Fault, wanted: usize) -> Outcome {
    let mut outcome = Outcome {
        fault,
        shown: 0,
        complaints: Vec::new(),
    };
    for number in 0..SEEDS_PER_FAULT.max(wanted as u64 * 4) {
        if outcome.shown >= wanted {
            break;
        }
        let seed = number * 1000 + fault as u64;
        let verdict = run(subject, fault, seed).await;
        // a server without a fault has nothing to show, nor has one without extensions
        let shows =
            verdict.fired || matches!(fault, Fault::Healthy | Fault::NoExtensions | Fault::TinyPackets);
        outcome.shown += usize::from(shows);
        if let Some(complaint) = verdict.complaint {
            outcome.complaints.push(format!(
                "{fault:?} with seed {seed}: {complaint} (success: {})",
                verdict.succeeded
            ));
        }
    }
    outcome
}
