//! The log of a handle: a ring in memory, a file, or both. No secrets: commands and what happened to the connection.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use jiff::Zoned;

use crate::error::{OintError, Result};
use crate::settings::Logging;

/// Writes events; shared by all calls of a handle.
#[derive(Debug)]
pub(crate) struct Log {
    settings: Logging,
    entries: Mutex<VecDeque<String>>,
}

impl Log {
    /// # Errors
    /// [`OintError::File`] when the file cannot be written.
    pub(crate) fn start(settings: Logging) -> Result<Self> {
        let log = Self {
            settings,
            entries: Mutex::default(),
        };
        if let Some(path) = &log.settings.file_path {
            open(path).map_err(|error| OintError::File(format!("{path}: {error}")))?;
        }
        log.event("Logger initialized");
        Ok(log)
    }

    /// Notes an event, in local time. A file that cannot be written any more is no reason to fail the call.
    pub(crate) fn event(&self, text: &str) {
        let line = format!(
            "[{}] {}",
            Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%3f"),
            one_line(text)
        );
        if let Some(path) = &self.settings.file_path {
            let _ = open(path).and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        }
        if let Some(max) = self.settings.max_entries {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.push_back(line);
            while entries.len() > max {
                entries.pop_front();
            }
        }
    }

    /// The latest `count` events (0: all), oldest first, and how many there are.
    pub(crate) fn latest(&self, count: usize) -> (Vec<String>, usize) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = match count {
            0 => 0,
            count => entries.len().saturating_sub(count),
        };
        (entries.iter().skip(skip).cloned().collect(), entries.len())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.event("Shutting down SSH backend");
    }
}

fn open(path: &str) -> std::io::Result<std::fs::File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A line is an event: what a server said must not look like several.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_latest_and_the_file_keeps_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = Log::start(Logging {
            max_entries: Some(2),
            file_path: Some(path.to_str().unwrap().to_owned()),
        })
        .unwrap();
        for text in ["one", "two\nand a half", "three"] {
            log.event(text);
        }
        let (all, total) = log.latest(0);
        assert_eq!(total, 2);
        assert!(
            all[0].ends_with("] two and a half") && all[1].ends_with("] three"),
            "{all:?}"
        );
        assert_eq!(log.latest(1).0, all[1..]);
        let (date, rest) = all[0].split_once(' ').unwrap();
        assert_eq!(
            (date.len(), rest.find(']')),
            ("[2026-06-15".len(), Some("17:33:14.062".len()))
        );
        drop(log);
        let file = std::fs::read_to_string(path).unwrap();
        assert_eq!(file.lines().count(), 5, "{file}");
        assert!(file.ends_with("Shutting down SSH backend\n"));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_said_at_once() {
        let settings = Logging {
            max_entries: None,
            file_path: Some("/nonexistent/log".to_owned()),
        };
        assert!(matches!(Log::start(settings), Err(OintError::File(_))));
    }
}
