//! Where our answers differ from those of OpenSSH's server on purpose: `docs/protocol.md` lists the same.

use std::collections::BTreeMap;

/// A difference that is documented, with a test of its own in `documented.rs`. Any other is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Publishing gives the name a new file: its other hard links keep the old content, and its times are new even if
    /// nothing was written.
    PublishingMakesANewFile,
    /// Who has a file open keeps its version when another upload of that name begins and is published.
    ReadersKeepTheirVersion,
    /// REMOVE (and a rename onto the name) throws an unfinished upload away: its handles answer FAILURE.
    RemovedUploadIsGone,
    /// An upload needs to write in the directory, when it begins and when it is published, and to read the file if it
    /// keeps a part of it.
    UploadsNeedMoreRights,
    /// OPEN of a directory fails; one that may be read but not searched is listed as far as possible.
    DirectoriesAreNoFiles,
    /// TRUNC without WRITE changes nothing.
    TruncNeedsWrite,
    /// A handle that does not fit (not open, not for reading, not for writing, a directory's) is FAILURE or
    /// PERMISSION_DENIED, not NO_SUCH_FILE; a directory's has attributes.
    HandlesThatDoNotFit,
    /// REALPATH takes paths of which more than the last part is missing.
    RealPathOfWhatIsMissing,
    /// The home is `/`: nobody removes or renames it, and nothing is said of other users.
    HomeIsTheRoot,
    /// RENAME replaces nothing, not even a link to nowhere.
    RenameNeverReplaces,
    /// An unfinished upload opens to its owner whatever its mode is.
    OwnUploadsOpen,
}

/// How often each was met.
#[derive(Debug, Default)]
pub struct Met(BTreeMap<Difference, u64>);

impl Met {
    pub fn note(&mut self, difference: Difference) {
        *self.0.entry(difference).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (difference, count) in &other.0 {
            *self.0.entry(*difference).or_default() += count;
        }
    }

    pub fn count(&self, difference: Difference) -> u64 {
        self.0.get(&difference).copied().unwrap_or(0)
    }
}

impl Difference {
    pub const ALL: [Self; 11] = [
        Self::PublishingMakesANewFile,
        Self::ReadersKeepTheirVersion,
        Self::RemovedUploadIsGone,
        Self::UploadsNeedMoreRights,
        Self::DirectoriesAreNoFiles,
        Self::TruncNeedsWrite,
        Self::HandlesThatDoNotFit,
        Self::RealPathOfWhatIsMissing,
        Self::HomeIsTheRoot,
        Self::RenameNeverReplaces,
        Self::OwnUploadsOpen,
    ];
}
