//! Instants, lengths of time and counts as people read them.

use std::fmt::Write as _;

use kpki::audit::{Location, Severity};
use time::{Duration, OffsetDateTime};

/// From how much time left on an end is near.
pub(super) const NEAR: Duration = Duration::days(30);

/// The severities, the worst first.
pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// `2027-11-23`.
pub(super) fn day(instant: OffsetDateTime) -> String {
    let words = kpki::clock::in_words(instant);
    words.split(' ').next().unwrap_or_default().to_owned()
}

/// A length of time in its largest unit that tells: `9 y`, `364 d`, `5 h`.
pub(super) fn length(duration: Duration) -> String {
    let duration = duration.abs();
    let days = duration.whole_days();
    match () {
        () if days >= 7300 => format!("{} y", days / 365),
        () if days >= 731 => format!("{}.{} y", days / 365, days % 365 * 10 / 365),
        () if days >= 1 => format!("{days} d"),
        () if duration >= Duration::HOUR => format!("{} h", duration.whole_hours()),
        () => format!("{} min", duration.whole_minutes()),
    }
}

/// Time left, for a narrow place: `364 d left`, `ended 3 d ago`.
pub(super) fn left(duration: Duration) -> String {
    if duration.is_negative() {
        format!("ended {} ago", length(duration))
    } else {
        format!("{} left", length(duration))
    }
}

/// The first end of several.
pub(super) fn first_end(
    soonest: Option<OffsetDateTime>,
    latest: Option<OffsetDateTime>,
    at: OffsetDateTime,
) -> String {
    match (soonest, latest) {
        (Some(soonest), Some(latest)) if day(soonest) != day(latest) => {
            format!("first {}", left(soonest - at))
        }
        (Some(soonest), _) => left(soonest - at),
        (None, _) => String::new(),
    }
}

/// Which class of end this is: `ended`, `near` or `later`.
pub(super) fn end_class(left: Duration) -> &'static str {
    match left {
        _ if left.is_negative() => "ended",
        _ if left < NEAR => "near",
        _ => "later",
    }
}

/// A severity's class, or that of what has no finding.
pub(super) fn severity_class(severity: Option<Severity>) -> &'static str {
    severity.map_or("fine", Severity::name)
}

/// `1 place`, `2 places`, `10,000 places`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with commas between the thousands.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Where something stands: `node path:line, block 0, field`.
pub(super) fn place(location: &Location) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    if let Some(node) = &location.node {
        text.push_str(node);
        if !location.path.is_empty() {
            text.push_str(": ");
        }
    }
    text.push_str(&location.path);
    if let Some(line) = location.line {
        let _ = write!(text, ":{line}");
    }
    if let Some(field) = &location.field {
        let _ = write!(text, " {field}");
    }
    if text.is_empty() { "everywhere".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_unit() {
        for (duration, text) in [
            (Duration::days(3650), "10.0 y left"),
            (Duration::days(36_500), "100 y left"),
            (Duration::days(364), "364 d left"),
            (Duration::hours(5), "5 h left"),
            (Duration::minutes(-7), "ended 7 min ago"),
        ] {
            assert_eq!(left(duration), text);
        }
    }

    #[test]
    fn thousands_are_set_off() {
        assert_eq!([7, 999, 1000, 1_234_567].map(grouped), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "place", "places"), "1 place");
    }
}
