//! Instants, in words and in DER (RFC 5280 section 4.1.2.5).

use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::{NOW, der};

/// An instant: RFC 3339, or counted from [`NOW`]: `+90d`, `-1h`, with the units s, m, h, d and y (of 365 days);
/// or `never`, the last second that there is, which RFC 5280 section 4.1.2.5 gives to certificates without an end.
#[track_caller]
pub(crate) fn parse(text: &str) -> OffsetDateTime {
    if text == "never" {
        return datetime!(9999-12-31 23:59:59 UTC);
    }
    if let Ok(instant) = OffsetDateTime::parse(text, &Rfc3339) {
        return instant.to_offset(UtcOffset::UTC);
    }
    let wrong = || -> ! { panic!("forge: `{text}` is no instant: RFC 3339, or +90d, -1h and the like") };
    if !text.starts_with(['+', '-']) {
        wrong();
    }
    let unit = match text.chars().last() {
        Some('s') => Duration::SECOND,
        Some('m') => Duration::MINUTE,
        Some('h') => Duration::HOUR,
        Some('d') => Duration::DAY,
        Some('y') => Duration::days(365),
        _ => wrong(),
    };
    let count: i32 = text[..text.len() - 1].parse().unwrap_or_else(|_| wrong());
    NOW + unit * count
}

/// The DER of an instant: `UTCTime` until 2049 and `GeneralizedTime` from 2050 on, unless `kind` says `utc` or
/// `generalized`. A text `utc:…` or `generalized:…` is written as it stands.
#[track_caller]
pub(crate) fn encode(text: &str, kind: Option<&str>) -> Vec<u8> {
    match text.split_once(':') {
        Some(("utc", literal)) => return der::element(der::UTC_TIME, &[literal.as_bytes()]),
        Some(("generalized", literal)) => return der::element(der::GENERALIZED_TIME, &[literal.as_bytes()]),
        _ => {}
    }
    let instant = parse(text);
    let generalized = match kind {
        None => !(1950..2050).contains(&instant.year()),
        Some("utc") => false,
        Some("generalized") => true,
        Some(other) => panic!("forge: times={other} is neither utc nor generalized"),
    };
    let seconds = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(instant.month()),
        instant.day(),
        instant.hour(),
        instant.minute(),
        instant.second()
    );
    if generalized {
        der::element(der::GENERALIZED_TIME, &[format!("{:04}{seconds}", instant.year()).as_bytes()])
    } else {
        der::element(der::UTC_TIME, &[format!("{:02}{seconds}", instant.year().rem_euclid(100)).as_bytes()])
    }
}
