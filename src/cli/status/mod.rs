//! `kpki status`: when every certificate ends, as `kubeadm certs check-expiration` tells it, and of all of them.

mod rows;

use kpki::audit::{Expiring, Policy, RULES, Report, audit};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::audit::{Trees, explain_error, not_read, nothing, parse_at, place, progress};
use super::output::{self, BAD, FAINT, Format, GOOD, WARN, print, print_json, styled};
use super::{Context, Failure, Status};
use rows::{Gap, Row, Rows};

const EXAMPLES: &str = "\
Examples:
  kpki status /etc/kubernetes                    this node, what ends first before the rest
  kpki status /                                  with the kubelet's own certificates
  kpki status --nodes out --expiring 60d         every node of a directory; exit code 1 two months ahead
  ssh cp1 sudo tar c /etc/kubernetes | kpki status -
  kpki status /etc/kubernetes -o json | jq -r '.certificates[] | select(.residualSeconds < 604800) | .name'

The columns are those of kubeadm certs check-expiration. A certificate is externally managed where the key of its CA is
not among what was read (? where the key's file cannot be read). Of the certificates that a kubelet has rotated, the current one is
shown, by the name of the link that leads to it.

What a kubeadm control plane lacks, and what a component names and is not there, has a line that says !MISSING!; what cannot be read
has one as well. Copies that were put aside (NAME.TIMESTAMP.bak, pki.old) have none.

Exit codes: 0 all are there and none has expired (or is expiring, with --expiring), 1 one has, is missing or cannot be read, 2 there
is no certificate at all.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trees: Trees,
    /// Make the exit code 1 where a certificate ends so soon (30d, 720h), or so much of its life is over (66%), as well
    /// [default: only where one has expired].
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Expiring>)]
    expiring: Option<Expiring>,
    /// As of that day (its first instant, UTC) or instant (RFC 3339) instead of now.
    #[arg(long, value_name = "DATE", value_parser = parse_at)]
    at: Option<OffsetDateTime>,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// From when on an end is shown as near where nothing else was said.
const NEAR: Expiring = Expiring::Within(Duration::days(30));

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    at: String,
    certificates: Vec<JsonRow<'a>>,
    authorities: Vec<JsonRow<'a>>,
    missing: Vec<JsonGap<'a>>,
    unread: Vec<JsonGap<'a>>,
    summary: JsonSummary,
}

/// What has no certificate.
#[derive(Serialize)]
struct JsonGap<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonSummary {
    expired: usize,
    /// Those that will be soon, by `--expiring`, or within 30 days.
    expiring: usize,
    missing: usize,
    unread: usize,
    put_aside: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRow<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    not_before: String,
    not_after: String,
    residual_seconds: i64,
    expired: bool,
    /// The name of the CA in `authorities` that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    externally_managed: Option<bool>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let at = args.at.unwrap_or(context.now);
    let mut policy = Policy::new(at);
    // Only what is there is asked for, and nothing is judged.
    policy.blanks = true;
    policy.ignore = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let inputs = args.trees.inputs("status")?;
    let bar = progress(inputs.len());
    let report = audit(inputs, &policy, &|| bar.inc(1)).map_err(explain_error)?;
    bar.finish_and_clear();
    if report.read.of_pki == 0 {
        return Err(nothing(&report, &args.trees));
    }
    let rows = Rows::of(&report);
    if rows.certificates.is_empty() && rows.authorities.is_empty() && rows.gaps.is_empty() {
        return Err(Failure::new(format!("there is no certificate in {}", args.trees.title()))
            .hint("give a PKI directory, an /etc/kubernetes or a node's root"));
    }
    let is_bad = |row: &Row<'_>| {
        row.is_expired(at) || args.expiring.is_some_and(|expiring| row.is_expiring(at, expiring))
    };
    let sum = Sum::of(&rows, &report, at, args.expiring);
    match args.output {
        Format::Json => print_json(&Document {
            version: 1,
            at: output::rfc3339(at),
            certificates: rows.certificates.iter().map(|row| json(row, at)).collect(),
            authorities: rows.authorities.iter().map(|row| json(row, at)).collect(),
            missing: rows.gaps.iter().filter(|gap| gap.is_missing()).map(json_gap).collect(),
            unread: rows.gaps.iter().filter(|gap| !gap.is_missing()).map(json_gap).collect(),
            summary: JsonSummary {
                expired: sum.expired,
                expiring: sum.expiring,
                missing: sum.missing,
                unread: sum.unread,
                put_aside: rows.aside,
            },
        })?,
        Format::Text => print(text(&rows, &sum, at, args.expiring))?,
    }
    if rows.certificates.is_empty() && rows.authorities.is_empty() {
        return Err(Failure::new(format!("no certificate could be read in {}", args.trees.title()))
            .hint("run as one who may read them (root, usually)"));
    }
    let bad = rows.certificates.iter().chain(&rows.authorities).any(is_bad);
    Ok(if bad || sum.missing + sum.unread > 0 { Status::Refused } else { Status::Done })
}

/// What there is of each kind.
struct Sum {
    all: usize,
    expired: usize,
    expiring: usize,
    missing: usize,
    unread: usize,
    /// What else was not read, in words.
    others: Option<String>,
}

impl Sum {
    fn of(rows: &Rows<'_>, report: &Report, at: OffsetDateTime, expiring: Option<Expiring>) -> Self {
        let near = expiring.unwrap_or(NEAR);
        let all = || rows.certificates.iter().chain(&rows.authorities);
        let unread = rows.gaps.iter().filter(|gap| !gap.is_missing()).count();
        Self {
            all: all().count(),
            expired: all().filter(|row| row.is_expired(at)).count(),
            expiring: all().filter(|row| !row.is_expired(at) && row.is_expiring(at, near)).count(),
            missing: rows.gaps.iter().filter(|gap| gap.is_missing()).count(),
            unread,
            others: not_read(&report.unread).filter(|_| unread == 0),
        }
    }

    /// The last line.
    fn verdict(&self) -> String {
        let verb = |count: usize, one: &'static str, more: &'static str| if count == 1 { one } else { more };
        let mut bad = Vec::new();
        if self.expired > 0 {
            bad.push(format!(
                "{} of {} {} expired",
                self.expired,
                self.all,
                verb(self.expired, "has", "have")
            ));
        }
        if self.missing > 0 {
            bad.push(format!("{} {} missing", self.missing, verb(self.missing, "is", "are")));
        }
        if self.unread > 0 {
            bad.push(format!("{} cannot be read", self.unread));
        }
        let others = self.others.as_ref().map(|others| format!("; {others}")).unwrap_or_default();
        match (bad.is_empty(), self.expiring) {
            (true, 0) if !others.is_empty() => {
                format!("{} none of these has expired{others}", styled(WARN, "ok:"))
            }
            (true, 0) => format!("{} none has expired", styled(GOOD, "ok:")),
            (true, _) => format!(
                "{} {} of {} will expire soon{others}",
                styled(WARN, "soon:"),
                self.expiring,
                self.all
            ),
            (false, 0) => format!("{} {}{others}", styled(BAD, "FAIL:"), bad.join(", ")),
            (false, soon) => {
                format!("{} {}, {soon} more will soon{others}", styled(BAD, "FAIL:"), bad.join(", "))
            }
        }
    }
}

fn json_gap<'a>(gap: &'a Gap<'_>) -> JsonGap<'a> {
    let location = &gap.blank.location;
    JsonGap {
        name: &gap.name,
        node: location.node.as_deref(),
        path: &location.path,
        field: location.field.as_deref(),
        reason: gap.reason(),
    }
}

fn json<'a>(row: &'a Row<'_>, at: OffsetDateTime) -> JsonRow<'a> {
    let certificate = row.certificate;
    JsonRow {
        name: &row.name,
        node: row.record.location.node.as_deref(),
        path: &row.record.location.path,
        field: row.record.location.field.as_deref(),
        role: row.record.roles.first().map(|role| role.name()),
        subject: &certificate.subject,
        issuer: &certificate.issuer,
        serial: &certificate.serial,
        not_before: output::rfc3339(certificate.not_before),
        not_after: output::rfc3339(certificate.not_after),
        residual_seconds: row.left(at).whole_seconds(),
        expired: row.is_expired(at),
        authority: row.authority.as_deref(),
        externally_managed: row.external,
    }
}

fn text(rows: &Rows<'_>, sum: &Sum, at: OffsetDateTime, expiring: Option<Expiring>) -> String {
    let all = || rows.certificates.iter().chain(&rows.authorities);
    let several = all().any(|row| row.record.location.node.is_some())
        || rows.gaps.iter().any(|gap| gap.blank.location.node.is_some());
    let near = expiring.unwrap_or(NEAR);
    let mut parts = Vec::new();
    let of = |is_ca: bool| rows.gaps.iter().filter(move |gap| gap.blank.is_ca == is_ca).collect::<Vec<_>>();
    let (leaves, cas) = (of(false), of(true));
    if !rows.certificates.is_empty() || !leaves.is_empty() {
        let header =
            ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"];
        parts.push(table(&header, &leaves, &rows.certificates, several, at, near, true));
    }
    if !rows.authorities.is_empty() || !cas.is_empty() {
        let header = ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"];
        parts.push(table(&header, &cas, &rows.authorities, several, at, near, false));
    }
    parts.extend(reasons(rows));
    if rows.aside > 0 {
        let (is, copies) = if rows.aside == 1 { ("was", "copy") } else { ("were", "copies") };
        parts.push(styled(
            FAINT,
            format_args!("{} {copies} that {is} put aside or replaced: not listed", rows.aside),
        ));
    }
    parts.push(sum.verdict());
    parts.join("\n\n")
}

/// Why lines have no certificate.
fn reasons(rows: &Rows<'_>) -> Option<String> {
    let lines: Vec<String> = rows
        .gaps
        .iter()
        .map(|gap| {
            let word = if gap.is_missing() { "missing" } else { "cannot be read" };
            format!(
                "{} {}: {}",
                styled(BAD, format_args!("{word}:")),
                place(&gap.blank.location),
                gap.reason()
            )
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A table whose cells may be coloured: colours must not count in the width.
fn table(
    header: &[&str],
    gaps: &[&Gap<'_>],
    rows: &[Row<'_>],
    several: bool,
    at: OffsetDateTime,
    near: Expiring,
    leaves: bool,
) -> String {
    let mut lines: Vec<Vec<(anstyle::Style, String)>> = Vec::with_capacity(rows.len() + 1);
    let plain = anstyle::Style::new();
    let node = several.then(|| (FAINT, "NODE".to_owned()));
    lines.push(node.into_iter().chain(header.iter().map(|word| (FAINT, (*word).to_owned()))).collect());
    for gap in gaps {
        let node = gap.blank.location.node.as_deref().unwrap_or_default();
        let mut cells: Vec<(anstyle::Style, String)> = Vec::new();
        cells.extend(several.then(|| (plain, node.to_owned())));
        // As kubeadm has it.
        cells.push(if gap.is_missing() {
            (BAD, format!("!MISSING! {}", gap.name))
        } else {
            (plain, gap.name.clone())
        });
        cells.extend((!gap.is_missing()).then(|| (BAD, "cannot be read".to_owned())));
        lines.push(cells);
    }
    for row in rows {
        let style = if row.is_expired(at) {
            BAD
        } else if row.is_expiring(at, near) {
            WARN
        } else {
            plain
        };
        let node = row.record.location.node.as_deref().unwrap_or_default();
        let mut cells: Vec<(anstyle::Style, String)> = Vec::new();
        cells.extend(several.then(|| (plain, node.to_owned())));
        cells.push((plain, row.name.clone()));
        cells.push((style, expires(row.certificate.not_after)));
        cells.push((style, residual(row.left(at))));
        cells
            .extend(leaves.then(|| (plain, row.authority.clone().unwrap_or_else(|| "(unknown)".to_owned()))));
        let external = match row.external {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        cells.push((plain, external.to_owned()));
        lines.push(cells);
    }
    let mut widths: Vec<usize> = Vec::new();
    for line in &lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, (_, cell)) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &Vec<(anstyle::Style, String)>| {
        let last = cells.len().saturating_sub(1);
        let cells = cells.iter().zip(&widths).enumerate().map(|(at, ((style, cell), width))| {
            let padding = if at == last { 0 } else { width.saturating_sub(cell.chars().count()) + 3 };
            let cell = if *style == plain { cell.clone() } else { styled(*style, cell) };
            format!("{cell}{}", " ".repeat(padding))
        });
        cells.collect::<String>()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// As kubeadm writes it: `Nov 23, 2027 19:30 UTC`.
fn expires(instant: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[month repr:short] [day], [year] [hour]:[minute] UTC");
    instant.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| output::instant(instant))
}

/// As kubeadm writes it: years from one year on, days, hours, minutes, seconds. It has one word for all that is over; here it is
/// said how long.
fn residual(left: Duration) -> String {
    const YEAR: i64 = 365;
    let short = |left: Duration| match (left.whole_days(), left.whole_hours(), left.whole_minutes()) {
        (0, 0, 0) => format!("{}s", left.whole_seconds()),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, _) => format!("{hours}h"),
        (days, ..) if days < YEAR => format!("{days}d"),
        (days, ..) => format!("{}y", days / YEAR),
    };
    if left.is_negative() { format!("expired {} ago", short(left.abs())) } else { short(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_as_kubeadm_does() {
        for (left, told) in [
            (Duration::seconds(59), "59s"),
            (Duration::minutes(59), "59m"),
            (Duration::hours(23), "23h"),
            (Duration::hours(8759), "364d"),
            (Duration::days(365), "1y"),
            (Duration::days(3649), "9y"),
            (Duration::seconds(-1), "expired 1s ago"),
            (Duration::days(-3), "expired 3d ago"),
        ] {
            assert_eq!(residual(left), told);
        }
        assert_eq!(expires(time::macros::datetime!(2027-11-23 19:30:59 UTC)), "Nov 23, 2027 19:30 UTC");
    }
}
