//! What of a staged file is the upload's own, and what comes from the published version.

use super::ranges::Ranges;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::Times;
use crate::upload_types::UploadFacts;

/// Book-keeping beside the staged file.
#[derive(Debug)]
pub(crate) struct Content {
    /// Ranges that were never written still come from the published version; `None` when there is no such
    /// version or it has been carried over: then the staged file is everything.
    pub(crate) base: Option<Overlay>,
    /// Permission bits set on the handle.
    pub(crate) mode: Option<u32>,
    /// Times set on the handle after the last write.
    pub(crate) times: Option<Times>,
    pub(crate) facts: UploadFacts,
    /// What writes failed on and no later write filled, with the last reason: publishing it would be a torn file.
    broken: Ranges,
    broken_by: Option<ErrorKind>,
}

/// The upload's own ranges over the published version.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Written ranges: there the staged file counts.
    pub(crate) written: Ranges,
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
            base: over_published.then(|| Overlay {
                written: Ranges::default(),
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
        if let Some(overlay) = &mut self.base {
            overlay.written.insert(from, to);
            overlay.fixed_len = overlay.fixed_len.map(|len| len.max(to));
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
        if let Some(overlay) = &mut self.base {
            overlay.written.truncate(size);
            overlay.base_end = overlay.base_end.min(size);
            overlay.fixed_len = Some(size);
        }
    }

    /// Why the content must not be published, if so.
    pub(crate) fn broken(&self) -> Option<ErrorKind> {
        self.broken_by.filter(|_| !self.broken.is_empty())
    }
}

impl Overlay {
    /// Length of the file over a published version of `base_len` bytes.
    pub(crate) fn len(&self, base_len: u64) -> u64 {
        self.fixed_len
            .unwrap_or_else(|| self.written.end().max(base_len.min(self.base_end)))
    }

    /// The pieces of `[from, to)` over a published version of `base_len` bytes, cut at the end of the file.
    pub(crate) fn pieces(&self, from: u64, to: u64, base_len: u64) -> Vec<(u64, u64, Source)> {
        let to = to.min(self.len(base_len));
        let base_len = base_len.min(self.base_end);
        let mut pieces = Vec::new();
        for (from, to, written) in self.written.pieces(from, to) {
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
