//! The usual cure of a rule, where what it has found says no more than where it stands.

use super::super::super::{Finding, Place, Severity};
use super::{Desk, Reissue};
use crate::remedy::Remedy;

/// The rules whose findings end with a certificate that is issued again, as it should be; those of the second list with a new key.
const REISSUED: [&str; 34] = [
    "C001", "C002", "C005", "C006", "C007", "C017", "E001", "E002", "K005", "K006", "K007", "K009", "K013",
    "K014", "M013", "P001", "P002", "P003", "P004", "P006", "P007", "P012", "P014", "P016", "P017", "P018",
    "P019", "P020", "P021", "P022", "P023", "P024", "P026", "P027",
];
const WITH_NEW_KEY: [&str; 4] = ["F024", "P008", "P009", "P010"];

impl Desk<'_> {
    /// What mends a finding of which its rule says no more.
    pub(super) fn usual(&self, finding: &Finding, place: &Place) -> Remedy {
        let id = finding.rule.id;
        let fresh_key = WITH_NEW_KEY.contains(&id);
        if (fresh_key || REISSUED.contains(&id)) && finding.severity > Severity::Info {
            let reissue = Reissue { fresh_key, ..Reissue::default() };
            return self.reissue_or_general(finding.rule, place, &reissue);
        }
        self.general(finding.rule, place)
    }
}
