//! systemd's unit files, as far as they say how a program is started.

use super::text::Text;

/// The settings of a service that are kept.
const KEPT: [&str; 6] =
    ["ExecStart", "Environment", "EnvironmentFile", "UnsetEnvironment", "WorkingDirectory", "RootDirectory"];

/// The most settings of one file that are kept.
const MOST_SETTINGS: usize = 1000;

/// What a unit file, or a drop-in of one, says of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    pub(super) settings: Vec<Setting>,
}

/// One line of a unit, with those that it goes on in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// Its value; empty where it takes back what stood before.
    pub(super) value: Text,
    /// The line that it begins on.
    pub(super) line: u64,
}

impl Unit {
    /// Reads a text; none where it has no section of a unit in it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut unit = None;
        let mut in_service = false;
        let mut continued: Option<(u64, Text)> = None;
        for (line, content) in (1..).zip(text.lines()) {
            // Comments stand between the lines of one setting as well, and do not end it (`config_parse` in systemd's
            // src/shared/conf-parser.c).
            if content.trim_start().starts_with(['#', ';']) {
                continue;
            }
            let goes_on = content.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
            let own = if goes_on { content.strip_suffix('\\').unwrap_or(content) } else { content };
            let (start, mut whole) = continued.take().unwrap_or_else(|| (line, Text::default()));
            whole.append(own, line);
            if goes_on {
                whole.push(' ', line);
                continued = Some((start, whole));
                continue;
            }
            take(&mut unit, &mut in_service, start, &whole);
        }
        if let Some((start, whole)) = continued {
            take(&mut unit, &mut in_service, start, &whole);
        }
        unit
    }
}

/// Takes in one whole line.
fn take(unit: &mut Option<Unit>, in_service: &mut bool, line: u64, whole: &Text) {
    let text = whole.as_str().trim();
    if let Some(section) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        *in_service = section == "Service";
        if matches!(section, "Service" | "Unit" | "Install") {
            unit.get_or_insert_default();
        }
        return;
    }
    let (Some(unit), true) = (unit, *in_service) else { return };
    let Some((name, _)) = text.split_once('=') else { return };
    let Some(name) = KEPT.into_iter().find(|kept| *kept == name.trim_end()) else { return };
    if unit.settings.len() >= MOST_SETTINGS {
        return;
    }
    let mut value = Text::default();
    let behind = whole.chars().skip_while(|(c, _)| *c != '=').skip(1);
    for (c, line) in behind.skip_while(|(c, _)| c.is_ascii_whitespace()) {
        value.push(c, line);
    }
    value.trim_end();
    unit.settings.push(Setting { name, value, line });
}
