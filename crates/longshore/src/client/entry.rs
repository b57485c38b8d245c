//! What a server says of a file, as JSON and as the columns of `ls -l`.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use longshore_client::sftp::{Attrs, DirEntry, FileKind};
use serde_json::{Map, Value};

/// What it is, in one word.
pub(crate) const fn kind_word(kind: Option<FileKind>) -> &'static str {
    match kind {
        Some(FileKind::Regular) => "file",
        Some(FileKind::Directory) => "directory",
        Some(FileKind::SymLink) => "symlink",
        Some(FileKind::Fifo) => "fifo",
        Some(FileKind::Socket) => "socket",
        Some(FileKind::CharacterDevice) => "character-device",
        Some(FileKind::BlockDevice) => "block-device",
        _ => "unknown",
    }
}

/// Puts attributes into an object; those that the server did not tell are `null`.
pub(crate) fn attrs_json(object: &mut Map<String, Value>, attrs: &Attrs) {
    let time = |pick: fn((u32, u32)) -> u32| attrs.times.map(pick).map(rfc3339);
    object.insert("type".to_owned(), kind_word(attrs.kind()).into());
    object.insert("size".to_owned(), attrs.size.into());
    object.insert(
        "mode".to_owned(),
        attrs
            .permissions
            .map(|mode| format!("{:04o}", mode & 0o7777))
            .into(),
    );
    object.insert("uid".to_owned(), attrs.owner.map(|(uid, _)| uid).into());
    object.insert("gid".to_owned(), attrs.owner.map(|(_, gid)| gid).into());
    object.insert("modified".to_owned(), time(|(_, modified)| modified).into());
    object.insert("accessed".to_owned(), time(|(accessed, _)| accessed).into());
}

/// Seconds since 1970 as RFC 3339, UTC.
pub(crate) fn rfc3339(seconds: u32) -> String {
    moment(seconds).to_string()
}

/// Seconds since 1970 as `ls -l` shows them: local time, the year for what is older than half a year or in the future.
pub(crate) fn ls_time(seconds: u32) -> String {
    let now = Timestamp::now();
    let recent = now - (366 * 12).hours();
    let format = if (recent..=now).contains(&moment(seconds)) {
        "%b %e %H:%M"
    } else {
        "%b %e  %Y"
    };
    moment(seconds)
        .to_zoned(TimeZone::system())
        .strftime(format)
        .to_string()
}

fn moment(seconds: u32) -> Timestamp {
    Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `drwxr-xr-x`.
pub(crate) fn mode_text(attrs: &Attrs) -> String {
    let Some(mode) = attrs.permissions else {
        return "?---------".to_owned();
    };
    let kind = match attrs.kind() {
        Some(FileKind::Regular) => '-',
        Some(FileKind::Directory) => 'd',
        Some(FileKind::SymLink) => 'l',
        Some(FileKind::Fifo) => 'p',
        Some(FileKind::Socket) => 's',
        Some(FileKind::CharacterDevice) => 'c',
        Some(FileKind::BlockDevice) => 'b',
        _ => '?',
    };
    let mut text = String::from(kind);
    for (shift, special, set, bare) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => set,
            (true, false) => bare,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Bytes, as a number or in units of 1024.
pub(crate) fn size_text(size: u64, human: bool) -> String {
    if !human || size < 1024 {
        return size.to_string();
    }
    let mut unit = 0;
    let mut whole = size;
    while whole >= 1024 * 1024 {
        whole /= 1024;
        unit += 1;
    }
    let tenths = whole * 10 / 1024;
    let unit = ["K", "M", "G", "T", "P", "E"][unit];
    if tenths < 100 {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{unit}", tenths / 10)
    }
}

/// Links, owner and group from the line that the server made, if it looks like one of `ls -l` for this file; numbers
/// otherwise. Asking for the names would cost a round trip.
pub(crate) fn owner_columns(entry: &DirEntry) -> [String; 3] {
    let line = String::from_utf8_lossy(&entry.long_name);
    let fields: Vec<&str> = line.split_ascii_whitespace().take(5).collect();
    if let [mode, links, owner, group, size] = fields[..]
        && mode.len() >= 10
        && entry.attrs.size.is_none_or(|known| size == known.to_string())
        && (links == "?" || links.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return [links, owner, group].map(str::to_owned);
    }
    let number = |id: Option<u32>| id.map_or_else(|| "?".to_owned(), |id| id.to_string());
    [
        "?".to_owned(),
        number(entry.attrs.owner.map(|(uid, _)| uid)),
        number(entry.attrs.owner.map(|(_, gid)| gid)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_in_ls() {
        let text = |permissions| {
            mode_text(&Attrs {
                permissions: Some(permissions),
                ..Attrs::default()
            })
        };
        assert_eq!(text(0o100_644), "-rw-r--r--");
        assert_eq!(text(0o041_777), "drwxrwxrwt");
        assert_eq!(text(0o106_710), "-rws--s---");
        assert_eq!(text(0o120_777), "lrwxrwxrwx");
        assert_eq!(text(0o104_600), "-rwS------");
    }

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        for (size, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (10_239, "9.9K"),
            (10_240, "10K"),
            (1 << 20, "1.0M"),
            (3 << 40, "3.0T"),
            (u64::MAX, "15E"),
        ] {
            assert_eq!(size_text(size, true), text);
            assert_eq!(size_text(size, false), size.to_string());
        }
    }

    #[test]
    fn owners_come_from_a_line_that_is_one() {
        let entry = |line: &'static str| DirEntry {
            name: "f".into(),
            long_name: line.into(),
            attrs: Attrs {
                size: Some(5),
                owner: Some((7, 8)),
                ..Attrs::default()
            },
        };
        let owners = owner_columns(&entry(
            "-rw-r--r--    1 ann      staff           5 Nov 21 10:00 f",
        ));
        assert_eq!(owners, ["1", "ann", "staff"]);
        for other in ["", "f", "a file of 5 bytes, if not more"] {
            assert_eq!(owner_columns(&entry(other)), ["?", "7", "8"], "{other}");
        }
    }
}
