//! `kpki status`: when every certificate ends, as `kubeadm certs check-expiration` tells it, and of all of them.

mod rows;

use kpki::audit::{Expiring, Policy, RULES, audit};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::audit::{Trees, explain_error, nothing, parse_at, progress};
use super::output::{self, BAD, FAINT, Format, GOOD, WARN, print, print_json, styled};
use super::{Context, Failure, Status};
use rows::{Row, Rows};

const EXAMPLES: &str = "\
Examples:
  kpki status /etc/kubernetes                    this node, what ends first before the rest
  kpki status /                                  with the kubelet's own certificates
  kpki status --nodes out --expiring 60d         every node of a directory; exit code 1 two months ahead
  ssh cp1 sudo tar c /etc/kubernetes | kpki status -
  kpki status /etc/kubernetes -o json | jq -r '.certificates[] | select(.residualSeconds < 604800) | .name'

The columns are those of kubeadm certs check-expiration. A certificate is externally managed where the key of its CA is
not among what was read. Of the certificates that a kubelet has rotated, the newest is shown.

Exit codes: 0 none has expired (or is expiring, with --expiring), 1 one has, 2 nothing could be read.";

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
    externally_managed: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let at = args.at.unwrap_or(context.now);
    let mut policy = Policy::new(at);
    // Only what is there is asked for, and nothing is judged.
    policy.ignore = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let inputs = args.trees.inputs("status")?;
    let bar = progress(inputs.len());
    let report = audit(inputs, &policy, &|| bar.inc(1)).map_err(explain_error)?;
    bar.finish_and_clear();
    if report.read.files == 0 {
        return Err(nothing(&report, &args.trees));
    }
    let rows = Rows::of(&report.records);
    if rows.certificates.is_empty() && rows.authorities.is_empty() {
        return Err(Failure::new(format!("there is no certificate in {}", args.trees.title()))
            .hint("give a PKI directory, an /etc/kubernetes or a node's root"));
    }
    let is_bad = |row: &Row<'_>| {
        row.is_expired(at) || args.expiring.is_some_and(|expiring| row.is_expiring(at, expiring))
    };
    match args.output {
        Format::Json => print_json(&Document {
            version: 1,
            at: output::rfc3339(at),
            certificates: rows.certificates.iter().map(|row| json(row, at)).collect(),
            authorities: rows.authorities.iter().map(|row| json(row, at)).collect(),
        })?,
        Format::Text => print(text(&rows, at, args.expiring))?,
    }
    let bad = rows.certificates.iter().chain(&rows.authorities).any(is_bad);
    Ok(if bad { Status::Refused } else { Status::Done })
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

fn text(rows: &Rows<'_>, at: OffsetDateTime, expiring: Option<Expiring>) -> String {
    let several =
        rows.certificates.iter().chain(&rows.authorities).any(|row| row.record.location.node.is_some());
    let near = expiring.unwrap_or(NEAR);
    let mut parts = Vec::new();
    if !rows.certificates.is_empty() {
        let header =
            ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"];
        parts.push(table(&header, &rows.certificates, several, at, near, true));
    }
    if !rows.authorities.is_empty() {
        let header = ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"];
        parts.push(table(&header, &rows.authorities, several, at, near, false));
    }
    let all = || rows.certificates.iter().chain(&rows.authorities);
    let expired = all().filter(|row| row.is_expired(at)).count();
    let expiring = all().filter(|row| !row.is_expired(at) && row.is_expiring(at, near)).count();
    parts.push(match (expired, expiring) {
        (0, 0) => format!("{} none has expired", styled(GOOD, "ok:")),
        (0, _) => format!("{} {expiring} of {} will expire soon", styled(WARN, "soon:"), all().count()),
        (_, 0) => format!("{} {expired} of {} have expired", styled(BAD, "FAIL:"), all().count()),
        _ => format!(
            "{} {expired} of {} have expired, {expiring} more will soon",
            styled(BAD, "FAIL:"),
            all().count()
        ),
    });
    parts.join("\n\n")
}

/// A table whose cells may be coloured: colours must not count in the width.
fn table(
    header: &[&str],
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
        cells.push((plain, if row.external { "yes" } else { "no" }.to_owned()));
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
