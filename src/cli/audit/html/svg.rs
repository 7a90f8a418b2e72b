//! SVG as text: elements with escaped attributes, and how wide a text will be.

use std::fmt::{self, Write as _};

/// A drawing that grows.
#[derive(Default)]
pub(super) struct Svg(String);

impl Svg {
    /// An element without content.
    pub(super) fn element(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)]) {
        self.tag(name, attributes);
        self.0.push_str("/>");
    }

    /// An element, up to its content; [`Svg::close`] ends it.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)]) {
        self.tag(name, attributes);
        self.0.push('>');
    }

    /// Ends an element.
    pub(super) fn close(&mut self, name: &str) {
        // Writing to a string cannot fail; here and below.
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with a text in it.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)], text: &str) {
        self.open(name, attributes);
        escape(text, &mut self.0);
        self.close(name);
    }

    /// A text of a class at a place.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.leaf("text", &[("class", &class), ("x", &Number(x)), ("y", &Number(y))], text);
    }

    /// The drawing.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &dyn fmt::Display)]) {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"");
            escape(&value.to_string(), &mut self.0);
            self.0.push('"');
        }
    }
}

/// A length with one digit behind the point, and none where it is zero.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(f, "{rounded}")
    }
}

/// Writes a text so that it means itself, in content and in attributes. What XML and HTML do not admit is left out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            _ if c.is_control() => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

/// The start of a text that is at most so wide, with an ellipsis where it is cut.
pub(super) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let room = most - size;
    let mut used = 0.0;
    let mut out = String::new();
    for c in text.chars() {
        used += advance(c) * size;
        if used > room {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// How wide a text is at most, in the fonts that browsers take for `system-ui`: an estimate on the safe side.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The width of a character, in units of the font's size. A little more than that of `DejaVu Sans`, the widest of the usual ones.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '|' | '\'' | '.' | ',' | ':' | ';' | '!' | ' ' | '/' | '(' | ')' | '['
        | ']' | '·' => 0.4,
        'f' | 't' | 'r' | '-' => 0.43,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '=' | '+' | '<' | '>' | '~' => 1.0,
        'A'..='Z' => 0.75,
        _ if c.is_ascii() => 0.65,
        // Scripts in which a character is as wide as a square, and all that is not known.
        _ if c < '\u{500}' => 0.8,
        _ => 1.15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_themselves() {
        let mut svg = Svg::default();
        svg.leaf("title", &[("id", &"a\"b'<")], "</title><script>&\u{1}");
        assert_eq!(
            svg.finish(),
            "<title id=\"a&quot;b&#39;&lt;\">&lt;/title&gt;&lt;script&gt;&amp;\u{fffd}</title>"
        );
    }

    #[test]
    fn texts_are_cut_to_their_room() {
        for (text, most, cut) in [
            ("kubernetes", 500.0, "kubernetes"),
            ("kubernetes", 40.0, "kub…"),
            ("ab cdefghijkl", 36.0, "ab…"),
            ("漢字漢字漢字", 50.0, "漢字…"),
            ("", 0.0, ""),
        ] {
            let fitted = fitted(text, 12.0, most);
            assert_eq!(fitted, cut);
            assert!(width(&fitted, 12.0) <= most);
        }
    }

    #[test]
    fn numbers_are_short() {
        let texts = [1.0, 1.25, -0.04, 1e3].map(|number| Number(number).to_string());
        assert_eq!(texts, ["1", "1.3", "-0", "1000"]);
    }
}
