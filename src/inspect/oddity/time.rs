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
    if is_before(after, before) {
        odd.tell("notAfter lies before notBefore", "RFC 5280 section 4.1.2.5");
    }
}

/// Whether one well-formed time lies before another.
pub(super) fn is_before(one: &Element<'_>, other: &Element<'_>) -> bool {
    comparable(one).zip(comparable(other)).is_some_and(|(one, other)| one < other)
}

/// An invalidityDate: a `GeneralizedTime`, of whatever year (RFC 5280 section 5.3.2).
pub(super) fn invalidity(element: &Element<'_>, odd: &mut Oddities) {
    let text = String::from_utf8_lossy(element.content);
    let digits = text.strip_suffix('Z').unwrap_or_default();
    let is_time = digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit()) && is_date(&text);
    if !is_time {
        let what = format!("an invalidityDate is `{}`, which is no date", Printable(&text));
        odd.tell(what, "RFC 5280 section 5.3.2");
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

/// Whether the digits before the Z are a date and a time of day.
fn is_date(text: &str) -> bool {
    let digits = text.trim_end_matches('Z');
    let number = |from_end: usize, length: usize| -> Option<u16> {
        let at = digits.len().checked_sub(from_end)?;
        digits.get(at..at + length)?.parse().ok()
    };
    // Of two digits of a year, leap years are the same in either century (RFC 5280 section 4.1.2.5.1).
    let year = number(14, 4).or_else(|| number(12, 2).map(|year| 2000 + year));
    let (Some(year), Some(month), Some(day)) = (year, number(10, 2), number(8, 2)) else { return false };
    let byte = |number: u16| u8::try_from(number).ok();
    let month = byte(month).and_then(|month| ::time::Month::try_from(month).ok());
    let date = month.zip(byte(day));
    let is_day = |(month, day)| ::time::Date::from_calendar_date(i32::from(year), month, day).is_ok();
    date.is_some_and(is_day)
        && number(6, 2).is_some_and(|hour| hour < 24)
        && number(4, 2).is_some_and(|minute| minute < 60)
        && number(2, 2).is_some_and(|second| second < 60)
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
