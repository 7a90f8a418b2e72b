//! The page of reports that are put together here: very large ones, and such as no file would make.

use std::sync::Arc;
use std::time::Instant;

use kpki::audit::{
    CertificateRecord, DeadWaiver, Finding, Gap, Location, Outcomes, RULES, Read, Record, RecordKind, Report,
    Role, Rule, Severity, Skipped, Unread, Use, Waived,
};
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};

use super::render;

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

fn report(records: Vec<Record>) -> Report {
    let certificates = records.len();
    Report {
        at: NOW,
        findings: Vec::new(),
        skipped: Vec::new(),
        waived: Vec::new(),
        dead_waivers: Vec::new(),
        outcomes: Outcomes::default(),
        tallies: Vec::new(),
        read: Read { files: certificates, certificates, keys: 0, nodes: 1, of_pki: certificates },
        unread: Unread::default(),
        blanks: Vec::new(),
        records,
    }
}

fn location(path: &str) -> Location {
    Location { path: path.into(), line: Some(1), block: Some(0), ..Location::default() }
}

fn fingerprint(number: usize) -> [u8; 32] {
    kpki::x509::sha256(&number.to_be_bytes())
}

/// A certificate with a number, signed by that of another number.
fn record(number: usize, signer: Option<usize>, subject: &str, issuer: &str, roles: &[Role]) -> Record {
    let days = i64::try_from(number % 400).unwrap();
    let certificate = CertificateRecord {
        fingerprint: fingerprint(number),
        subject: subject.into(),
        name: None,
        issuer: issuer.into(),
        serial: "01".into(),
        not_before: NOW - Duration::DAY,
        not_after: NOW + Duration::days(days),
        is_ca: roles.first().is_some_and(|role| role.is_ca()),
        names: "DNS:a".into(),
        purposes: "serverAuth".into(),
        signer: signer.map(fingerprint),
        cluster: None,
        position: 0,
    };
    Record {
        location: Location {
            node: Some(format!("node{}", number / 10).into()),
            ..location(&format!("{number}.crt"))
        },
        elsewhere: None,
        kind: RecordKind::Certificate,
        roles: roles.into(),
        alias: None,
        surest: None,
        usage: Use::Loose,
        key: Some(fingerprint(number + 1_000_000)),
        algorithm: "ECDSA-P256".into(),
        modulus: None,
        certificate: Some(Box::new(certificate)),
    }
}

fn rule() -> &'static Rule {
    RULES.first().unwrap()
}

fn finding(location: Location, severity: Severity, message: &str) -> Finding {
    Finding::new(rule(), severity, location, message)
}

#[test]
fn an_estate_of_a_hundred_thousand_is_a_page_of_bounded_size() {
    const MANY: usize = 100_000;
    let names: [Arc<str>; 2] = ["CN=kubernetes".into(), "CN=leaf".into()];
    let mut records = vec![record(0, Some(0), &names[0], &names[0], &[Role::KubernetesCa])];
    let roles = [Role::KubeletClient, Role::KubeletServing, Role::Apiserver, Role::EtcdPeer];
    records.extend((1..MANY).map(|number| {
        let role = roles.get(number % 4).copied().unwrap();
        record(number, Some(0), &names[1], &names[0], &[role])
    }));
    let mut report = report(records);
    report.findings = report
        .records
        .iter()
        .map(|record| finding(record.location.clone(), Severity::High, "it is wrong"))
        .collect();
    let reason = |number: usize| format!("reason {number}");
    report.skipped = (0..50_000)
        .map(|number| Skipped {
            gap: Gap::NotGiven,
            rule: None,
            location: location("a"),
            reason: reason(number),
        })
        .collect();
    report.read.nodes = 10_000;
    let start = Instant::now();
    let page = render(&report, "estate").unwrap();
    // Some two seconds without optimisation.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    assert!(page.len() < 8 << 20, "{}", page.len());
    for said in [
        "200 of 100000 findings are listed here",
        "99,800 more of the kind are not listed here",
        "98,500 certificates are left out here",
        "100,000 high findings",
        "24,996 × kubelet-serving",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn circles_chains_and_crowds_of_authorities_end() {
    // Two CAs that signed each other, a chain of ten thousand, and as many CAs with a leaf each.
    let authority: &[Role] = &[];
    let mut records = vec![
        record(1, Some(2), "CN=a", "CN=b", authority),
        record(2, Some(1), "CN=b", "CN=a", authority),
        record(3, Some(1), "CN=c", "CN=a", authority),
    ];
    records.extend((10..10_010).map(|number| record(number, Some(number - 1), "CN=l", "CN=l", authority)));
    records.extend((20_000..30_000).map(|number| record(number, Some(number), "CN=r", "CN=r", authority)));
    records.extend(
        (30_000..40_000).map(|number| record(number, Some(number - 10_000), "CN=x", "CN=r", authority)),
    );
    records.extend((40_000..50_000).map(|number| {
        let issuer = format!("CN=absent {number}");
        record(number, None, "CN=y", &issuer, authority)
    }));
    let page = render(&report(records), "odd").unwrap();
    assert!(page.len() < 8 << 20, "{}", page.len());
    let graph = page.split("id=\"timeline\"").next().unwrap();
    let boxes = graph.matches("box-face").count();
    assert!((10..400).contains(&boxes), "{boxes}");
}

#[test]
fn times_that_no_axis_has_room_for_are_shown() {
    let mut one = record(1, Some(1), "CN=a", "CN=a", &[Role::KubernetesCa]);
    let mut two = record(2, Some(1), "CN=b", "CN=a", &[Role::Apiserver]);
    if let (Some(one), Some(two)) = (&mut one.certificate, &mut two.certificate) {
        one.not_before = datetime!(-9999-01-01 0:00 UTC);
        one.not_after = datetime!(9999-12-31 23:59:59 UTC);
        // It ends before it begins.
        two.not_before = NOW + Duration::days(10);
        two.not_after = NOW - Duration::days(10);
    }
    let page = render(&report(vec![one, two]), "times").unwrap();
    let drawn = page.split("</style>").nth(1).unwrap().split("<script>").next().unwrap();
    // The last second that there is.
    let last = Report { at: datetime!(9999-12-31 23:59:59 UTC), ..report(Vec::new()) };
    let mut three = record(3, None, "CN=c", "CN=c", &[]);
    if let Some(three) = &mut three.certificate {
        three.not_after = last.at;
    }
    render(&Report { records: vec![three], ..last }, "the end of time").unwrap();
    for said in ["7978 y left</text>", "begins 2026-06-11</text>"] {
        // On wide screens and on narrow ones.
        assert!(drawn.matches(said).count() >= 2, "{said}");
    }
    // No length is negative, none is no number, and nothing is far outside of the drawing.
    for attribute in [" x=\"", " width=\"", " cx=\"", " r=\""] {
        for value in drawn.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            let number: f64 = value.parse().unwrap();
            assert!((0.0..1300.0).contains(&number), "{attribute}{value}");
        }
    }
}

#[test]
fn every_text_of_a_report_is_only_text() {
    let evil = "<script>alert(1)</script>\"'&{{ 1 }}{% raw %}";
    let mut record = record(1, None, evil, evil, &[Role::Apiserver]);
    record.location = Location {
        node: Some(evil.into()),
        path: evil.into(),
        base: 0,
        line: Some(1),
        block: Some(3),
        field: Some(evil.into()),
    };
    record.algorithm = evil.into();
    if let Some(certificate) = &mut record.certificate {
        certificate.serial = evil.into();
        certificate.names = evil.into();
        certificate.purposes = evil.into();
    }
    let mut key = record.clone();
    (key.kind, key.key, key.certificate) = (RecordKind::PrivateKey, Some([7; 32]), None);
    let place = record.location.clone();
    let mut report = report(vec![record, key]);
    let mut found = finding(place.clone(), Severity::Critical, evil);
    found.remedy = kpki::remedy::Remedy::words(format!("run `chmod 0600 {evil}` and {evil}"));
    report.findings = vec![found];
    report.skipped = vec![Skipped {
        gap: Gap::NotGiven,
        rule: Some(rule()),
        location: place.clone(),
        reason: evil.to_owned(),
    }];
    report.waived = vec![Waived {
        finding: finding(place, Severity::Low, evil),
        reason: evil.to_owned(),
        expires: date!(2027 - 01 - 01),
    }];
    report.dead_waivers =
        vec![DeadWaiver { rule: evil.to_owned(), place: evil.to_owned(), reason: evil.to_owned() }];
    let page = render(&report, evil).unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("alert(1)</script>"));
    let escaped = page.matches("&lt;script&gt;alert(1)&lt;").count();
    assert!(escaped > 25, "{escaped}");
    // Nothing was taken for an expression, and nothing stands in an attribute without its quotes.
    assert!(!page.contains("\"'&{{"));
}

#[test]
fn the_policy_names_what_is_there() {
    let page = render(&report(Vec::new()), "empty").unwrap();
    let policy = super::policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(page.contains(&policy.replace('\'', "&#x27;")), "{policy}");
    for inline in
        [" style=", " onclick=", "javascript:", "@import", "url(", "src=\"http", "<link rel=\"stylesheet"]
    {
        assert!(!page.contains(inline), "{inline}");
    }
}
