//! Instants and spans in messages: what the rules of time have in common.

use time::{Duration, OffsetDateTime};

/// `2026-06-01 12:00 UTC`.
pub(super) fn shown(instant: OffsetDateTime) -> String {
    let (date, hour, minute) = (instant.date(), instant.hour(), instant.minute());
    format!("{date} {hour:02}:{minute:02} UTC")
}

/// `12 days`, `1 hour`: in the largest unit of which there are two, or days.
pub(super) fn span(duration: Duration) -> String {
    let duration = duration.abs();
    let (count, unit) = match (duration.whole_days(), duration.whole_hours(), duration.whole_minutes()) {
        (0, 0, 0) => return "less than a minute".to_owned(),
        (0, 0, minutes) => (minutes, "minute"),
        (0, hours, _) => (hours, "hour"),
        (1, hours, _) if hours < 48 => (hours, "hour"),
        (days, _, _) => (days, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `12 days ago`, `in 12 days`.
pub(super) fn distance(instant: OffsetDateTime, at: OffsetDateTime) -> String {
    if instant > at { format!("in {}", span(instant - at)) } else { format!("{} ago", span(at - instant)) }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn spans_are_told_in_a_unit_that_fits() {
        let at = datetime!(2026-06-01 12:00 UTC);
        for (seconds, text) in [
            (0, "less than a minute ago"),
            (-59, "less than a minute ago"),
            (60, "in 1 minute"),
            (-3600, "1 hour ago"),
            (47 * 3600, "in 47 hours"),
            (48 * 3600, "in 2 days"),
            (-12 * 86_400 - 80_000, "12 days ago"),
        ] {
            assert_eq!(distance(at + Duration::seconds(seconds), at), text);
        }
        assert_eq!(shown(at), "2026-06-01 12:00 UTC");
    }
}
