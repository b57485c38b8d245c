//! The line of `ls -l`.

use longshore_sftp::{Attrs, write_long_name};

/// 2026-11-21 05:08:21 UTC
const NOW: u32 = 1_795_237_701;

fn line(attrs: &Attrs, links: u64, name: &[u8]) -> String {
    let mut out = Vec::new();
    write_long_name(&mut out, name, attrs, links, NOW.into());
    String::from_utf8(out).unwrap()
}

fn attrs(mode: u32, mtime: u32) -> Attrs {
    Attrs {
        size: Some(1024),
        owner: Some((1000, 100)),
        permissions: Some(mode),
        times: Some((0, mtime)),
        extended: Vec::new(),
    }
}

fn time_of(mtime: u32) -> String {
    line(&attrs(0o100_644, mtime), 1, b"")[43..55].to_owned()
}

#[test]
fn a_line_has_the_columns_of_openssh() {
    assert_eq!(
        line(&attrs(0o40_755, NOW - 3600), 5, b".ssh"),
        "drwxr-xr-x    5 1000     100          1024 Nov 21 04:08 .ssh"
    );
}

#[test]
fn wide_values_push_the_columns_apart() {
    let attrs = Attrs {
        size: Some(u64::MAX),
        owner: Some((u32::MAX, u32::MAX)),
        permissions: Some(0o100_600),
        times: Some((0, 0)),
        extended: Vec::new(),
    };
    assert_eq!(
        line(&attrs, u64::MAX, b"a b"),
        "-rw-------  18446744073709551615 4294967295 4294967295 18446744073709551615 Jan  1  1970 a b"
    );
}

#[test]
fn what_is_not_known_counts_as_zero() {
    assert_eq!(
        line(&Attrs::default(), 0, b"x"),
        "?---------    0 0        0               0 Jan  1  1970 x"
    );
}

#[test]
fn the_mode_shows_type_and_every_permission() {
    let modes = [
        (0o100_000, "----------"),
        (0o100_777, "-rwxrwxrwx"),
        (0o100_421, "-r---w---x"),
        (0o107_777, "-rwsrwsrwt"),
        (0o107_000, "---S--S--T"),
        (0o040_700, "drwx------"),
        (0o120_777, "lrwxrwxrwx"),
        (0o010_644, "prw-r--r--"),
        (0o140_644, "srw-r--r--"),
        (0o020_644, "crw-r--r--"),
        (0o060_644, "brw-r--r--"),
        (0o000_644, "?rw-r--r--"),
    ];
    for (mode, text) in modes {
        assert_eq!(line(&attrs(mode, 0), 1, b"")[..10], *text, "{mode:o}");
    }
}

#[test]
fn recent_files_show_the_time_of_day_and_others_the_year() {
    const HALF_YEAR: u32 = 365 * 24 * 60 * 60 / 2;
    assert_eq!(time_of(NOW), "Nov 21 05:08");
    assert_eq!(time_of(NOW - HALF_YEAR + 1), "May 22 17:08");
    assert_eq!(time_of(NOW - HALF_YEAR), "May 22  2026");
    assert_eq!(time_of(NOW + 1), "Nov 21  2026");
}

#[test]
fn dates_follow_the_gregorian_calendar() {
    let days = [
        (0, "Jan  1  1970"),
        (58, "Feb 28  1970"),
        (59, "Mar  1  1970"),
        (364, "Dec 31  1970"),
        (789, "Feb 29  1972"),
        (11_016, "Feb 29  2000"),
        (11_017, "Mar  1  2000"),
        (19_782, "Feb 29  2024"),
        (47_540, "Feb 28  2100"),
        (47_541, "Mar  1  2100"),
        (49_710, "Feb  7  2106"),
    ];
    for (day, text) in days {
        assert_eq!(time_of(day * 86_400), *text, "day {day}");
    }
}
