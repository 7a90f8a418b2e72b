//! Shapes of ASN.1 structures, and whether an element of DER is of one (X.690).

use super::der;
use crate::x509::der::{Element, elements, tag};

/// What is wrong, in words that follow the name of a field.
pub(super) type Flaw = String;

/// What an element must be.
pub(super) enum Shape {
    /// A value of this tag, its content tested; and what it is called.
    Value(u8, fn(&[u8]) -> bool, &'static str),
    /// A SEQUENCE, or what stands for one under another tag, with these fields in this order.
    Fields(u8, &'static [Field]),
    /// A list of this tag of so many elements at least.
    List(u8, &'static Shape, usize),
    /// A SET OF: a list in ascending order.
    Set(&'static Shape, usize),
    /// An explicit tag around one element.
    Within(u8, &'static Shape),
    /// One of several, told by the tag.
    OneOf(&'static [&'static Shape]),
    /// An attribute of a name, whose kind of string its type says.
    Attribute,
    /// Anything that is DER.
    Anything,
}
use Shape::{Anything, Attribute, Fields, List, OneOf, Set, Value, Within};

/// A field of a SEQUENCE.
pub(super) struct Field(pub(super) &'static str, pub(super) &'static Shape, pub(super) Presence);

pub(super) enum Presence {
    /// It is always there.
    Required,
    /// It may be left out.
    Optional,
    /// It is left out where it would say this (X.690 section 11.5).
    Unless(&'static [u8]),
}
use Presence::{Required, Unless};

pub(super) fn any(_: &[u8]) -> bool {
    true
}

pub(super) fn utf8(content: &[u8]) -> bool {
    std::str::from_utf8(content).is_ok()
}

pub(super) fn units_of_2(content: &[u8]) -> bool {
    content.len().is_multiple_of(2)
}

pub(super) fn units_of_4(content: &[u8]) -> bool {
    content.len().is_multiple_of(4)
}

pub(super) fn boolean(content: &[u8]) -> bool {
    matches!(content, [0 | 0xff])
}

/// In the shortest form (X.690 section 8.3.2).
pub(super) fn integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0, second, ..] => *second >= 0x80,
        [0xff, second, ..] => *second < 0x80,
        _ => true,
    }
}

/// The same, and not below zero.
pub(super) fn count(content: &[u8]) -> bool {
    integer(content) && content.first().is_some_and(|byte| *byte < 0x80)
}

pub(super) fn bits(content: &[u8]) -> bool {
    match content {
        [0] => true,
        [unused @ 0..=7, .., last] => u16::from(*last) & ((1 << unused) - 1) == 0,
        _ => false,
    }
}

/// Bits with names: zeros at the end are left out (X.690 section 11.2.2).
pub(super) fn named_bits(content: &[u8]) -> bool {
    match content {
        [0] => true,
        [unused @ 0..=7, .., last] => last.trailing_zeros() == u32::from(*unused),
        _ => false,
    }
}

/// Arcs in their shortest form, none open (X.690 section 8.19).
pub(super) fn identifier(content: &[u8]) -> bool {
    let before = std::iter::once(&0).chain(content);
    content.last().is_some_and(|last| *last < 0x80)
        && content.iter().zip(before).all(|(byte, before)| *byte != 0x80 || *before >= 0x80)
}

/// How deep what may be anything is looked into; names in names in other names are not that deep.
const DEEPEST: usize = 12;

pub(super) fn check(shape: &Shape, element: Element<'_>) -> Result<(), Flaw> {
    let expects = |wanted: u8, what: &str| {
        let found = element.tag;
        if found == wanted {
            Ok(())
        } else {
            Err(format!("has the tag {found:02x} instead of {wanted:02x} ({what})"))
        }
    };
    match shape {
        Value(wanted, test, what) => {
            expects(*wanted, what)?;
            if test(element.content) { Ok(()) } else { Err(format!("is no {what} in DER")) }
        }
        Fields(wanted, all) => {
            expects(*wanted, "SEQUENCE")?;
            fields(all, element)
        }
        List(wanted, of, least) => {
            expects(*wanted, "SEQUENCE OF")?;
            members(of, *least, element).map(drop)
        }
        Set(of, least) => {
            expects(tag::SET, "SET OF")?;
            let members = members(of, *least, element)?;
            if members.is_sorted_by_key(|member| member.whole) {
                Ok(())
            } else {
                Err("is a SET OF that is not in ascending order".into())
            }
        }
        Within(wanted, inner) => {
            expects(*wanted, "an explicit tag")?;
            match elements(element.content).as_deref() {
                Some([one]) => check(inner, *one),
                _ => Err(format!("does not hold one element under its tag {wanted:02x}")),
            }
        }
        OneOf(shapes) => match shapes.iter().find(|shape| begins(shape, element.tag)) {
            Some(shape) => check(shape, element),
            None => {
                Err(format!("has the tag {:02x}, which is none of those that may stand there", element.tag))
            }
        },
        Attribute => der::attribute(element),
        Anything => {
            if is_der(element, DEEPEST) {
                Ok(())
            } else {
                Err("is not in DER".into())
            }
        }
    }
}

fn members<'a>(of: &Shape, least: usize, list: Element<'a>) -> Result<Vec<Element<'a>>, Flaw> {
    let members = elements(list.content).ok_or("is not in DER")?;
    if members.len() < least {
        return Err("is an empty list".into());
    }
    for member in &members {
        check(of, *member).map_err(|flaw| format!("holds an element that {flaw}"))?;
    }
    Ok(members)
}

fn fields(all: &[Field], sequence: Element<'_>) -> Result<(), Flaw> {
    let mut parts = elements(sequence.content).ok_or("is not in DER")?.into_iter().peekable();
    for Field(name, shape, presence) in all {
        let Some(part) = parts.next_if(|part| begins(shape, part.tag)) else {
            match (presence, parts.peek()) {
                (Required, None) => return Err(format!("lacks {name}")),
                (Required, Some(part)) => {
                    return Err(format!("has the tag {:02x} where {name} should stand", part.tag));
                }
                _ => continue,
            }
        };
        if let Unless(default) = presence
            && part.whole == *default
        {
            return Err(format!("says {name} though it is the default, which DER leaves out"));
        }
        check(shape, part).map_err(|flaw| format!("{name} {flaw}"))?;
    }
    match parts.next() {
        None => Ok(()),
        Some(part) => Err(format!("has an element with the tag {:02x} where none should stand", part.tag)),
    }
}

/// Whether an element of this tag may be of this shape.
fn begins(shape: &Shape, found: u8) -> bool {
    match shape {
        Value(wanted, ..) | Fields(wanted, _) | List(wanted, ..) | Within(wanted, _) => *wanted == found,
        Set(..) => found == tag::SET,
        Attribute => found == tag::SEQUENCE,
        OneOf(shapes) => shapes.iter().any(|shape| begins(shape, found)),
        Anything => true,
    }
}

/// Whether everything that is constructed holds whole elements.
fn is_der(element: Element<'_>, deepest: usize) -> bool {
    const CONSTRUCTED: u8 = 0x20;
    if element.tag & CONSTRUCTED == 0 {
        return true;
    }
    let Some(deeper) = deepest.checked_sub(1) else { return false };
    elements(element.content).is_some_and(|parts| parts.into_iter().all(|part| is_der(part, deeper)))
}
