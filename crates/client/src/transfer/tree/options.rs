//! What happens to a tree beyond moving its files.

use super::filter::Filter;

/// How trees are moved. The default copies everything; [`TreeOptions::sync`] copies what differs.
#[derive(Debug, Clone, Default)]
pub struct TreeOptions {
    /// Which files are moved when the target has them already.
    pub compare: Compare,
    /// What is left out.
    pub filter: Filter,
    /// Remove from the target what the source does not have.
    pub delete: Option<Delete>,
    /// Only tell what would be done.
    pub dry_run: bool,
    /// What happens to symbolic links.
    pub links: Links,
}

/// When a file of the target is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// Never: everything is moved.
    #[default]
    Nothing,
    /// When it has the same size, and the same time of modification give or take this many seconds.
    SizeAndTime {
        /// Seconds. 1 suits file systems that keep even seconds only.
        window: u32,
    },
    /// When it has the same size; for servers that keep no times.
    Size,
}

/// Removing what the source does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delete {
    /// More entries than this are not removed: nothing is, and the tree fails with
    /// [`Guarded`](crate::ErrorKind::Guarded). `None`: any number.
    pub max: Option<u64>,
}

/// What happens to symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They are left out, and told.
    #[default]
    Skip,
    /// They are made as links with the same words.
    Keep,
    /// What they lead to is moved.
    Follow,
}

impl TreeOptions {
    /// Copies what differs in size or time of modification; removes nothing.
    #[must_use]
    pub fn sync() -> Self {
        Self {
            compare: Compare::SizeAndTime { window: 0 },
            ..Self::default()
        }
    }
}
