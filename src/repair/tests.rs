#![expect(clippy::disallowed_methods, reason = "tests lay out what is mended")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::bundle::rewritten_text;
use super::*;
use crate::forge;

fn chain() -> (String, String, String) {
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Inter");
    let leaf = inter.leaf("cn=leaf");
    (leaf.pem(), inter.pem(), leaf.key_pem())
}

#[test]
fn certificates_are_put_in_order_and_lines_cleaned() {
    let (leaf, inter, key) = chain();
    let good = format!("{leaf}{inter}");
    assert_eq!(rewritten_text(good.as_bytes()), Ok(None));
    let with = |text: &str| rewritten_text(text.as_bytes()).map(|found| found.map(|contents| contents.text));
    for text in [
        format!("{inter}{leaf}"),
        good.replace('\n', "\r\n"),
        format!("\u{feff}{good}"),
        good.trim_end().to_owned(),
        format!("{leaf}\n\n{inter}"),
        format!("{}\r\n{inter}", leaf.replace('\n', "\r\n")),
    ] {
        assert_eq!(with(&text), Ok(Some(good.clone())), "{text}");
    }
    for (text, reason) in [
        (format!("{key}{inter}{leaf}"), "a private key is in it, and none is ever rewritten"),
        (format!("Issuer: CN=a\n{inter}{leaf}"), "words stand between the blocks, which would be lost"),
        (
            leaf.replace("MII", "MIJ"),
            "something else than certificates is in it, or something that cannot be read",
        ),
        ("hello".to_owned(), "it is not PEM"),
    ] {
        assert_eq!(with(&text), Err(reason.to_owned()));
    }
    // Trust anchors have no order.
    let anchors = format!("{}{}", forge::ca("cn=B").pem(), forge::ca("cn=A").pem());
    assert_eq!(with(&anchors), Ok(None));
}

#[test]
fn a_change_keeps_a_backup_and_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let (leaf, inter, _) = chain();
    let file = dir.path().join("server.crt");
    fs::write(&file, format!("{inter}{leaf}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let data = fs::metadata(&file).unwrap();
    let found = Attributes { mode: 0o666, uid: data.uid(), gid: data.gid(), ..Attributes::default() };
    let repair = Repair {
        root: dir.path().to_owned(),
        relative: "server.crt".into(),
        rules: vec!["F018"],
        found,
        mode: 0o644,
        owner: None,
        contents: rewritten_text(&fs::read(&file).unwrap()).unwrap(),
    };
    let backups = apply(&repair, "20260601T120000Z").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{leaf}{inter}"));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(backups, [dir.path().join("server.crt.20260601T120000Z.bak")]);
    assert_eq!(fs::read_to_string(&backups[0]).unwrap(), format!("{inter}{leaf}"));
    // It is not what it was any more.
    assert!(matches!(apply(&repair, "20260601T120001Z"), Err(DiskError::Changed { .. })));
}
