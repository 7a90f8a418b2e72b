//! The usual cure of a rule, where what it has found says no more than where it stands.

use super::{CaChange, Cure, Reissue};
use crate::audit::Severity;

/// The rules whose findings end with a certificate that is issued again, as it should be.
const REISSUED: [&str; 38] = [
    "C001", "C002", "C005", "C006", "C007", "C017", "E001", "E002", "K005", "K006", "K007", "K009", "K013",
    "K014", "M013", "N005", "N006", "P001", "P002", "P003", "P004", "P005", "P006", "P007", "P012", "P014",
    "P016", "P017", "P018", "P019", "P020", "P021", "P022", "P023", "P024", "P026", "P027", "P028",
];
/// Those where its key is replaced as well.
const WITH_NEW_KEY: [&str; 6] = ["F024", "F027", "N004", "P008", "P009", "P010"];
/// Those whose CAs get the same certificate again, with another number, another signature and another life.
const RENEWED: [&str; 8] = ["C006", "P002", "P003", "P004", "P006", "P007", "P022", "P023"];
/// Those whose CAs get a certificate with other extensions.
const WITH_OTHER_EXTENSIONS: [&str; 9] =
    ["P001", "P011", "P013", "P014", "P016", "P017", "P021", "P024", "P025"];

/// What mends a finding of which its rule says no more, at a CA's certificate or at another.
pub(super) fn cure(id: &str, severity: Severity, at_ca: bool) -> Option<Cure> {
    if severity == Severity::Info {
        return None;
    }
    if at_ca {
        if id == "P013" && severity < Severity::Medium {
            return Some(
                "Nothing breaks by it; a CA that is to sign revocation lists for etcd needs cRLSign.".into(),
            );
        }
        let extensions = WITH_OTHER_EXTENSIONS.contains(&id);
        let change = CaChange { extensions, ..CaChange::default() };
        let first = match severity {
            Severity::Low => "Nothing breaks by it, and it can wait until the CA is renewed anyway.",
            _ => "",
        };
        return (extensions || RENEWED.contains(&id)).then(|| Cure::words(first).renew_ca(None, change));
    }
    let fresh_key = WITH_NEW_KEY.contains(&id);
    (fresh_key || REISSUED.contains(&id)).then(|| Reissue { fresh_key, ..Reissue::default() }.into())
}
