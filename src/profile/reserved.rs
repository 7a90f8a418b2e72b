//! Names that Kubernetes keeps for itself, and names that imitate them.
//!
//! The prefix `system:` is reserved for users and groups of Kubernetes (see "Using RBAC
//! Authorization", "Referring to subjects"); `kubeadm:` is what kubeadm names its own groups.

use crate::x509::is_deceptive;

const PREFIXES: [&str; 2] = ["system:", "kubeadm:"];

/// How close a name comes to the reserved ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Not at all.
    None,
    /// It begins with a reserved prefix.
    Reserved,
    /// It would be taken for one that does, by a person or by a careless comparison.
    LookAlike,
}

/// Judges one common name or organization.
pub(super) fn likeness(name: &str) -> Likeness {
    if is_reserved(name) {
        Likeness::Reserved
    } else if PREFIXES.iter().any(|prefix| imitates(name, prefix)) {
        Likeness::LookAlike
    } else {
        Likeness::None
    }
}

/// Whether a name begins with a reserved prefix, letter by letter.
pub(super) fn is_reserved(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Stands for a letter that could be any.
const ANY: char = '\u{fffd}';

/// Whether a name begins with the prefix once case, white space, marks and look-alike letters are
/// folded. A foreign letter that is in no table counts as any, as long as half the prefix is there
/// in so many letters.
fn imitates(name: &str, prefix: &str) -> bool {
    let mut folded = name.chars().filter_map(fold);
    let mut same = 0;
    for expected in prefix.chars() {
        match folded.next() {
            Some(c) if c == expected => same += 1,
            Some(ANY) => {}
            _ => return false,
        }
    }
    same * 2 >= prefix.len()
}

/// A character as it looks: a small ASCII letter where it resembles one, `None` where it shows nothing.
fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return (!c.is_ascii_whitespace() && !c.is_ascii_control()).then_some(c.to_ascii_lowercase());
    }
    if is_deceptive(c) || c.is_whitespace() || is_mark(c) {
        return None;
    }
    let letter = |offset: u32| char::from_u32(u32::from(b'a') + offset % 26);
    match u32::from(c) {
        // Full-width forms of ASCII.
        code @ 0xff01..=0xff5e => return char::from_u32(code - 0xfee0).map(|c| c.to_ascii_lowercase()),
        // Mathematical alphabets: capital and small letters in turn, 26 each.
        code @ 0x1d400..=0x1d6a3 => return letter(code - 0x1d400),
        // Letters in parentheses, circles and squares.
        code @ 0x249c..=0x24b5 => return letter(code - 0x249c),
        code @ 0x24b6..=0x24e9 => return letter(code - 0x24b6),
        code @ 0x1f130..=0x1f149 => return letter(code - 0x1f130),
        code @ 0x1f150..=0x1f169 => return letter(code - 0x1f150),
        code @ 0x1f170..=0x1f189 => return letter(code - 0x1f170),
        _ => {}
    }
    let small = c.to_lowercase().next().unwrap_or(c);
    let found = LOOK_ALIKES.iter().find(|(_, looks)| looks.contains(small)).map(|(plain, _)| *plain);
    Some(found.unwrap_or(if c.is_alphabetic() { ANY } else { c }))
}

/// Combining marks and variation selectors.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

/// The letters of the prefixes, and small letters that look like them: Latin with diacritics, small
/// capitals, Cyrillic, Greek, Armenian, Roman numerals (a choice from Unicode's confusables, UTS 39).
const LOOK_ALIKES: [(char, &str); 11] = [
    ('s', "śŝşšșṡṣṥṧṩʂꜱѕƽſѡꮪ"),
    ('y', "ýÿŷƴẏẙỳỵỷỹɏʏуүұӯӱӳγყ"),
    ('t', "ţťŧțṫṭṯṱẗƭʈᴛτтҭ"),
    ('e', "èéêëēĕėęěȅȇȩẹẻẽếềểễệḕḗḙḛḝɇᴇеёєҽεɛ℮ə"),
    ('m', "ḿṁṃɱᴍмⅿμ"),
    ('k', "ķƙǩḱḳḵᴋĸкқҝκ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữựʉᴜυսцџ"),
    ('b', "ḃḅḇƀƃɓʙвьъβ"),
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặɑᴀаӑӓαª"),
    ('d', "ďđḋḍḏḑḓɗɖᴅԁⅾ"),
    (':', "∶ː˸꞉׃։܃܄᛬⁚﹕︓︰ः"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_and_their_imitations_are_told_apart() {
        for (name, expected) in [
            ("system:masters", Likeness::Reserved),
            ("system:", Likeness::Reserved),
            ("kubeadm:cluster-admins", Likeness::Reserved),
            ("System:masters", Likeness::LookAlike),
            ("SYSTEM:MASTERS", Likeness::LookAlike),
            (" system:masters", Likeness::LookAlike),
            ("sys tem:masters", Likeness::LookAlike),
            ("system :masters", Likeness::LookAlike),
            ("sys\u{200b}tem:masters", Likeness::LookAlike),
            // Cyrillic dze, u, dze, te, ie, em.
            ("ѕуѕтем:masters", Likeness::LookAlike),
            ("ѕystem:masters", Likeness::LookAlike),
            ("ｓｙｓｔｅｍ：masters", Likeness::LookAlike),
            ("system：masters", Likeness::LookAlike),
            ("system∶masters", Likeness::LookAlike),
            ("𝐬𝐲𝐬𝐭𝐞𝐦:masters", Likeness::LookAlike),
            ("ⓢⓨⓢⓣⓔⓜ:masters", Likeness::LookAlike),
            ("s\u{307}ystem:x", Likeness::LookAlike),
            ("ṡẏṡṫėṁ:x", Likeness::LookAlike),
            // A letter of no table (Cherokee) amid plain ones.
            ("sysᏖem:masters", Likeness::LookAlike),
            ("kubеadm:cluster-admins", Likeness::LookAlike),
            ("system", Likeness::None),
            ("systems:x", Likeness::None),
            ("système:x", Likeness::None),
            ("my-system:x", Likeness::None),
            ("subsystem:masters", Likeness::None),
            ("ops", Likeness::None),
            ("日本語日本語:x", Likeness::None),
            ("Jürgen Müller", Likeness::None),
            ("Пётр", Likeness::None),
            ("", Likeness::None),
        ] {
            assert_eq!(likeness(name), expected, "{name:?}");
        }
    }
}
