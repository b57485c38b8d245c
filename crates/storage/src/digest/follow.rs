//! The digest of an upload while its bytes arrive.

use std::os::fd::BorrowedFd;

use aws_lc_rs::digest::{Context, SHA256};

use crate::limits;
use crate::local::{Fault, read_into};
use crate::types::Sha256;
use crate::uploads::Ranges;

/// Follows the gap-free front of a file that is being written: bytes that arrive there are digested from memory, those
/// that came ahead of it are read back once the front reaches them.
#[derive(Debug, Default)]
pub(crate) struct Follow(State);

#[derive(Debug, Default)]
enum State {
    /// Nobody wants a digest.
    #[default]
    Off,
    Front(Front),
    /// Digested bytes were changed: everything is read once more at the end.
    Lost,
}

/// Bytes up to `len` are digested.
pub(crate) struct Front {
    context: Context,
    len: u64,
    /// Written ranges beyond it.
    ahead: Ranges,
}

/// What is known when all bytes are there.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nobody wants a digest.
    Off,
    /// It is this.
    Known(Sha256),
    /// More is left to read than CLOSE may take.
    Later(Rest),
}

/// A digest that goes on from the byte `from`.
pub(crate) struct Rest {
    context: Context,
    from: u64,
}

impl Follow {
    /// Follows an upload from its first byte.
    pub(crate) fn new(wanted: bool) -> Self {
        Self(if wanted {
            State::Front(Front::new())
        } else {
            State::Off
        })
    }

    /// Follows an upload whose first `len` bytes were written before: they are read back a piece with each write, so
    /// that taking it up again costs nothing at once.
    pub(crate) fn resumed(wanted: bool, len: u64) -> Self {
        let mut follow = Self::new(wanted);
        if let State::Front(front) = &mut follow.0 {
            front.ahead.insert(0, len);
        }
        follow
    }

    /// `data` was written at `offset` of `file`.
    pub(crate) fn wrote(&mut self, offset: u64, data: &[u8], file: BorrowedFd<'_>) {
        match &mut self.0 {
            State::Front(front) if offset == front.len => {
                front.context.update(data);
                front.len += data.len() as u64;
                self.catch_up(file);
            }
            _ => self.filled(offset, offset.saturating_add(data.len() as u64), file),
        }
    }

    /// `[from, to)` of `file` was filled without its bytes coming by here.
    pub(crate) fn filled(&mut self, from: u64, to: u64, file: BorrowedFd<'_>) {
        match &mut self.0 {
            State::Front(front) if from < to => {
                if from < front.len {
                    self.0 = State::Lost;
                } else {
                    front.ahead.insert(from, to);
                    self.catch_up(file);
                }
            }
            State::Front(_) | State::Off | State::Lost => {}
        }
    }

    /// Nothing is known any more about `[from, to)`: a write of it failed half way.
    pub(crate) fn disturbed(&mut self, from: u64, to: u64) {
        if let State::Front(front) = &mut self.0 {
            if from < to && from < front.len {
                self.0 = State::Lost;
            } else {
                front.ahead.remove(from, to);
            }
        }
    }

    /// The file was cut or stretched to `size`.
    pub(crate) fn resized(&mut self, size: u64) {
        match &mut self.0 {
            State::Off => {}
            _ if size == 0 => self.0 = State::Front(Front::new()),
            State::Front(front) if size >= front.len => front.ahead.truncate(size),
            State::Front(_) => self.0 = State::Lost,
            State::Lost => {}
        }
    }

    /// Whether all of a file of `size` bytes is digested, or nobody wants that.
    pub(crate) fn is_at(&self, size: u64) -> bool {
        match &self.0 {
            State::Off => true,
            State::Front(front) => front.len == size,
            State::Lost => false,
        }
    }

    /// The digest of `file`, which has `size` bytes now and is not being written to. May be asked again.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn finish(&self, file: BorrowedFd<'_>, size: u64) -> Result<Outcome, Fault> {
        let mut rest = match &self.0 {
            State::Off => return Ok(Outcome::Off),
            State::Front(front) if front.len <= size => Rest {
                context: front.context.clone(),
                from: front.len,
            },
            State::Front(_) | State::Lost => Rest::whole(),
        };
        if size - rest.from > limits::DIGEST_AT_CLOSE {
            return Ok(Outcome::Later(rest));
        }
        rest.read(file, size, || true)?;
        Ok(Outcome::Known(rest.digest()))
    }

    fn catch_up(&mut self, file: BorrowedFd<'_>) {
        if let State::Front(front) = &mut self.0
            && (front.catch_up(file).is_err() || front.ahead.len() > limits::WRITTEN_RANGES)
        {
            // A read that fails now fails at the end too, and is told there.
            self.0 = State::Lost;
        }
    }
}

impl Front {
    fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            len: 0,
            ahead: Ranges::default(),
        }
    }

    /// Digests a bounded piece of what was written ahead and has no gap before it any more.
    fn catch_up(&mut self, file: BorrowedFd<'_>) -> Result<(), Fault> {
        if self.ahead.is_empty() {
            return Ok(());
        }
        self.ahead.remove(0, self.len);
        let to = match self.ahead.first() {
            Some((from, to)) if from == self.len => to,
            _ => return Ok(()),
        };
        let to = to.min(self.len + limits::DIGEST_CATCH_UP);
        self.len = read_through(&mut self.context, file, self.len, to, || true)?;
        self.ahead.remove(0, self.len);
        Ok(())
    }
}

impl Rest {
    fn whole() -> Self {
        Self {
            context: Context::new(&SHA256),
            from: 0,
        }
    }

    /// Reads `file` on to `size` while `go_on` says so; whether it got there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(
        &mut self,
        file: BorrowedFd<'_>,
        size: u64,
        go_on: impl Fn() -> bool,
    ) -> Result<bool, Fault> {
        self.from = read_through(&mut self.context, file, self.from, size, go_on)?;
        Ok(self.from == size)
    }

    /// The digest of what was read.
    pub(crate) fn digest(&self) -> Sha256 {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.context.clone().finish().as_ref());
        Sha256(bytes)
    }
}

/// Digests `[from, to)`; says where it stopped: `to`, the end of the file, or where `go_on` said no.
fn read_through(
    context: &mut Context,
    file: BorrowedFd<'_>,
    mut from: u64,
    to: u64,
    go_on: impl Fn() -> bool,
) -> Result<u64, Fault> {
    let mut chunk = Vec::new();
    while from < to && go_on() {
        chunk.clear();
        let want = usize::try_from(to - from).unwrap_or(usize::MAX);
        read_into(file, from, want.min(limits::DIGEST_CHUNK), &mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        context.update(&chunk);
        from += chunk.len() as u64;
    }
    Ok(from)
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { len, ahead, .. } = self;
        f.debug_struct("Front")
            .field("len", len)
            .field("ahead", ahead)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use proptest::prelude::*;

    use super::*;
    use crate::local::write_all_at;

    fn sha256(data: &[u8]) -> Sha256 {
        let mut context = Context::new(&SHA256);
        context.update(data);
        Rest { context, from: 0 }.digest()
    }

    /// A file with its follower.
    struct Upload {
        file: std::fs::File,
        follow: Follow,
    }

    impl Upload {
        fn new() -> Self {
            Self {
                file: tempfile::tempfile().unwrap(),
                follow: Follow::new(true),
            }
        }

        fn write(&mut self, offset: u64, data: &[u8]) {
            write_all_at(self.file.as_fd(), offset, data).ok().unwrap();
            self.follow.wrote(offset, data, self.file.as_fd());
        }

        fn front(&self) -> Option<u64> {
            match &self.follow.0 {
                State::Front(front) => Some(front.len),
                State::Off | State::Lost => None,
            }
        }

        fn finish(&self) -> Outcome {
            let size = self.file.metadata().unwrap().len();
            self.follow.finish(self.file.as_fd(), size).ok().unwrap()
        }

        fn content(&self) -> Vec<u8> {
            use std::os::unix::fs::FileExt;
            let mut content = vec![0; usize::try_from(self.file.metadata().unwrap().len()).unwrap()];
            self.file.read_exact_at(&mut content, 0).unwrap();
            content
        }
    }

    fn known(outcome: &Outcome) -> Sha256 {
        match outcome {
            Outcome::Known(digest) => *digest,
            other => panic!("not known: {other:?}"),
        }
    }

    #[test]
    fn bytes_in_order_are_never_read_back() {
        let mut upload = Upload::new();
        for block in 0..100_u8 {
            upload
                .follow
                .wrote(u64::from(block) * 3, &[block; 3], upload.file.as_fd());
        }
        // The file itself is empty: whatever was digested came from memory.
        assert_eq!(upload.front(), Some(300));
        let expected: Vec<u8> = (0..100_u8).flat_map(|block| [block; 3]).collect();
        let outcome = upload.follow.finish(upload.file.as_fd(), 300).ok().unwrap();
        assert_eq!(known(&outcome), sha256(&expected));
    }

    #[test]
    fn the_front_catches_up_with_what_came_ahead() {
        let mut upload = Upload::new();
        upload.write(6, b"ghi");
        upload.write(3, b"def");
        assert_eq!(upload.front(), Some(0));
        upload.write(0, b"abc");
        assert_eq!(upload.front(), Some(9));
        assert_eq!(known(&upload.finish()), sha256(b"abcdefghi"));
    }

    #[test]
    fn a_resumed_upload_digests_its_old_bytes_piece_by_piece() {
        let mut upload = Upload::new();
        let old = usize::try_from(limits::DIGEST_CATCH_UP).unwrap() * 2 + 5;
        let content: Vec<u8> = (0..old).map(|at| u8::try_from(at % 251).unwrap()).collect();
        write_all_at(upload.file.as_fd(), 0, &content).ok().unwrap();
        upload.follow = Follow::resumed(true, old as u64);
        let mut expected = content;
        for (index, byte) in (0..4_u8).enumerate() {
            upload.write(expected.len() as u64, &[byte]);
            expected.push(byte);
            let done = (index as u64 + 1) * limits::DIGEST_CATCH_UP;
            assert_eq!(upload.front(), Some(done.min(expected.len() as u64)));
        }
        assert_eq!(known(&upload.finish()), sha256(&expected));
    }

    #[test]
    fn much_that_is_missing_is_left_for_later() {
        let mut upload = Upload::new();
        upload.write(limits::DIGEST_AT_CLOSE, b"x");
        assert!(matches!(upload.finish(), Outcome::Later(Rest { from: 0, .. })));
        upload.write(0, b"y");
        assert!(matches!(upload.finish(), Outcome::Known(_)), "exactly the bound");
    }

    #[test]
    fn nobody_pays_for_a_digest_that_nobody_wants() {
        let mut upload = Upload::new();
        upload.follow = Follow::new(false);
        upload.write(0, b"abc");
        upload.follow.resized(0);
        assert!(matches!(upload.finish(), Outcome::Off));
    }

    #[test]
    fn blocks_in_reverse_order_need_one_range_only() {
        let mut upload = Upload::new();
        for block in (0..5000_u64).rev() {
            upload
                .follow
                .wrote(block * 10, b"0123456789", upload.file.as_fd());
        }
        assert!(upload.front().is_some(), "the bound on ranges was never met");
    }

    #[test]
    fn more_ranges_than_the_bound_end_in_one_reading() {
        let mut upload = Upload::new();
        for block in 0..=limits::WRITTEN_RANGES as u64 {
            upload.write(block * 2 + 1, b"x");
        }
        assert_eq!(upload.front(), None);
        assert_eq!(known(&upload.finish()), sha256(&upload.content()));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Write(u64, Vec<u8>),
        Disturb(u64, Vec<u8>),
        Fill(u64, Vec<u8>),
        Resize(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let data = || prop::collection::vec(any::<u8>(), 0..12);
        prop_oneof![
            6 => (0_u64..40, data()).prop_map(|(at, data)| Step::Write(at, data)),
            1 => (0_u64..40, data()).prop_map(|(at, data)| Step::Disturb(at, data)),
            1 => (0_u64..40, data()).prop_map(|(at, data)| Step::Fill(at, data)),
            1 => (0_u64..50).prop_map(Step::Resize),
        ]
    }

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_file_whatever_came_in_which_order(
            steps in prop::collection::vec(step(), 0..40)
        ) {
            let mut upload = Upload::new();
            for step in steps {
                match step {
                    Step::Write(at, data) => upload.write(at, &data),
                    Step::Disturb(at, data) => {
                        write_all_at(upload.file.as_fd(), at, &data).ok().unwrap();
                        upload.follow.disturbed(at, at + data.len() as u64);
                    }
                    Step::Fill(at, data) => {
                        write_all_at(upload.file.as_fd(), at, &data).ok().unwrap();
                        upload.follow.filled(at, at + data.len() as u64, upload.file.as_fd());
                    }
                    Step::Resize(size) => {
                        upload.file.set_len(size).unwrap();
                        upload.follow.resized(size);
                    }
                }
            }
            prop_assert_eq!(known(&upload.finish()), sha256(&upload.content()));
        }
    }
}
