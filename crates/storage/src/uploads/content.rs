//! What of a staged file is the upload's own, and what comes from the published version.

use std::time::SystemTime;

use super::journal::Kept;
use super::ranges::Ranges;
use super::tell::Told;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::Times;
use crate::upload_types::UploadFacts;

/// Book-keeping beside the staged file.
#[derive(Debug)]
pub(crate) struct Content {
    /// Written ranges; over a published version the staged file counts there.
    pub(crate) written: Ranges,
    /// Ranges that were filled from the published version, so that a second try takes them from no other one.
    pub(crate) carried: Ranges,
    /// Some more were written than `written` tells.
    forgot: bool,
    /// How long the file was made other than by writing: up to here it may have bytes that nobody wrote.
    stretched: u64,
    /// Ranges that were never written still come from the published version; `None` when there is no such
    /// version or it has been carried over: then the staged file is everything.
    pub(crate) base: Option<Overlay>,
    /// What was acknowledged as safe before publishing: kept whatever happens.
    pub(crate) safe: Ranges,
    /// That happened, be it of an empty file.
    pub(crate) acknowledged: bool,
    /// A CLOSE that others' open handles kept from publishing.
    pub(super) closed: Option<ClosedBefore>,
    /// When a handle that died did something last.
    pub(super) last_of_dead: u64,
    /// When it was parked, while it is.
    pub(crate) parked: Option<SystemTime>,
    /// What the journal says of it.
    pub(super) told: Option<Told>,
    /// It was published or thrown away: the journal is told no more.
    pub(crate) over: bool,
    /// Permission bits set on the handle.
    pub(crate) mode: Option<u32>,
    /// Times set on the handle after the last write.
    pub(crate) times: Option<Times>,
    pub(crate) facts: UploadFacts,
    /// What writes failed on and no later write filled, with the last reason: publishing it would be a torn file.
    broken: Ranges,
    broken_by: Option<ErrorKind>,
}

/// An acknowledged CLOSE that was not the last one.
#[derive(Debug)]
pub(super) struct ClosedBefore {
    /// When the handle was opened.
    pub(super) opened: u64,
    pub(super) note: Vec<u8>,
}

/// The upload's own ranges over the published version.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Truncation cut the published version off here, even when the file grew again later.
    pub(crate) base_end: u64,
    /// Length of the file, once a truncation fixed it; otherwise the longer of both versions counts.
    pub(crate) fixed_len: Option<u64>,
}

/// Where a piece of an overlaid file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Staged,
    Base,
    Zeros,
}

impl Content {
    pub(crate) fn new(over_published: bool) -> Self {
        Self {
            written: Ranges::default(),
            carried: Ranges::default(),
            forgot: false,
            stretched: 0,
            safe: Ranges::default(),
            acknowledged: false,
            closed: None,
            last_of_dead: 0,
            parked: None,
            told: None,
            over: false,
            base: over_published.then_some(Overlay {
                base_end: u64::MAX,
                fixed_len: None,
            }),
            mode: None,
            times: None,
            facts: UploadFacts::default(),
            broken: Ranges::default(),
            broken_by: None,
        }
    }

    /// Of an upload that a restart found, which has `written` in its file.
    pub(super) fn restored(kept: &Kept, written: Ranges) -> Self {
        let mut facts = kept.facts.clone();
        facts.dropped += u32::from(kept.parked.is_none());
        Self {
            carried: Ranges::default(),
            forgot: false,
            stretched: 0,
            base: kept
                .base
                .map(|(base_end, fixed_len)| Overlay { base_end, fixed_len }),
            safe: if kept.synced {
                written.clone()
            } else {
                Ranges::default()
            },
            acknowledged: kept.synced,
            closed: None,
            last_of_dead: 0,
            parked: Some(kept.parked.unwrap_or_else(SystemTime::now)),
            told: None,
            over: false,
            mode: kept.mode,
            times: kept.times,
            facts,
            broken: Ranges::default(),
            broken_by: None,
            written,
        }
    }

    /// `[from, to)` was written.
    pub(crate) fn wrote(&mut self, from: u64, to: u64) {
        if from >= to {
            return; // write(2) of nothing neither grows a file nor touches its times
        }
        self.times = None;
        self.facts.received += to - from;
        if !self.broken.is_empty() {
            self.broken.remove(from, to);
        }
        self.written.insert(from, to);
        match &mut self.base {
            Some(overlay) => overlay.fixed_len = overlay.fixed_len.map(|len| len.max(to)),
            None if self.written.len() > limits::WRITTEN_RANGES => {
                // Only the front matters then.
                self.written.drop_last();
                self.forgot = true;
            }
            None => {}
        }
    }

    /// Writing `[from, to)` failed.
    pub(crate) fn failed(&mut self, from: u64, to: u64, kind: ErrorKind) {
        self.broken.insert(from, to);
        self.broken_by = Some(kind);
        if self.broken.len() > limits::WRITTEN_RANGES {
            self.broken.cover();
        }
    }

    /// The file was cut or stretched to `size`.
    pub(crate) fn resized(&mut self, size: u64) {
        self.broken.truncate(size);
        self.written.truncate(size);
        self.carried.truncate(size);
        self.safe.truncate(size);
        self.stretched = size;
        if let Some(overlay) = &mut self.base {
            overlay.base_end = overlay.base_end.min(size);
            overlay.fixed_len = Some(size);
        }
    }

    /// The first byte that was not written.
    pub(crate) fn front(&self) -> u64 {
        self.written.front()
    }

    /// As [`Content::front`], up to the first failed write.
    pub(crate) fn whole_front(&self) -> u64 {
        let mut whole = self.written.clone();
        self.broken.iter().for_each(|(from, to)| whole.remove(from, to));
        whole.front()
    }

    /// What a sync of a file of `size` bytes makes safe. Where ranges were forgotten that is all of it: rather zeros too
    /// much than an acknowledged byte too little.
    pub(crate) fn synced(&self, size: u64) -> Ranges {
        let mut synced = self.written.clone();
        if self.forgot {
            synced.insert(0, size);
        }
        synced
    }

    /// All that was never written came from the published version, or is zeros, in a file of `len` bytes.
    pub(super) fn carried_over(&mut self, len: u64) {
        self.base = None;
        self.stretched = self.stretched.max(len);
    }

    /// Whether there are too many ranges to go on telling what was written.
    pub(crate) fn is_crowded(&self) -> bool {
        self.base.is_some() && self.written.len() > limits::WRITTEN_RANGES
    }

    /// Whether the staged file has no gap.
    pub(crate) fn came_in_order(&self) -> bool {
        let front = self.written.front();
        self.written.len() <= 1 && front == self.written.end() && front >= self.stretched && !self.forgot
    }

    /// All but `kept` is gone. Where a write failed inside of it, it goes on lacking that.
    pub(crate) fn keep_only(&mut self, kept: Ranges) {
        for (from, to, inside) in kept.pieces(0, u64::MAX) {
            if !inside {
                self.broken.remove(from, to);
            }
        }
        self.written = kept;
        self.carried = Ranges::default();
        self.forgot = false;
        self.stretched = 0;
    }

    /// What is in the file, written or carried over.
    pub(crate) fn filled(&self) -> Ranges {
        let mut filled = self.written.clone();
        self.carried.iter().for_each(|(from, to)| filled.insert(from, to));
        filled
    }

    /// Counts what a file of `size` bytes is made of, now that it is complete.
    pub(crate) fn take_stock(&mut self, size: u64) {
        let filled = self.filled().bytes();
        self.facts.carried = filled.saturating_sub(self.written.bytes());
        self.facts.holes = if self.forgot {
            0
        } else {
            size.saturating_sub(filled)
        };
    }

    /// Why the content must not be published, if so.
    pub(crate) fn broken(&self) -> Option<ErrorKind> {
        self.broken_by.filter(|_| !self.broken.is_empty())
    }
}

impl Overlay {
    /// Length of the file over a published version of `base_len` bytes.
    pub(crate) fn len(&self, written: &Ranges, base_len: u64) -> u64 {
        self.fixed_len
            .unwrap_or_else(|| written.end().max(base_len.min(self.base_end)))
    }

    /// The pieces of `[from, to)` over a published version of `base_len` bytes, cut at the end of the file.
    pub(crate) fn pieces(
        &self,
        written: &Ranges,
        from: u64,
        to: u64,
        base_len: u64,
    ) -> Vec<(u64, u64, Source)> {
        let to = to.min(self.len(written, base_len));
        let base_len = base_len.min(self.base_end);
        let mut pieces = Vec::new();
        for (from, to, written) in written.pieces(from, to) {
            if written {
                pieces.push((from, to, Source::Staged));
                continue;
            }
            let middle = base_len.clamp(from, to);
            if from < middle {
                pieces.push((from, middle, Source::Base));
            }
            if middle < to {
                pieces.push((middle, to, Source::Zeros));
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_goes_on_lacking_what_could_not_be_written() {
        let mut content = Content::new(false);
        content.wrote(0, 100);
        content.safe = content.synced(100);
        content.failed(40, 50, ErrorKind::Io);
        content.failed(200, 300, ErrorKind::Io);
        assert_eq!(content.whole_front(), 40);
        content.keep_only(content.safe.clone());
        assert_eq!(content.broken(), Some(ErrorKind::Io));
        content.wrote(40, 50);
        assert_eq!(content.broken(), None, "what was cut off lacks nothing");
    }
}
