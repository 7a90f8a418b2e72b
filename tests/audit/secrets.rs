//! No secret is in any output.

use crate::support::{files_under, write};
use crate::tree::Tree;

#[test]
fn no_secret_is_in_any_output() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let token = "tok-3f9a1c77d5e24b60";
    let password = "Pa55-over-here-please";
    write(&tree.file("tokens.csv"), &format!("{token},admin,1,\"system:masters\"\nshort1,u,2\n"));
    write(&tree.file("passwords.csv"), &format!("{password},admin,1,\"system:masters\"\n"));
    let conf = std::fs::read_to_string(tree.file("admin.conf")).unwrap();
    write(
        &tree.file("token.conf"),
        &conf.replace(
            "    client-key-data:",
            &format!("    token: {token}\n    password: {password}\n    client-key-data:"),
        ),
    );
    let manifest = tree.file("manifests/kube-apiserver.yaml");
    let flags = std::fs::read_to_string(&manifest).unwrap().replace(
        "    - kube-apiserver\n",
        "    - kube-apiserver\n    - --token-auth-file=/etc/kubernetes/tokens.csv\n    - --basic-auth-file=/etc/kubernetes/passwords.csv\n",
    );
    assert!(flags.contains("tokens.csv"));
    write(&manifest, &flags);
    // A key where a certificate belongs, and one cut short.
    std::fs::copy(tree.file("pki/sa.key"), tree.file("pki/leaked.crt")).unwrap();
    let key = std::fs::read_to_string(tree.file("pki/ca.key")).unwrap();
    write(&tree.file("pki/cut.key"), &key[..key.len() - 40]);

    let mut secrets = vec![token.to_owned(), password.to_owned(), "short1".to_owned()];
    for file in files_under(&tree.root(), &["key"]) {
        let text = std::fs::read_to_string(file).unwrap();
        secrets.extend(
            text.lines().filter(|line| line.len() >= 40 && !line.starts_with('-')).map(str::to_owned),
        );
    }
    for line in conf.lines().filter(|line| line.contains("client-key-data")) {
        let data = line.split_whitespace().nth(1).unwrap();
        secrets.extend([data[..60].to_owned(), data[data.len() - 60..].to_owned()]);
    }
    assert!(secrets.len() > 20);
    for form in ["text", "json", "sarif", "junit", "prometheus", "html"] {
        let ran = tree.audit(&["-o", form, "--fail-on", "none"]).ok();
        assert!(ran.stdout.contains("leaked.crt") || form == "prometheus", "{}", ran.words());
        for secret in &secrets {
            assert!(!ran.words().contains(secret.as_str()), "{form} shows {secret}");
        }
    }
    let ran = tree.kpki(&["status", "tree", "-o", "json"]);
    assert!(secrets.iter().all(|secret| !ran.words().contains(secret.as_str())));
}
