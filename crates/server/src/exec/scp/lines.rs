//! The lines of the protocol, and the answers to them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::exec::io::{Gone, Io, LineError};
use crate::limits::SCP_LINE;

/// What the source announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// `T`: times (accessed, modified) of what is announced next.
    Times((SystemTime, SystemTime)),
    /// `C`: a file.
    File(Entry),
    /// `D`: a directory; what follows lies in it, up to its `E`.
    Directory(Entry),
    /// `E`
    End,
    /// The source says what went wrong there.
    Complaint {
        /// The source gives up.
        fatal: bool,
    },
}

/// Mode, size and name of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: u32,
    pub(super) size: u64,
    /// Checked: one part of a path.
    pub(super) name: Vec<u8>,
}

/// The other side does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Breach {
    #[error("protocol error: line too long or cut off")]
    Line,
    #[error("protocol error: not a line of scp")]
    Unknown,
    #[error("protocol error: mode, size or time is no number")]
    Number,
    #[error("unexpected filename")]
    Name,
}

/// The answer of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    /// No, and it has shown its user why.
    No,
    /// It gives up, is gone or talks nonsense.
    Over,
}

impl Line {
    /// Reads a line without its end.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Breach> {
        let (kind, rest) = line.split_first().ok_or(Breach::Unknown)?;
        match kind {
            b'T' => times(rest).map(Self::Times),
            b'C' => entry(rest).map(Self::File),
            b'D' => entry(rest).map(Self::Directory),
            b'E' if rest.is_empty() => Ok(Self::End),
            1 => Ok(Self::Complaint { fatal: false }),
            2 => Ok(Self::Complaint { fatal: true }),
            _ => Err(Breach::Unknown),
        }
    }
}

/// `<mtime> <µs> <atime> <µs>`
fn times(text: &[u8]) -> Result<(SystemTime, SystemTime), Breach> {
    let mut numbers = text.split(|byte| *byte == b' ').map(|text| number(text, 10));
    let mut next = || numbers.next().unwrap_or(Err(Breach::Number));
    let (modified, modified_micros, accessed, accessed_micros) = (next()?, next()?, next()?, next()?);
    let time = |seconds: u64, micros: u64| {
        let known = seconds <= LAST_SECOND && micros < 1_000_000;
        known
            .then(|| UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros))
            .ok_or(Breach::Number)
    };
    Ok((time(accessed, accessed_micros)?, time(modified, modified_micros)?))
}

/// `<mode> <size> <name>`
fn entry(text: &[u8]) -> Result<Entry, Breach> {
    let mut parts = text.splitn(3, |byte| *byte == b' ');
    let mut next = || parts.next().ok_or(Breach::Unknown);
    let (mode, size, name) = (next()?, next()?, next()?);
    let mode = u32::try_from(number(mode, 8)?).map_err(|_| Breach::Number)?;
    let size = number(size, 10)?;
    if mode > 0o7777 || i64::try_from(size).is_err() {
        return Err(Breach::Number);
    }
    let bad = name.is_empty() || name == b"." || name == b".." || name.iter().any(|b| matches!(b, b'/' | 0));
    if bad {
        return Err(Breach::Name);
    }
    Ok(Entry {
        mode,
        size,
        name: name.to_vec(),
    })
}

/// Digits alone: no sign, no space.
fn number(text: &[u8], radix: u32) -> Result<u64, Breach> {
    let digits = std::str::from_utf8(text).map_err(|_| Breach::Number)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(Breach::Number);
    }
    u64::from_str_radix(digits, radix).map_err(|_| Breach::Number)
}

/// Says yes.
pub(super) async fn agree(io: &mut Io) -> Result<(), Gone> {
    io.write(&[0_u8][..]).await
}

/// Says no; the copy goes on.
pub(super) async fn object(io: &mut Io, why: &str) -> Result<(), Gone> {
    io.write(format!("\u{1}scp: {why}\n")).await
}

/// Says that it ends here.
pub(super) async fn give_up(io: &mut Io, why: &str) {
    // If nobody is there, nobody misses it.
    let _ = io.write(format!("\u{2}scp: {why}\n")).await;
}

/// Waits for the answer.
pub(super) async fn answer(io: &mut Io) -> Answer {
    match io.byte().await {
        Ok(0) => Answer::Yes,
        Ok(1) => match io.line(SCP_LINE).await {
            Ok(Some(_)) => Answer::No,
            Ok(None) | Err(LineError::TooLong | LineError::Cut) => Answer::Over,
        },
        Ok(_) | Err(Gone) => Answer::Over,
    }
}

/// The end of the year 9999: what calendars and file systems take.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_read_as_openssh_writes_them() {
        let entry = |mode, size, name: &str| Entry {
            mode,
            size,
            name: name.as_bytes().to_vec(),
        };
        assert_eq!(
            Line::parse(b"C0644 12 a b"),
            Ok(Line::File(entry(0o644, 12, "a b")))
        );
        assert_eq!(
            Line::parse(b"D0755 0 dir"),
            Ok(Line::Directory(entry(0o755, 0, "dir")))
        );
        assert_eq!(Line::parse(b"E"), Ok(Line::End));
        assert_eq!(Line::parse(b"\x01scp: no"), Ok(Line::Complaint { fatal: false }));
        assert_eq!(Line::parse(b"\x02scp: no"), Ok(Line::Complaint { fatal: true }));
        let at = |seconds, micros| UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
        assert_eq!(Line::parse(b"T7 5 8 0"), Ok(Line::Times((at(8, 0), at(7, 5)))));
    }

    #[test]
    fn names_that_lead_elsewhere_and_numbers_that_are_none_are_refused() {
        for name in ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b"] {
            let line = format!("C0644 1 {name}");
            assert_eq!(Line::parse(line.as_bytes()), Err(Breach::Name), "{name:?}");
        }
        for line in [
            "C0644 -1 a",
            "C0644 +1 a",
            "C0844 1 a",
            "C0644 9223372036854775808 a",
            "C0644 99999999999999999999 a",
            "C10000 1 a",
            "C 1 a",
            "T1 0 2",
            "T1 1000000 2 0",
            "T999999999999 0 2 0",
            "T-1 0 2 0",
        ] {
            assert_eq!(Line::parse(line.as_bytes()), Err(Breach::Number), "{line}");
        }
        for line in ["", "X", "Ex", "C0644 1", "hello"] {
            assert_eq!(Line::parse(line.as_bytes()), Err(Breach::Unknown), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Line::parse(&line);
        }
    }
}
