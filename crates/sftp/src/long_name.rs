//! The line that `ls -l` shows for a file, as OpenSSH's server sends it with each name.

use crate::{Attrs, FileKind};

/// Appends the line of `ls -l` for a file: mode, links, owner, group, size, time, name, each padded as OpenSSH's
/// server does. `links`: number of hard links. `now`: seconds since 1970 UTC; a file changed in the half year before
/// it shows the time of day, any other the year. Owner and group are numbers, the time is UTC. What `attrs` leaves
/// out counts as 0, since some clients read the line by its columns.
pub fn write_long_name(out: &mut Vec<u8>, name: &[u8], attrs: &Attrs, links: u64, now: u64) {
    let (uid, gid) = attrs.owner.unwrap_or_default();
    let (_, mtime) = attrs.times.unwrap_or_default();
    out.reserve(TYPICAL_LEN + name.len());
    out.extend_from_slice(&mode_text(attrs.permissions));
    // two blanks: strmode(3) ends its text with one
    out.extend_from_slice(b"  ");
    right_aligned(out, links, 3);
    out.push(b' ');
    left_aligned(out, uid.into(), 8);
    out.push(b' ');
    left_aligned(out, gid.into(), 8);
    out.push(b' ');
    right_aligned(out, attrs.size.unwrap_or_default(), 8);
    out.push(b' ');
    time_text(out, mtime.into(), now);
    out.push(b' ');
    out.extend_from_slice(name);
}

/// `drwxr-xr-x` (strmode(3)).
fn mode_text(permissions: Option<u32>) -> [u8; 10] {
    let Some(mode) = permissions else {
        return *b"?---------";
    };
    let mut text = [b'-'; 10];
    text[0] = match FileKind::from_mode(mode) {
        Some(FileKind::Regular) => b'-',
        Some(FileKind::Directory) => b'd',
        Some(FileKind::SymLink) => b'l',
        Some(FileKind::Fifo) => b'p',
        Some(FileKind::Socket) => b's',
        Some(FileKind::CharacterDevice) => b'c',
        Some(FileKind::BlockDevice) => b'b',
        None => b'?',
    };
    for (bit, letter) in b"rwxrwxrwx".iter().enumerate() {
        if mode & (0o400 >> bit) != 0 {
            text[1 + bit] = *letter;
        }
    }
    for (bit, at, letter) in [(0o4000, 3, b's'), (0o2000, 6, b's'), (0o1000, 9, b't')] {
        if mode & bit != 0 {
            let executable = text[at] == b'x';
            text[at] = if executable {
                letter
            } else {
                letter.to_ascii_uppercase()
            };
        }
    }
    text
}

/// `Jan 13 18:39` or `Jan 13  2025`.
fn time_text(out: &mut Vec<u8>, mtime: u64, now: u64) {
    let (days, second) = (mtime / DAY_SECS, mtime % DAY_SECS);
    let (year, month, day) = civil_date(days);
    out.extend_from_slice(MONTHS[month]);
    out.push(b' ');
    right_aligned(out, day, 2);
    if mtime <= now && now - mtime < HALF_YEAR_SECS {
        out.push(b' ');
        two_digits(out, second / 3600);
        out.push(b':');
        two_digits(out, second / 60 % 60);
    } else {
        out.extend_from_slice(b"  ");
        right_aligned(out, year, 4);
    }
}

/// Year, month (from 0) and day (from 1) of a day counted from 1970-01-01 in the Gregorian calendar. Counts in eras of
/// 400 years that begin on 1 March, so that the leap day is the last of its year.
const fn civil_date(days: u64) -> (u64, usize, u64) {
    const ERA_DAYS: u64 = 146_097;
    const MARCH_0000_TO_1970: u64 = 719_468;
    let days = days + MARCH_0000_TO_1970;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // months from March have 31, 30, 31, 30, 31 days in turn: 153 in five
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + if month < 2 { 1 } else { 0 };
    (year, month as usize, day)
}

fn right_aligned(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [0; MAX_DIGITS];
    let digits = decimal(&mut digits, value);
    out.resize(out.len() + width.saturating_sub(digits.len()), b' ');
    out.extend_from_slice(digits);
}

fn left_aligned(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [0; MAX_DIGITS];
    let digits = decimal(&mut digits, value);
    out.extend_from_slice(digits);
    out.resize(out.len() + width.saturating_sub(digits.len()), b' ');
}

fn two_digits(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&[digit(value / 10), digit(value)]);
}

fn decimal(buffer: &mut [u8; MAX_DIGITS], mut value: u64) -> &[u8] {
    let mut start = MAX_DIGITS;
    loop {
        start -= 1;
        buffer[start] = digit(value);
        value /= 10;
        if value == 0 {
            return &buffer[start..];
        }
    }
}

fn digit(value: u64) -> u8 {
    b"0123456789"[usize::try_from(value % 10).unwrap_or_default()]
}

const DAY_SECS: u64 = 24 * 60 * 60;
/// As OpenSSH's `ls_file`: 365 days, halved.
const HALF_YEAR_SECS: u64 = 365 * DAY_SECS / 2;
/// Digits of `u64::MAX`.
const MAX_DIGITS: usize = 20;
/// Bytes in front of the name when no column is wider than its padding.
const TYPICAL_LEN: usize = 56;
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
