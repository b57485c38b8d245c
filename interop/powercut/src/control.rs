//! The machine around the disk: what the test may do to it.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fuser::{BackgroundSession, MountOption};
use rustix::mount::{UnmountFlags, unmount};

use crate::fs::{Disk, Mounted, lock};
use crate::names::Cause;
use crate::sync::{Kind, Sabotage};
use crate::volume::Volume;

/// What standard input may say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// `cut`: the power goes now. What was not synced is lost; every operation fails with EIO until `boot`.
    Cut,
    /// `cut-after N`: the power goes at the Nth change or sync from now.
    CutAfter(u64),
    /// `cut-at data|names PATTERN`: the power goes when the next sync of such a file or directory begins.
    CutAt(Kind, Vec<u8>),
    /// `state`: answers `on` or `off`.
    State,
    /// `boot`: the power comes back; the disk is mounted again with what survived.
    Boot,
    /// `delay MS`: each sync takes this long from now on.
    Delay(Duration),
    /// `split on` or `split off`: whether the two names of a rename between directories may survive apart.
    Split(bool),
    /// `ignore WHAT PATTERN`: syncs of these files (`data`) or directories (`names`) are only pretended from now on; with
    /// `made`, `linked`, `removed`, `arrived` or `left` those of directories leave out the names that changed so.
    Ignore(Sabotage, Vec<u8>),
    /// `heed`: all syncs are real again.
    Heed,
    /// `counts`: answers how many syncs there were since the last `reset`, as `KIND PATH N` separated by tabs.
    Counts,
    /// `reset`: counts from 0.
    Reset,
}

impl Command {
    /// Reads one line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let command = match (words.next()?, words.next(), words.next()) {
            ("cut", None, None) => Self::Cut,
            ("cut-after", Some(count), None) => Self::CutAfter(count.parse().ok()?),
            ("cut-at", Some("data"), Some(pattern)) => Self::CutAt(Kind::Data, pattern.into()),
            ("cut-at", Some("names"), Some(pattern)) => Self::CutAt(Kind::Names, pattern.into()),
            ("state", None, None) => Self::State,
            ("boot", None, None) => Self::Boot,
            ("delay", Some(millis), None) => Self::Delay(Duration::from_millis(millis.parse().ok()?)),
            ("split", Some("on"), None) => Self::Split(true),
            ("split", Some("off"), None) => Self::Split(false),
            ("ignore", Some(what), Some(pattern)) => Self::Ignore(sabotage(what)?, pattern.into()),
            ("heed", None, None) => Self::Heed,
            ("counts", None, None) => Self::Counts,
            ("reset", None, None) => Self::Reset,
            _ => return None,
        };
        words.next().is_none().then_some(command)
    }
}

fn sabotage(what: &str) -> Option<Sabotage> {
    Some(match what {
        "data" => Sabotage::All(Kind::Data),
        "names" => Sabotage::All(Kind::Names),
        "made" => Sabotage::Only(Cause::Made),
        "linked" => Sabotage::Only(Cause::Linked),
        "removed" => Sabotage::Only(Cause::Removed),
        "arrived" => Sabotage::Only(Cause::Arrived),
        "left" => Sabotage::Only(Cause::Left),
        _ => return None,
    })
}

/// A disk and its mount point.
#[derive(Debug)]
pub(crate) struct Machine {
    disk: Arc<Mutex<Disk>>,
    mountpoint: PathBuf,
    session: Option<BackgroundSession>,
}

impl Machine {
    /// Mounts an empty disk.
    pub(crate) fn start(mountpoint: PathBuf, seed: u64) -> io::Result<Self> {
        let disk = Disk {
            volume: Volume::new(seed),
            delay: Duration::ZERO,
            boots: 0,
        };
        let mut machine = Self {
            disk: Arc::new(Mutex::new(disk)),
            mountpoint,
            session: None,
        };
        machine.mount()?;
        Ok(machine)
    }

    fn mount(&mut self) -> io::Result<()> {
        let mut options = vec![
            MountOption::FSName("powercut".into()),
            MountOption::DefaultPermissions,
        ];
        if rustix::process::geteuid().is_root() {
            options.push(MountOption::AllowOther);
        }
        let mounted = Mounted::new(Arc::clone(&self.disk));
        self.session = Some(fuser::spawn_mount2(mounted, &self.mountpoint, &options)?);
        Ok(())
    }

    /// Takes the disk away. Those who still have files open get errors.
    pub(crate) fn unmount(&mut self) {
        if let Some(session) = self.session.take() {
            // Also when something is still open; without the right to (not root), the session does it itself.
            let _ = unmount(&self.mountpoint, UnmountFlags::DETACH);
            drop(session);
        }
    }

    /// Runs a command; gives the answer.
    pub(crate) fn obey(&mut self, command: Command) -> io::Result<String> {
        let mut disk = lock(&self.disk);
        let power = &mut disk.volume.power;
        match command {
            Command::Cut => power.cut(),
            Command::CutAfter(operations) => power.cut_after(operations),
            Command::CutAt(kind, pattern) => power.trap = Some((kind, pattern)),
            Command::State => return Ok(if power.is_off() { "off" } else { "on" }.to_owned()),
            Command::Ignore(what, pattern) => power.ignored.push((what, pattern)),
            Command::Heed => power.ignored.clear(),
            Command::Counts => {
                return Ok(power
                    .counts
                    .iter()
                    .fold(String::new(), |mut line, ((kind, path), count)| {
                        // Writing to a String cannot fail.
                        let _ = write!(
                            line,
                            "{} {} {count}\t",
                            kind.name(),
                            String::from_utf8_lossy(path)
                        );
                        line
                    }));
            }
            Command::Reset => power.counts.clear(),
            Command::Delay(delay) => disk.delay = delay,
            Command::Split(split) => disk.volume.split_renames = split,
            Command::Boot => {
                // Requests that are still under way must not reach the new life.
                disk.boots += 1;
                disk.volume.boot();
                drop(disk);
                self.unmount();
                self.mount()?;
            }
        }
        Ok("ok".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_whole_or_not_at_all() {
        for (line, wanted) in [
            ("cut", Some(Command::Cut)),
            ("cut-after 12", Some(Command::CutAfter(12))),
            ("delay 10", Some(Command::Delay(Duration::from_millis(10)))),
            ("split on", Some(Command::Split(true))),
            (
                "ignore names **/files",
                Some(Command::Ignore(Sabotage::All(Kind::Names), b"**/files".to_vec())),
            ),
            ("counts", Some(Command::Counts)),
            ("", None),
            ("cut now", None),
            ("cut-at data **", Some(Command::CutAt(Kind::Data, b"**".to_vec()))),
            ("cut-at removed **", None),
            ("cut-after", None),
            ("delay -1", None),
            ("ignore files x", None),
            ("ignore data x y", None),
        ] {
            assert_eq!(Command::parse(line), wanted, "{line}");
        }
    }
}
