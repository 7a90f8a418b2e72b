//! Times (RFC 5280 section 4.1.2.5).

use super::Oddities;
use crate::x509::Printable;
use crate::x509::der::{Element, elements};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// notBefore and notAfter.
pub(super) fn validity(element: &Element<'_>, odd: &mut Oddities) {
    let times = elements(element.content).unwrap_or_default();
    let [before, after] = times.as_slice() else {
        odd.tell("the validity is not two times", "RFC 5280 section 4.1.2.5");
        return;
    };
    time(before, "notBefore", odd);
    time(after, "notAfter", odd);
    if let (Some(before), Some(after)) = (comparable(before), comparable(after))
        && after < before
    {
        odd.tell("notAfter lies before notBefore", "RFC 5280 section 4.1.2.5");
    }
}

/// One time; `what` says which.
pub(super) fn time(element: &Element<'_>, what: &str, odd: &mut Oddities) {
    let text = String::from_utf8_lossy(element.content);
    let shown = Printable(&text);
    let digits = |length: usize| {
        text.strip_suffix('Z')
            .is_some_and(|digits| digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match element.tag {
        UTC_TIME if !digits(12) => odd.tell(
            format!("{what} is `{shown}`, and a UTCTime is YYMMDDHHMMSSZ"),
            "RFC 5280 section 4.1.2.5.1",
        ),
        GENERALIZED_TIME if !digits(14) => odd.tell(
            format!("{what} is `{shown}`, and a GeneralizedTime is YYYYMMDDHHMMSSZ"),
            "RFC 5280 section 4.1.2.5.2",
        ),
        GENERALIZED_TIME if text.get(..4).is_some_and(|year| year < "2050") => odd.tell(
            format!("{what} is a GeneralizedTime before the year 2050, which is to be a UTCTime"),
            "RFC 5280 section 4.1.2.5",
        ),
        UTC_TIME | GENERALIZED_TIME if !is_date(&text) => {
            odd.tell(format!("{what} is `{shown}`, which is no date"), "RFC 5280 section 4.1.2.5");
        }
        UTC_TIME | GENERALIZED_TIME => {}
        other => odd.tell(format!("{what} is no time, but of tag {other:#04x}"), "RFC 5280 section 4.1.2.5"),
    }
}

/// Whether the digits before the Z are month, day, hour, minute and second.
fn is_date(text: &str) -> bool {
    let digits = text.trim_end_matches('Z').as_bytes();
    let pair = |from_end: usize| {
        let pair =
            digits.len().checked_sub(from_end).and_then(|at| digits.get(at..at + 2)).unwrap_or_default();
        pair.iter().fold(0, |value, digit| value * 10 + u32::from(digit.wrapping_sub(b'0')))
    };
    (1..=12).contains(&pair(10))
        && (1..=31).contains(&pair(8))
        && pair(6) < 24
        && pair(4) < 60
        && pair(2) < 60
}

/// A well-formed time as digits of equal length.
fn comparable(element: &Element<'_>) -> Option<String> {
    let digits = std::str::from_utf8(element.content).ok()?.strip_suffix('Z')?;
    match (element.tag, digits.len()) {
        (GENERALIZED_TIME, 14) => Some(digits.to_owned()),
        (UTC_TIME, 12) => Some(format!("{}{digits}", if digits < "50" { "20" } else { "19" })),
        _ => None,
    }
}
