//! Which entries of a tree take part.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, ErrorKind, Result, Stage};

/// Patterns for what is left out and what takes part.
///
/// `*`, `?`, `[…]`, `{a,b}` stay within a name, `**` goes over directories. A pattern without a slash is compared with the name of
/// an entry at any depth, one with a slash with the path below the tree's root. What matches an exclusion is left out, with
/// everything below it. If there are inclusions, files and links must match one of them; directories are looked into anyway.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Patterns,
    exclude: Patterns,
}

#[derive(Debug, Clone, Default)]
struct Patterns {
    globs: Vec<(Glob, bool)>,
    names: GlobSet,
    paths: GlobSet,
}

impl Filter {
    /// Everything takes part.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pattern for files that take part.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: it is no pattern.
    pub fn include(mut self, pattern: &str) -> Result<Self> {
        self.include.add(pattern)?;
        Ok(self)
    }

    /// Adds a pattern for what is left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: it is no pattern.
    pub fn exclude(mut self, pattern: &str) -> Result<Self> {
        self.exclude.add(pattern)?;
        Ok(self)
    }

    /// Whether an entry takes part; `path` is relative to the tree's root.
    #[must_use]
    pub fn takes(&self, path: &[u8], directory: bool) -> bool {
        if self.exclude.matches(path) {
            return false;
        }
        directory || self.include.globs.is_empty() || self.include.matches(path)
    }
}

impl Patterns {
    fn add(&mut self, pattern: &str) -> Result<()> {
        let text = pattern.trim_start_matches('/').trim_end_matches('/');
        let by_path = pattern.trim_end_matches('/').contains('/');
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .map_err(|error| bad(pattern, error))?;
        self.globs.push((glob, by_path));
        let build = |by_path: bool| {
            let mut builder = GlobSetBuilder::new();
            for (glob, _) in self.globs.iter().filter(|(_, path)| *path == by_path) {
                builder.add(glob.clone());
            }
            builder.build().map_err(|error| bad(pattern, error))
        };
        (self.names, self.paths) = (build(false)?, build(true)?);
        Ok(())
    }

    fn matches(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        self.names.is_match(Path::new(OsStr::from_bytes(name)))
            || self.paths.is_match(Path::new(OsStr::from_bytes(path)))
    }
}

fn bad(pattern: &str, error: globset::Error) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        Stage::Config,
        format!("the pattern {pattern:?} cannot be read: {error}"),
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_win_and_inclusions_are_for_files() {
        let filter = Filter::new()
            .include("*.csv")
            .and_then(|filter| filter.exclude("tmp"))
            .and_then(|filter| filter.exclude("/old/*.csv"))
            .expect("patterns");
        for (path, directory, takes) in [
            ("a.csv", false, true),
            ("deep/down/a.csv", false, true),
            ("a.txt", false, false),
            ("deep", true, true),
            ("tmp", true, false),
            ("deep/tmp", true, false),
            ("old/a.csv", false, false),
            ("older/old/a.csv", false, true),
        ] {
            assert_eq!(filter.takes(path.as_bytes(), directory), takes, "{path}");
        }
        assert!(Filter::new().takes(b"\xff/anything", false));
        assert!(Filter::new().exclude("a[").is_err());
    }

    #[test]
    fn stars_stay_within_a_name_and_two_do_not() {
        let filter = Filter::new()
            .exclude("a/*")
            .and_then(|filter| filter.exclude("b/**"))
            .expect("patterns");
        assert!(!filter.takes(b"a/x", false));
        assert!(filter.takes(b"a/x/y", false));
        assert!(!filter.takes(b"b/x/y", false));
    }
}
