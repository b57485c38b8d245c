//! Changes of names that are not synced yet, in the order in which they were made.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;

use crate::chance::Chance;

/// One name of one directory gets another meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) dir: u64,
    pub(crate) name: OsString,
    /// `None`: the name goes.
    pub(crate) to: Option<u64>,
    pub(crate) cause: Cause,
}

/// Why a name changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A file, link or directory was made.
    Made,
    /// A second name was given.
    Linked,
    /// It was removed.
    Removed,
    /// It came by a rename.
    Arrived,
    /// It went by a rename.
    Left,
}

/// What survives together or not at all: one system call, as in the journal of a file system.
#[derive(Debug)]
struct Step {
    number: u64,
    changes: Vec<Change>,
}

/// The changes that a power cut may undo.
///
/// A sync of a directory makes every step durable that changed a name in it, and every earlier step that changed one
/// of the same names as those. At a cut each other step survives or not, but none without the earlier ones that it
/// stands on: POSIX promises no more, and no file system of Linux gives less.
#[derive(Debug, Default)]
pub(crate) struct NameLog {
    steps: Vec<Step>,
    last: u64,
}

impl NameLog {
    /// Notes one step.
    pub(crate) fn push(&mut self, changes: Vec<Change>) {
        self.last += 1;
        self.steps.push(Step {
            number: self.last,
            changes,
        });
    }

    /// The number of the last step; a sync covers those up to the one at its beginning.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Takes out what a sync of `dir` makes durable, in order. Steps that changed names in it for one of the causes
    /// `but` are left out.
    pub(crate) fn sync(&mut self, dir: u64, up_to: u64, but: &[Cause]) -> Vec<Change> {
        let mut chosen = BTreeSet::new();
        let mut names: HashSet<(u64, OsString)> = HashSet::new();
        for step in self.steps.iter().rev().filter(|step| step.number <= up_to) {
            let in_dir = || step.changes.iter().filter(|change| change.dir == dir);
            let wanted = (in_dir().next().is_some() && !in_dir().any(|change| but.contains(&change.cause)))
                || step
                    .changes
                    .iter()
                    .any(|change| names.contains(&(change.dir, change.name.clone())));
            if wanted {
                chosen.insert(step.number);
                names.extend(
                    step.changes
                        .iter()
                        .map(|change| (change.dir, change.name.clone())),
                );
            }
        }
        self.take(&chosen)
    }

    /// Empties the log; gives what survives when each step does so in `percent` of a hundred cases.
    pub(crate) fn cut(&mut self, chance: &mut Chance, percent: u64) -> Vec<Change> {
        let mut lost: HashSet<(u64, OsString)> = HashSet::new();
        let mut survivors = Vec::new();
        for step in std::mem::take(&mut self.steps) {
            let stands = !step
                .changes
                .iter()
                .any(|change| lost.contains(&(change.dir, change.name.clone())));
            if stands && chance.percent(percent) {
                survivors.extend(step.changes);
            } else {
                lost.extend(step.changes.into_iter().map(|change| (change.dir, change.name)));
            }
        }
        survivors
    }

    fn take(&mut self, chosen: &BTreeSet<u64>) -> Vec<Change> {
        let (taken, rest) = std::mem::take(&mut self.steps)
            .into_iter()
            .partition(|step| chosen.contains(&step.number));
        self.steps = rest;
        let taken: Vec<Step> = taken;
        taken.into_iter().flat_map(|step| step.changes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(dir: u64, name: &str, to: Option<u64>) -> Change {
        Change {
            dir,
            name: name.into(),
            to,
            cause: Cause::Made,
        }
    }

    fn log(steps: &[&[Change]]) -> NameLog {
        let mut log = NameLog::default();
        for step in steps {
            log.push(step.to_vec());
        }
        log
    }

    #[test]
    fn a_sync_takes_its_directory_and_what_that_stands_on() {
        let create = [change(1, "a", Some(7))];
        let rename = [change(1, "a", None), change(2, "b", Some(7))];
        let other = [change(3, "c", Some(8))];
        let mut log = log(&[&create, &other, &rename]);
        let synced = log.sync(2, log.last(), &[]);
        assert_eq!(synced, [create.as_slice(), rename.as_slice()].concat());
        assert_eq!(log.sync(3, log.last(), &[]), other);
        assert!(log.sync(1, log.last(), &[]).is_empty());
    }

    #[test]
    fn a_sync_does_not_cover_what_came_after_it_began() {
        let mut log = log(&[&[change(1, "a", Some(7))]]);
        let began = log.last();
        log.push(vec![change(1, "b", Some(8))]);
        assert_eq!(log.sync(1, began, &[]), [change(1, "a", Some(7))]);
        assert_eq!(log.sync(1, log.last(), &[]), [change(1, "b", Some(8))]);
    }

    #[test]
    fn a_cause_that_is_left_out_leaves_its_steps_unsynced() {
        let made = change(1, "a", Some(7));
        let linked = Change {
            cause: Cause::Linked,
            ..change(1, "b", Some(7))
        };
        let mut log = log(&[std::slice::from_ref(&made), std::slice::from_ref(&linked)]);
        assert_eq!(log.sync(1, log.last(), &[Cause::Linked]), [made]);
        assert_eq!(log.sync(1, log.last(), &[]), [linked]);
    }

    #[test]
    fn at_a_cut_nothing_survives_without_what_it_stands_on() {
        let steps: [&[Change]; 3] = [
            &[change(1, "a", Some(7))],
            &[change(1, "a", None), change(1, "b", Some(7))],
            &[change(1, "c", Some(9))],
        ];
        let mut seen = HashSet::new();
        for seed in 0..200 {
            let left = log(&steps).cut(&mut Chance::new(seed), 50);
            let has = |step: usize| steps[step].iter().all(|change| left.contains(change));
            assert!(!has(1) || has(0), "seed {seed}: {left:?}");
            seen.insert((has(0), has(1), has(2)));
        }
        assert_eq!(seen.len(), 6, "every outcome that is possible: {seen:?}");
    }

    #[test]
    fn all_or_nothing_can_be_asked_for() {
        let steps: [&[Change]; 1] = [&[change(1, "a", Some(7))]];
        assert!(log(&steps).cut(&mut Chance::new(1), 0).is_empty());
        assert_eq!(log(&steps).cut(&mut Chance::new(1), 100), steps[0]);
    }
}
