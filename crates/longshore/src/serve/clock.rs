//! The clock must be set before anything is recorded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::CLOCK_MIN_UNIX_SECS;

/// Refuses a clock that was never set: dates of users, audit and file times would be wrong for ever.
///
/// # Errors
/// [`ExitCode::Failure`], with the time that the clock shows.
pub(super) fn check(now: SystemTime) -> Result<()> {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    if since_1970 >= CLOCK_MIN_UNIX_SECS {
        return Ok(());
    }
    Err(CliError::new(
        ExitCode::Failure,
        format!(
            "the system clock is not set: it shows {since_1970} s since 1970, before this program was made"
        ),
    )
    .hint("set the clock (`timedatectl set-ntp true`, or `date -s`), then start again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_the_past_is_refused_and_the_present_is_not() {
        assert!(check(UNIX_EPOCH).is_err());
        assert!(check(UNIX_EPOCH - Duration::from_secs(5)).is_err());
        assert!(check(UNIX_EPOCH + Duration::from_secs(CLOCK_MIN_UNIX_SECS - 1)).is_err());
        assert!(check(UNIX_EPOCH + Duration::from_secs(CLOCK_MIN_UNIX_SECS)).is_ok());
        assert!(check(SystemTime::now()).is_ok());
    }
}
