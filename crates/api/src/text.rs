//! Small values as text.

use longshore_catalog::Timestamp;

const MS_PER_DAY: i64 = 86_400_000;

/// RFC 3339 in UTC with seconds: `2026-11-21T05:07:58Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let seconds = at.0.rem_euclid(MS_PER_DAY) / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.day())
}

/// A random id for one request, shaped as a UUID of version 4.
pub(crate) fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    // An id that repeats does no harm, a request refused for want of one would.
    if getrandom::fill(&mut bytes).is_err() {
        tracing::warn!("the system gives no random numbers; request ids repeat");
    }
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(Timestamp(1_700_000_000_999)), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(Timestamp(-1)), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn request_ids_are_uuids_and_differ() {
        let (one, two) = (request_id(), request_id());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
    }
}
