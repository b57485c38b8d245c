//! Attributes of the wire (draft-ietf-secsh-filexfer-02 §5) and of the store, both ways.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use longshore_sftp::{Attrs, FileKind};
use longshore_storage::{FileType, SetStat, Stat};

/// Permission bits of `st_mode`.
const PERMISSIONS: u32 = 0o7777;

/// Attributes as they go to a client.
pub(crate) fn to_wire(stat: &Stat) -> Attrs {
    let kind = match stat.file_type {
        FileType::File => FileKind::Regular.mode_bits(),
        FileType::Directory => FileKind::Directory.mode_bits(),
        FileType::Symlink => FileKind::SymLink.mode_bits(),
        // FIFO, socket or device: no type bits, so that no client tries to open it as one of the others.
        _ => 0,
    };
    Attrs {
        size: Some(stat.size),
        owner: Some((stat.uid, stat.gid)),
        permissions: Some(kind | (stat.mode & PERMISSIONS)),
        times: Some((seconds(stat.accessed), seconds(stat.modified))),
        extended: Vec::new(),
    }
}

/// Changes that a client asks for. Type bits and extended attributes are ignored, as OpenSSH does.
pub(crate) fn to_changes(attrs: &Attrs) -> SetStat {
    SetStat {
        size: attrs.size,
        mode: mode(attrs),
        times: attrs
            .times
            .map(|(accessed, modified)| (time(accessed), time(modified))),
        owner: attrs.owner,
    }
}

/// Permission bits that a client asks for.
pub(crate) fn mode(attrs: &Attrs) -> Option<u32> {
    attrs.permissions.map(|mode| mode & PERMISSIONS)
}

/// Seconds since 1970 in the 32 bits that version 3 has for them; times outside are shown as the nearest inside.
pub(crate) fn seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

fn time(seconds: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_32_bits_are_shown_as_the_nearest_inside() {
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(5)), 0);
        assert_eq!(seconds(UNIX_EPOCH + Duration::from_millis(1999)), 1);
        assert_eq!(seconds(UNIX_EPOCH + Duration::from_secs(1 << 40)), u32::MAX);
    }

    #[test]
    fn type_bits_never_reach_the_store() {
        let attrs = Attrs {
            permissions: Some(0o102_755),
            ..Attrs::default()
        };
        assert_eq!(to_changes(&attrs).mode, Some(0o2755));
    }
}
