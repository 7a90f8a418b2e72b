//! The usual cure of a rule, where what it has found says no more than where it stands.

use super::{Cure, Reissue};
use crate::audit::Severity;

/// The rules whose findings end with a certificate that is issued again, as it should be.
const REISSUED: [&str; 36] = [
    "C001", "C002", "C005", "C006", "C007", "C017", "E001", "E002", "K005", "K006", "K007", "K009", "K013",
    "K014", "M013", "P001", "P002", "P003", "P004", "P006", "P007", "P012", "P014", "P016", "P017", "P018",
    "P019", "P020", "P021", "P022", "P023", "P024", "P026", "P027", "N005", "N006",
];
/// Those where its key is replaced as well.
const WITH_NEW_KEY: [&str; 6] = ["F024", "F027", "N004", "P008", "P009", "P010"];

/// What mends a finding of which its rule says no more.
pub(super) fn cure(id: &str, severity: Severity) -> Option<Cure> {
    let fresh_key = WITH_NEW_KEY.contains(&id);
    if (fresh_key || REISSUED.contains(&id)) && severity > Severity::Info {
        return Some(Reissue { fresh_key, ..Reissue::default() }.into());
    }
    None
}
