//! Days of the proleptic Gregorian calendar in UTC.

use std::fmt;

use crate::model::{Date, Timestamp};

impl Timestamp {
    /// The day in UTC.
    #[must_use]
    pub fn day(self) -> Date {
        let days = self.0.div_euclid(MILLIS_PER_DAY);
        // A time stamp spans ±106 thousand million days; the calendar here ends at ±2³¹ days.
        Date {
            days: i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }),
        }
    }
}

impl Date {
    /// Year, month 1–12, day 1–31.
    #[must_use]
    pub fn year_month_day(self) -> (i64, u32, u32) {
        // Count from 1 March of year 0, so that the leap day is the last day of a year, and take
        // 400-year cycles, which all have the same length.
        let days = i64::from(self.days) + DAYS_FROM_MARCH_0000;
        let cycle = days.div_euclid(DAYS_PER_CYCLE);
        let in_cycle = days.rem_euclid(DAYS_PER_CYCLE);
        // Each term takes out the leap days before this one: every 4 years, not every 100; the last day
        // of the cycle is a leap day again.
        let year_in_cycle = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
        let in_year = in_cycle - (365 * year_in_cycle + year_in_cycle / 4 - year_in_cycle / 100);
        // From March on the months are 31 30 31 30 31 twice: 153 days in five months.
        let month_from_march = (5 * in_year + 2) / 153;
        let day = in_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = 400 * cycle + year_in_cycle + i64::from(month <= 2);
        (year, narrow(month), narrow(day))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.year_month_day();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn narrow(value: i64) -> u32 {
    u32::try_from(value).expect("months and days of a month are between 1 and 31")
}

const MILLIS_PER_DAY: i64 = 86_400_000;
const DAYS_PER_CYCLE: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_FROM_MARCH_0000: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar_day_by_day() {
        let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..400_000 {
            assert_eq!(Date { days }.year_month_day(), (year, month, day), "day {days}");
            let length = match month {
                2 => 28 + u32::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn a_date_is_shown_as_year_month_day() {
        assert_eq!(Date { days: 0 }.to_string(), "1970-01-01");
        assert_eq!(Date { days: -1 }.to_string(), "1969-12-31");
        assert_eq!(Date { days: 11_016 }.to_string(), "2000-02-29");
        assert_eq!(Date { days: 20_778 }.to_string(), "2026-11-21");
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight() {
        assert_eq!(Timestamp(86_399_999).day(), Date { days: 0 });
        assert_eq!(Timestamp(86_400_000).day(), Date { days: 1 });
        assert_eq!(Timestamp(-1).day(), Date { days: -1 });
        assert_eq!(Timestamp(i64::MAX).day(), Date { days: i32::MAX });
    }
}
