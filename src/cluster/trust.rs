//! Whom the kubeconfigs of a plan trust.

use std::path::Path;

use super::advice;
use super::entries::{Entry, Kind};
use super::found::Found;
use super::plan::{Action, AuthorityState, Refusal};
use super::surroundings::{is_root, leads_to_root};
use crate::layout::Authority;
use crate::x509::Certificate;

/// Whom kubeconfigs trust for the API server.
#[derive(Default)]
pub(super) struct Trust {
    /// These CAs; none where the cluster's CA is made in the same run.
    pub(super) authorities: Vec<Certificate>,
    /// Those among them that were named; none where nobody named any.
    pub(super) named: Vec<Certificate>,
    /// The intermediate CAs that are sent behind a client certificate, the one that signs it first.
    pub(super) chain: Vec<Certificate>,
    /// That no root is known among them, so that no kubeconfig can be made.
    pub(super) rootless: bool,
}

impl Trust {
    pub(super) fn named(named: &[Certificate]) -> Self {
        Self { authorities: named.to_vec(), named: named.to_vec(), ..Self::default() }
    }

    /// Takes over what the file of the cluster's CA holds, unless other CAs were named.
    pub(super) fn learn(&mut self, state: &AuthorityState, found: &Found) {
        if state.certificate().is_none() {
            return;
        }
        let held = found.certificates();
        self.chain = held.iter().filter(|held| !is_root(held)).cloned().collect();
        if self.authorities.is_empty() {
            self.rootless = !leads_to_root(&held, &held, &[]);
            self.authorities = held;
        } else {
            // The API server may not send them.
            self.authorities.extend(self.chain.iter().cloned());
        }
    }

    /// Why no kubeconfig is made where only an intermediate CA could be its anchor.
    pub(super) fn refusal(&self, root: &Path, entries: &[Entry]) -> Action {
        let subject = self.authorities.first().map(|ca| ca.tbs.subject.to_string()).unwrap_or_default();
        let kubernetes =
            |entry: &&Entry| matches!(&entry.kind, Kind::Authority { authority: Authority::Kubernetes, .. });
        let file = entries.iter().find(kubernetes).map(|entry| advice::shown(&root.join(entry.files.main())));
        Action::Refuse(Refusal {
            reasons: vec![format!(
                "the CA {subject} is an intermediate one, and its root is not in {}: with nothing else to trust, clients built \
                 on OpenSSL (curl, Python) refuse the API server",
                file.unwrap_or_default()
            )],
            advice: vec![
                "name the CAs that the API server's certificate goes back to: --server-ca FILE".to_owned(),
            ],
        })
    }
}
