//! Progress bars on standard error, where somebody sees them.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use longshore_client::transfer::{Direction, Event, TransferId};

use super::names::shown;

/// Bars of the files on their way, and one line for all of them.
#[derive(Debug)]
pub(crate) struct Bars {
    screen: MultiProgress,
    total: ProgressBar,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<TransferId, File>,
    started: u64,
    ended: u64,
    bytes: u64,
    drawn: usize,
}

#[derive(Debug)]
struct File {
    name: String,
    size: Option<u64>,
    /// Drawn once there is progress to show: short files never have any.
    bar: Option<ProgressBar>,
    done: u64,
}

impl Bars {
    /// Bars, if standard error is a terminal.
    pub(crate) fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(Self::new)
    }

    fn new() -> Self {
        let screen = MultiProgress::new();
        let total = screen.add(ProgressBar::no_length());
        total.set_style(style("{spinner} {msg}"));
        Self {
            screen,
            total,
            state: Mutex::default(),
        }
    }

    /// Shows what has happened.
    pub(crate) fn take(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started {
                id,
                direction,
                local,
                remote,
                size,
            } => {
                state.started += 1;
                let name = match direction {
                    Direction::Upload if !local.as_os_str().is_empty() => {
                        local.as_os_str().as_encoded_bytes()
                    }
                    Direction::Upload | Direction::Download => remote,
                };
                let file = File {
                    name: short_name(name),
                    size: *size,
                    bar: None,
                    done: 0,
                };
                state.files.insert(*id, file);
            }
            Event::Progress { id, done, total } => self.progress(&mut state, *id, *done, *total),
            Event::Finished { id, receipt } => self.end(&mut state, *id, receipt.size),
            Event::Failed { id, .. } => self.end(&mut state, *id, 0),
            _ => return,
        }
        if state.started > 1 {
            let on_the_way: u64 = state.files.values().map(|file| file.done).sum();
            let message = total_line(state.ended, state.started, state.bytes + on_the_way);
            self.total.set_message(message);
            self.total.tick();
        }
    }

    fn progress(&self, state: &mut State, id: TransferId, done: u64, total: Option<u64>) {
        let drawn = state.drawn;
        let Some(file) = state.files.get_mut(&id) else {
            return;
        };
        file.done = done;
        if file.bar.is_none() && drawn < MOST_BARS {
            let total = total.or(file.size);
            let bar = match total {
                Some(len) => ProgressBar::new(len).with_style(style(KNOWN)),
                None => ProgressBar::no_length().with_style(style(UNKNOWN)),
            };
            let bar = self
                .screen
                .insert_before(&self.total, bar.with_message(file.name.clone()));
            // what was there before was not moved now
            bar.set_position(done);
            bar.reset_eta();
            file.bar = Some(bar);
            state.drawn += 1;
        } else if let Some(bar) = &file.bar {
            bar.set_position(done);
        }
    }

    fn end(&self, state: &mut State, id: TransferId, bytes: u64) {
        state.ended += 1;
        state.bytes += bytes;
        if let Some(bar) = state.files.remove(&id).and_then(|file| file.bar) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
            state.drawn -= 1;
        }
    }

    /// Takes the bars away for as long as something is printed.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.screen.suspend(print)
    }

    /// Takes them away for good.
    pub(crate) fn clear(&self) {
        self.total.finish_and_clear();
        let _ = self.screen.clear();
    }
}

/// The line for all files.
fn total_line(ended: u64, started: u64, bytes: u64) -> String {
    format!("{ended} of {started} files so far, {}", size(bytes))
}

/// A length in bytes as people read it.
#[must_use]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A time in seconds as people read it.
#[must_use]
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// The end of a name, which tells more than its beginning.
fn short_name(name: &[u8]) -> String {
    let text = shown(name);
    let length = text.chars().count();
    if length <= NAME_LEN {
        return text;
    }
    let end: String = text.chars().skip(length - NAME_LEN + 1).collect();
    format!("…{end}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

const KNOWN: &str = "{msg:40} {bar:20} {percent:>3}% {bytes:>11} {bytes_per_sec:>13} {eta:>4}";
const UNKNOWN: &str = "{msg:40} {bytes:>11} {bytes_per_sec:>13}";

/// Characters of a name.
const NAME_LEN: usize = 40;

/// Bars at a time.
const MOST_BARS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit_behind_the_point() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (10 << 30, "10.0 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn long_names_keep_their_end_and_command_no_terminal() {
        assert_eq!(short_name(b"a/b.csv"), "a/b.csv");
        let long = short_name(format!("{}/report.csv", "x".repeat(60)).as_bytes());
        assert!(long.starts_with('…') && long.ends_with("/report.csv") && long.chars().count() == NAME_LEN);
        assert!(!short_name(b"\x1b[2J").contains('\u{1b}'));
    }

    #[test]
    fn what_has_ended_leaves_nothing_behind() {
        let bars = Bars::new();
        let started = |id| Event::Started {
            id: TransferId(id),
            direction: Direction::Upload,
            local: "a".into(),
            remote: b"b".to_vec(),
            size: Some(10),
        };
        for id in 1..=20 {
            bars.take(&started(id));
            bars.take(&Event::Progress {
                id: TransferId(id),
                done: 5,
                total: Some(10),
            });
        }
        assert_eq!(bars.state.lock().unwrap().drawn, MOST_BARS);
        for id in 1..=20 {
            bars.take(&Event::Failed {
                id: TransferId(id),
                local: "a".into(),
                remote: b"b".to_vec(),
                message: String::new(),
                kind: longshore_client::ErrorKind::Io,
            });
        }
        let state = bars.state.lock().unwrap();
        assert_eq!((state.drawn, state.files.len(), state.ended), (0, 0, 20));
        assert_eq!(total_line(3, 20, 2048), "3 of 20 files so far, 2.0 KiB");
    }
}
