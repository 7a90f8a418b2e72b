//! Instants, lifetimes and a clock that is passed in.
//!
//! Certificates count in whole seconds of UTC (RFC 5280 section 4.1.2.5), so every instant that
//! leaves this module is truncated to the second.

use std::fmt;
use std::str::FromStr;

use time::{Duration, OffsetDateTime, UtcOffset};

/// Where the current instant comes from. Only the command line hands out a [`SystemClock`].
pub trait Clock: Sync {
    /// The current instant, in UTC, truncated to the second.
    fn now(&self) -> OffsetDateTime;
}

/// The wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one door to the wall clock")]
    fn now(&self) -> OffsetDateTime {
        whole_second(OffsetDateTime::now_utc())
    }
}

/// A clock that stands still, for tests and for `--at`.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub OffsetDateTime);

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        whole_second(self.0)
    }
}

fn whole_second(instant: OffsetDateTime) -> OffsetDateTime {
    instant.to_offset(UtcOffset::UTC).truncate_to_second()
}

/// An instant as people read it: `2027-11-23 14:05:09 UTC`.
pub fn in_words(instant: OffsetDateTime) -> String {
    let (date, [hour, minute, second]) = parts(instant);
    format!("{date} {hour:02}:{minute:02}:{second:02} UTC")
}

/// An instant as programs read it (RFC 3339): `2027-11-23T14:05:09Z`.
pub fn rfc3339(instant: OffsetDateTime) -> String {
    let (date, [hour, minute, second]) = parts(instant);
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date and the time of day in UTC. Whatever instant it is: neither form has room for a fault.
fn parts(instant: OffsetDateTime) -> (String, [u8; 3]) {
    let utc = instant.to_offset(UtcOffset::UTC);
    let date = format!("{:04}-{:02}-{:02}", utc.year(), u8::from(utc.month()), utc.day());
    (date, [utc.hour(), utc.minute(), utc.second()])
}

/// How long a certificate is to be valid: a positive whole number of seconds.
///
/// Read from Go's duration syntax, which Kubernetes uses (`720h`, `8760h0m0s`, `90m`), with `d`
/// (24 hours) and `y` (365 days) in addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(Duration);

/// The longest lifetime that is accepted: 1000 years of 365 days. Beyond it, a date no longer fits
/// in a certificate's `GeneralizedTime` (RFC 5280 section 4.1.2.5.2: four digits of year).
const LONGEST: Duration = Duration::days(365 * 1000);

/// The nanoseconds of a second.
const NANOSECONDS: i128 = 1_000_000_000;

/// The units of a lifetime, in nanoseconds: Go's (`time.ParseDuration`), and days and years.
const UNITS: [(&str, i128); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOSECONDS),
    ("m", 60 * NANOSECONDS),
    ("h", 3600 * NANOSECONDS),
    ("d", 86_400 * NANOSECONDS),
    ("y", 365 * 86_400 * NANOSECONDS),
];

impl Lifetime {
    /// A lifetime of so many hours.
    pub const fn hours(hours: u32) -> Self {
        Self(Duration::hours(hours as i64))
    }

    /// A lifetime of so many days of 24 hours.
    pub const fn days(days: u32) -> Self {
        Self(Duration::days(days as i64))
    }

    /// A lifetime of so many seconds; `None` unless it is at least one and at most 1000 years.
    pub fn seconds(seconds: i64) -> Option<Self> {
        let duration = Duration::seconds(seconds);
        (duration.is_positive() && duration <= LONGEST).then_some(Self(duration))
    }

    /// The span of time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Lifetime {
    /// Whole days as `365d`, otherwise Go's `1h30m5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.whole_seconds();
        if seconds % 86_400 == 0 {
            return write!(f, "{}d", seconds / 86_400);
        }
        let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
        for (count, unit) in [(hours, "h"), (minutes, "m"), (rest, "s")] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// A text that is not a lifetime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a lifetime: {reason}")]
pub struct LifetimeError {
    text: String,
    reason: &'static str,
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| LifetimeError { text: text.chars().take(40).collect(), reason };
        let mut total: i128 = 0;
        let mut rest = text;
        if rest.is_empty() {
            return Err(error("it is empty; write for example 720h or 365d"));
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let number: i64 = number
                .parse()
                .map_err(|_| error("a whole number and a unit are expected, for example 720h"))?;
            let fraction = tail.strip_prefix('.').unwrap_or_default();
            let places = fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (fraction, tail) =
                if places == 0 { ("", tail) } else { (&fraction[..places], &fraction[places..]) };
            let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let &(_, scale) = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(|| error("the unit must be one of s, m, h, d, y (or ms, us, ns)"))?;
            total += i128::from(number) * scale;
            // Beyond nine digits nothing is left of a fraction, even of a year.
            for (digit, place) in fraction.bytes().take(9).zip(1..) {
                total += i128::from(digit - b'0') * scale / 10_i128.pow(place);
            }
            if total > LONGEST.whole_nanoseconds() {
                return Err(error("it is longer than 1000 years"));
            }
            rest = tail;
        }
        // Certificates count in whole seconds.
        let total = i64::try_from(total / NANOSECONDS).unwrap_or(i64::MAX);
        if total == 0 {
            return Err(error("it must be at least a second"));
        }
        Self::seconds(total).ok_or_else(|| error("it is longer than 1000 years"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_as_go_writes_them() {
        for (text, seconds) in [
            ("720h", 2_592_000),
            ("8760h0m0s", 31_536_000),
            ("90m", 5400),
            ("1y", 31_536_000),
            ("365d", 31_536_000),
            ("1h1m1s", 3661),
            ("1.5h", 5400),
            ("0.0000001y", 3),
            ("90000ms", 90),
        ] {
            assert_eq!(text.parse::<Lifetime>().unwrap().duration(), Duration::seconds(seconds), "{text}");
        }
        for text in [
            "",
            "0s",
            "h",
            "12",
            "-1h",
            "1.h",
            ".5h",
            "1..5h",
            "999ms",
            "9999999999999999999h",
            "1001y",
            "1w",
            "1h ",
            "٣h",
        ] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
        assert_eq!(Lifetime::days(365).to_string(), "365d");
        assert_eq!("90m".parse::<Lifetime>().unwrap().to_string(), "1h30m");
    }
}
