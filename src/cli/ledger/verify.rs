//! `kpki ledger verify`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use kpki::adoption::Held;
use kpki::disk::read_bounded;
use kpki::ledger::{AtHand, Entry, LARGEST, Report, check, lines};
use kpki::x509::{Certificate, shell_word};
use serde::Serialize;
use zeroize::Zeroizing;

use super::super::output::{self, BAD, FAINT, Format, GOOD, styled};
use super::super::{Failure, Status};
use super::{Args, Kept, counted, with_ledgers};

/// The most files that are told one by one.
const MOST: usize = 20;

#[derive(Serialize)]
struct Checked {
    ledger: String,
    #[serde(flatten)]
    report: Report,
    /// How many certificates at hand the CA's key has signed.
    #[serde(rename = "atHand")]
    at_hand: usize,
    /// What lies in the trees and could not be read.
    unread: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<Status, Failure> {
    let (kept, holdings) = with_ledgers(&args.ca)?;
    let authorities: Vec<&Certificate> = kept.iter().filter_map(|kept| kept.certificate.as_ref()).collect();
    let signers = holdings.signers(&authorities);
    let at_hand: Vec<AtHand> = holdings.certificates.iter().map(Held::at_hand).collect();
    let texts = kept
        .iter()
        .map(|kept| {
            if kept.has_ledger { Ok(read_bounded(&kept.ledger, LARGEST)?) } else { Ok(Zeroizing::default()) }
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let unread: Vec<String> =
        holdings.unread.iter().map(|(path, reason)| format!("{path}: {reason}")).collect();
    let mut checked = Vec::new();
    let mut first_missing = None;
    for (kept_one, text) in kept.iter().zip(&texts).filter(|(kept, _)| kept.has_ledger) {
        let same_key = |other: &&Certificate| {
            kept_one
                .certificate
                .as_ref()
                .is_some_and(|own| own.tbs.public_key.der() == other.tbs.public_key.der())
        };
        // Where somebody signs in two places with one key, there are two ledgers.
        let others = kept.iter().zip(&texts).filter(|(other, _)| {
            other.ledger != kept_one.ledger && other.certificate.as_ref().is_some_and(|ca| same_key(&ca))
        });
        let elsewhere: HashSet<String> = others.flat_map(|(_, text)| fingerprints(text)).collect();
        let of_it: Vec<AtHand> = at_hand
            .iter()
            .zip(&signers)
            .filter(|(_, signer)| signer.and_then(|at| authorities.get(at)).is_some_and(same_key))
            .filter(|(held, _)| !elsewhere.contains(&held.fingerprint))
            .map(|(held, _)| held.clone())
            .collect();
        let report = check(text, &of_it);
        if first_missing.is_none()
            && let Some(held) = of_it.iter().find(|held| report.missing.contains(&held.fingerprint))
        {
            first_missing = Some((kept_one, held.shown.clone()));
        }
        checked.push(Checked {
            ledger: output::path(&kept_one.ledger),
            report,
            at_hand: of_it.len(),
            unread: unread.clone(),
        });
    }
    let sound = checked.iter().all(|checked| checked.report.problems.is_empty());
    if args.output == Format::Json {
        output::print_json(&checked)?;
    } else {
        output::print(text(&checked, &kept, &unread, sound))?;
        if let Some((kept, file)) = first_missing {
            output::inform(format!("{} {}", styled(FAINT, "hint:"), advice(&kept.file, &file)))?;
        }
    }
    Ok(if sound { Status::Done } else { Status::Refused })
}

/// What to do about a certificate that is not in a ledger.
fn advice(ca: &Path, file: &str) -> String {
    // Behind the file's name stands the field, or the line.
    let file = file.split(" (").next().unwrap_or(file);
    format!(
        "if you know who signed it with the CA's key, as kubeadm certs renew does, record it: kpki ledger adopt --ca {} {}; \
         if nobody knows, take the key for stolen",
        shell_word(ca),
        shell_word(Path::new(file))
    )
}

/// The certificates that a ledger records.
fn fingerprints(text: &[u8]) -> Vec<String> {
    lines(text).filter_map(|line| Some(Entry::parse(line).ok()?.certificate_sha256)).collect()
}

fn text(checked: &[Checked], kept: &[Kept], unread: &[String], sound: bool) -> String {
    let mut rows = Vec::new();
    for Checked { ledger, report, .. } in checked {
        let verdict = if report.problems.is_empty() { "sound" } else { "NOT SOUND" };
        rows.push(vec![ledger.clone(), report.lines.to_string(), verdict.into(), report.head_sha256.clone()]);
    }
    let mut text = output::table(&["LEDGER", "LINES", "VERDICT", "HEAD"], rows);
    for Checked { ledger, report, .. } in checked {
        for problem in &report.problems {
            let _ = write!(text, "\n{} {ledger}: {problem}", styled(BAD, "found:"));
        }
    }
    for Checked { ledger, report, .. } in checked.iter().filter(|checked| checked.report.kubelets > 0) {
        let _ = write!(
            text,
            "\nnote: {ledger}: {} of kubelets not in it: kube-controller-manager signs those, and keeps no ledger",
            counted(report.kubelets)
        );
    }
    for kept in kept.iter().filter(|kept| !kept.has_ledger) {
        let _ = write!(
            text,
            "\nnote: {} has no ledger: it begins with the first signature",
            output::path(&kept.file)
        );
    }
    for kept in kept.iter().filter(|kept| kept.has_ledger && kept.certificate.is_none()) {
        let path = output::path(&kept.ledger);
        let _ =
            write!(text, "\nnote: {path} has no CA beside it, so that no certificate was held against it");
    }
    for line in unread.iter().take(MOST) {
        let _ = write!(text, "\nnot read: {line}");
    }
    if unread.len() > MOST {
        let _ = write!(text, "\nnot read: {} more", unread.len() - MOST);
    }
    if sound {
        let at_hand: usize = checked.iter().map(|checked| checked.at_hand - checked.report.kubelets).sum();
        let held = match at_hand {
            0 => "; no certificate is at hand".to_owned(),
            1 => "; the certificate at hand is recorded".to_owned(),
            more => format!("; all {more} certificates at hand are recorded"),
        };
        let missed = match unread.len() {
            0 => String::new(),
            count => format!(", but {count} could not be read"),
        };
        let _ = write!(text, "\n{}{held}{missed}", styled(GOOD, "every line follows the one before it"));
    }
    text
}
