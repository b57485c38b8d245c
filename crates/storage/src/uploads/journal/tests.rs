pub(crate) use super::entry::tests::{intent, kept};

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::file::{NAME, NEW};
use super::*;

fn dir(path: &Path) -> OwnedFd {
    std::fs::File::open(path).unwrap().into()
}

fn said(journal: &Journal) -> Vec<(u8, bool, bool)> {
    let mut all: Vec<_> = journal
        .known()
        .iter()
        .map(|(id, known)| (id.0[0], known.kept.is_some(), known.intent.is_some()))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn what_was_said_is_there_after_opening_it_again() {
    let temp = tempfile::tempdir().unwrap();
    let journal = Journal::open(&dir(temp.path())).unwrap();
    for id in 1..=4 {
        journal.append(Entry::Kept(Box::new(kept(id)))).unwrap();
    }
    for id in 3..=6 {
        journal.append(Entry::Intent(Box::new(intent(id)))).unwrap();
    }
    journal.append(Entry::Gone(UploadId([1; 16]))).unwrap();
    journal.append(Entry::Void(UploadId([3; 16]))).unwrap();
    journal.append(Entry::Recorded(UploadId([4; 16]))).unwrap();
    journal.append(Entry::Void(UploadId([5; 16]))).unwrap();
    journal.flush().unwrap();
    let expected = [(2, true, false), (3, true, false), (6, false, true)];
    assert_eq!(said(&journal), expected);
    drop(journal);
    let again = Journal::open(&dir(temp.path())).unwrap();
    assert_eq!(said(&again), expected);
    assert_eq!(again.known()[&UploadId([2; 16])].kept, Some(kept(2)));
    assert_eq!(again.intents(), [intent(6)]);
}

#[test]
fn a_torn_end_takes_nothing_with_it_and_is_written_over() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join(NAME);
    let journal = Journal::open(&dir(temp.path())).unwrap();
    journal.append(Entry::Kept(Box::new(kept(1)))).unwrap();
    let whole = lock(&journal.state).file.as_ref().unwrap().end();
    journal.append(Entry::Kept(Box::new(kept(2)))).unwrap();
    let end = lock(&journal.state).file.as_ref().unwrap().end();
    drop(journal);
    let bytes = std::fs::read(&path).unwrap();
    for cut in [whole + 1, whole + 11, whole + 12, end - 1] {
        std::fs::write(&path, &bytes).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let rest = usize::try_from(end - cut).unwrap();
        file.write_all_at(&vec![0; rest], cut).unwrap();
        let again = Journal::open(&dir(temp.path())).unwrap();
        // The last byte of the entry is a zero by itself.
        let expected = vec![(1, true, false)];
        if cut != end - 1 {
            assert_eq!(said(&again), expected, "cut at {cut} of {end}");
        }
    }
}

#[test]
fn it_stays_small_whatever_is_said() {
    let temp = tempfile::tempdir().unwrap();
    let journal = Journal::open(&dir(temp.path())).unwrap();
    journal.append(Entry::Kept(Box::new(kept(1)))).unwrap();
    for _ in 0..30_000 {
        journal.append(Entry::Intent(Box::new(intent(2)))).unwrap();
        journal.append(Entry::Recorded(UploadId([2; 16]))).unwrap();
    }
    let size = std::fs::metadata(temp.path().join(NAME)).unwrap().len();
    assert!(size < 2 * limits::JOURNAL_BYTES, "{size}");
    assert_eq!(said(&journal), [(1, true, false)]);
    assert!(!temp.path().join(NEW).exists());
}

#[test]
fn waiting_for_a_flush_is_shared() {
    let temp = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::open(&dir(temp.path())).unwrap());
    let threads: Vec<_> = (1..=16)
        .map(|id| {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || {
                for _ in 0..8 {
                    journal.append(Entry::Intent(Box::new(intent(id)))).unwrap();
                    journal.flush().unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(journal.flush_count() <= 128);
    assert!(
        journal.flush_count() >= 8,
        "each thread waits for one after the other"
    );
}

#[test]
fn an_unreadable_journal_is_begun_anew() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join(NAME), b"something else altogether").unwrap();
    std::fs::write(temp.path().join(NEW), b"left by a crash").unwrap();
    let journal = Journal::open(&dir(temp.path())).unwrap();
    assert_eq!(said(&journal), []);
    journal.append(Entry::Kept(Box::new(kept(1)))).unwrap();
    drop(journal);
    assert_eq!(
        said(&Journal::open(&dir(temp.path())).unwrap()),
        [(1, true, false)]
    );
}
