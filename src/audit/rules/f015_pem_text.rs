//! F015: PEM that some readers read otherwise than others.

use super::files::left_over;
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Contents, File, Place, Scene, TextFacts};
use crate::inspect::Encoding;

pub(super) static RULE: Rule = Rule {
    id: "F015",
    name: "pem-text",
    title: "The text of a PEM file is not as it should be",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 7468 section 2"),
        Citation::rfc("RFC 7468 section 3"),
        Citation::page("Go: encoding/pem", "https://pkg.go.dev/encoding/pem#Decode"),
        Citation::page("kubernetes/kubeadm#1453", "https://github.com/kubernetes/kubeadm/issues/1453"),
    ],
    explanation: "Readers of PEM differ in what they forgive. Go, in which Kubernetes and etcd are written, sees a block only where BEGIN stands \
                  at the start of a line and nothing follows END on its line; what it does not see is silently missing, a CA from a bundle for \
                  example. Blocks that run together come from `cat` of files whose last line does not end. Text around the blocks, line \
                  ends of Windows and long lines harm no reader that is known, and are of severity low.",
    fix: "`kpki inspect -o pem FILE > FILE.new` writes the same things as clean PEM (with `--private-keys` keys as well: under umask 077); \
          put that in the place of FILE.",
    applies_to: "PEM files",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        let Some(contents) = file.contents().filter(|contents| contents.encoding == Encoding::Pem) else {
            continue;
        };
        // What a change left behind is read by nobody (F021).
        if left_over(scene.node, file).is_some() {
            continue;
        }
        answers.look();
        text(index, &contents.text, is_behind_mark(contents), answers);
        blocks(index, file, answers);
    }
}

/// Whether the first block stands on the line of the byte order mark, so that it is lost.
fn is_behind_mark(contents: &Contents) -> bool {
    contents
        .items
        .iter()
        .flat_map(|item| &item.oddities)
        .any(|oddity| oddity.what.starts_with("a byte order mark"))
}

fn text(index: usize, facts: &TextFacts, behind_mark: bool, answers: &mut Answers) {
    let line = |line: usize| Place::line(index, line as u64);
    if let Some(at) = facts.run_together {
        let message = "a block ends and the next one begins on one line: Go and OpenSSL read neither";
        answers.fail(line(at), message).fix(Cure::words("Part them:").part_blocks());
    }
    if let Some(at) = facts.nul {
        answers
            .fail(line(at), "there is a NUL byte in it, where many readers stop")
            .severity(Severity::Medium)
            .fix(anew());
    }
    if facts.byte_order_mark && !behind_mark {
        answers.fail(line(1), "it begins with a byte order mark").severity(Severity::Low).fix(anew());
    }
    if let Some(at) = facts.carriage_return {
        answers.fail(line(at), "lines end as on Windows, in CR LF").severity(Severity::Low).fix(anew());
    }
    // Of what runs together, the rest is taken for text.
    if let Some((at, count)) = facts.outside.filter(|_| facts.run_together.is_none()) {
        let lines = if count == 1 { "a line stands".to_owned() } else { format!("{count} lines stand") };
        let cure = anew().say("What stands outside of the blocks is not in it any more.");
        answers.fail(line(at), format!("{lines} outside of the blocks")).severity(Severity::Low).fix(cure);
    }
    if !facts.ends {
        let message = "the last line does not end: what is appended runs together with it";
        answers.fail(index, message).severity(Severity::Low).fix(anew());
    }
}

/// The same things are written as clean PEM.
fn anew() -> Cure {
    Cure::words("Write the same things as clean PEM:").rewritten_as_pem()
}

/// What `inspect` says of how the blocks are written; what is odd about what they hold is not a matter of PEM.
fn blocks(index: usize, file: &File, answers: &mut Answers) {
    for item in super::files::own(file) {
        let of_pem = item
            .oddities
            .iter()
            .filter(|oddity| ["RFC 7468 section 2", "RFC 7468 section 3"].contains(&oddity.source));
        for oddity in of_pem {
            let harmless = oddity.what.starts_with("a line of base64");
            let severity = if harmless { Severity::Low } else { Severity::High };
            answers.fail(Place::of_item(index, item), oddity.what.clone()).severity(severity).fix(anew());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut tree = Tree::empty();
        tree.file("a.crt", 0o644, text);
        tree.findings("F015")
    }

    #[test]
    fn clean_pem_is_silent() {
        assert_eq!(Tree::control_plane().findings("F015"), [""; 0]);
        // An empty line between blocks is nothing.
        let pem = Tree::control_plane().ca("ca").pem();
        assert_eq!(found(&format!("{pem}\n{pem}")), [""; 0]);
    }

    #[test]
    fn what_readers_stumble_over_fires() {
        let tree = Tree::control_plane();
        let pem = tree.ca("ca").pem();
        let lines = pem.lines().count();
        let long = {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let body = pem.lines().filter(|line| !line.starts_with('-')).map(str::len).sum::<usize>();
        let headed = pem.replacen("-----\n", "-----\nX-Note: a\n\n", 1);
        for (text, finding) in [
            (
                format!("{}{pem}", pem.trim_end()),
                format!("high a.crt:{lines}: a block ends and the next one begins on one line: Go and OpenSSL read neither"),
            ),
            (format!("{pem}\0\n"), format!("medium a.crt:{}: there is a NUL byte in it, where many readers stop", lines + 1)),
            (
                format!("\u{feff}{pem}"),
                "high a.crt:1: a byte order mark stands before BEGIN; programs written in Go do not see the block".to_owned(),
            ),
            (format!("\u{feff}\n{pem}"), "low a.crt:1: it begins with a byte order mark".to_owned()),
            (
                format!("  {pem}"),
                "high a.crt:1: white space stands before BEGIN; programs written in Go do not see the block".to_owned(),
            ),
            (
                headed,
                "high a.crt:1: headers stand in the block (X-Note); Kubernetes skips such certificates".to_owned(),
            ),
            (pem.replace('\n', "\r\n"), "low a.crt:1: lines end as on Windows, in CR LF".to_owned()),
            (
                format!("Certificate:\n    Data:\n{pem}"),
                "low a.crt:1: 2 lines stand outside of the blocks".to_owned(),
            ),
            (format!("{pem}# the CA\n"), format!("low a.crt:{}: a line stands outside of the blocks", lines + 1)),
            (
                pem.trim_end().to_owned(),
                "low a.crt: the last line does not end: what is appended runs together with it".to_owned(),
            ),
            (long, format!("low a.crt:1: a line of base64 has {body} characters, and 64 are the most")),
        ] {
            // The line with the NUL stands outside as well.
            let found: Vec<String> =
                found(&text).into_iter().filter(|one| !(text.contains('\0') && one.contains("outside"))).collect();
            assert_eq!(found, [finding]);
        }
    }

    #[test]
    fn kubeconfigs_and_der_are_not_its_matter() {
        let mut tree = Tree::empty();
        let good = Tree::control_plane();
        tree.file("admin.conf", 0o600, good.text("etc/kubernetes/admin.conf").replace('\n', "\r\n"));
        tree.file("ca.der", 0o644, good.ca("ca").der().to_vec());
        assert!(tree.not_applicable(&RULE));
    }
}
