//! N011: what one node shows, another accepts.

use std::collections::BTreeMap;

use super::super::{Answers, Estate, Location, NodeSummary};
use super::between::listed;
use super::remedy::{Cure, Reissue, name_of};
use super::sides::{Api, Kubelet, Member, Serving, Shown, Trusted, at, covers};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N011",
    name: "refused-by-another-node",
    title: "A node refuses what another one shows",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
        Citation::page("etcd: configuration options", "https://etcd.io/docs/v3.6/op-guide/configuration/"),
    ],
    explanation: "Each node is in order by itself, and they do not fit together: a member of etcd is called by an address that its \
                  certificate lacks, or is not among the names that the others admit; an API server, a kubelet or etcd trusts another \
                  CA than the one that signed what comes from there, or the same CA with its name written in other bytes. The connection \
                  is refused, and it may be that one node in three alone is affected.",
    fix: "Give all nodes the same CAs, and issue the certificate again that is refused with every name and address by which it is called: \
          `kpki rehearse` acts out every connection between them.",
    applies_to: "API servers, members of etcd and kubelets of several nodes",
    check: Check::Estate(check),
};

/// The most nodes of one kind that are held against all others: clusters have fewer, and a hostile directory may have thousands.
const MOST: usize = 64;

/// What is wrong, by place and words.
#[derive(Default)]
struct Wrong<'a>(BTreeMap<(Location, String), Refused<'a>>);

#[derive(Default)]
struct Refused<'a> {
    /// The nodes with which it is.
    by: Vec<&'a str>,
    cure: Option<Cure>,
}

impl<'a> Wrong<'a> {
    fn add(&mut self, location: &Location, what: String, by: &'a str) {
        self.add_with(location, what, by, None);
    }

    fn add_with(&mut self, location: &Location, what: String, by: &'a str, cure: Option<Cure>) {
        let known = self.0.entry((location.clone(), what)).or_default();
        if !known.by.contains(&by) {
            known.by.push(by);
        }
        known.cure = known.cure.take().or(cure);
    }

    /// What is shown is none of those CAs'.
    fn untrusted(&mut self, shown: Option<&Shown>, trusted: Option<&Trusted>, by: &'a str) {
        let (Some(shown), Some(trusted)) = (shown, trusted) else { return };
        if shown.is_refused_by(&trusted.signers) {
            self.add(
                &shown.location,
                format!("no CA of {} signed it there, which therefore refuses it", trusted.by),
                by,
            );
        }
    }
}

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let apis: Vec<(&NodeSummary, &Api)> = of(estate, |node| node.sides.api.as_deref());
    let members: Vec<(&NodeSummary, &Member)> = of(estate, |node| node.sides.member.as_deref());
    let mut wrong = Wrong::default();
    // What one node shows itself, other rules judge; but for the addresses that it calls.
    let several = estate.nodes.len() > 1;
    for (node, api) in &apis {
        if several {
            answers.look();
        }
        etcd_of(estate, (node, api), &members, &mut wrong);
        for other in estate.nodes {
            if let Some(kubelet) = other.sides.kubelet.as_deref() {
                kubelet_of((node, api), (other, kubelet), &mut wrong);
            }
        }
    }
    for (node, member) in &members {
        if several {
            answers.look();
        }
        peers_of(estate, (node, member), &members, &mut wrong);
    }
    for ((location, what), Refused { by, cure }) in wrong.0 {
        let by: Vec<&str> = by.into_iter().filter(|by| !by.is_empty()).collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", listed(&by)) };
        let fact = answers.fail(at(&location), format!("{what}{by}"));
        if let Some(cure) = cure {
            fact.fix(cure);
        }
    }
}

fn of<'a, T>(
    estate: &Estate<'a>,
    part: impl Fn(&'a NodeSummary) -> Option<&'a T>,
) -> Vec<(&'a NodeSummary, &'a T)> {
    estate.nodes.iter().filter_map(|node| Some((node, part(node)?))).take(MOST).collect()
}

/// The name of a node; empty where there is one alone.
fn name(node: &NodeSummary) -> &str {
    node.name.as_deref().unwrap_or_default()
}

/// Whether two nodes are one: what is between the parts of one is judged there.
fn is_same(one: &NodeSummary, other: &NodeSummary) -> bool {
    std::ptr::eq(one, other)
}

/// An API server and the members of etcd that it calls.
fn etcd_of<'a>(
    estate: &Estate<'a>,
    (node, api): (&'a NodeSummary, &Api),
    members: &[(&'a NodeSummary, &'a Member)],
    wrong: &mut Wrong<'a>,
) {
    // All members are known where each that is listed is here.
    let listed_members = members.iter().flat_map(|(_, member)| &member.members);
    let is_here = |name: &str| members.iter().any(|(_, member)| *member.name == *name);
    let mut count = 0;
    let all_here = listed_members.inspect(|_| count += 1).all(|(listed, _)| is_here(listed))
        && count > 0
        && members.iter().all(|(_, member)| member.server.is_some());
    for url in &api.calls {
        let called: Vec<_> = members
            .iter()
            .filter(|(other, member)| {
                let names = member.server.as_ref().is_some_and(|server| covers(&server.names, &url.host));
                names && (!url.host.is_loopback() || is_same(node, other))
            })
            .collect();
        if !url.tls {
            let own = members.iter().filter(|(other, _)| !url.host.is_loopback() || is_same(node, other));
            let with_tls =
                own.filter(|(_, member)| member.listens.iter().any(|own| own.tls && own.host == url.host));
            for (other, _) in with_tls {
                let what =
                    format!("the API server calls {} without TLS, and etcd listens with TLS there", url.text);
                let cure = Cure::words("Let `--etcd-servers` call it by `https://`.");
                wrong.add_with(&api.calls_at, what, name(other), Some(cure));
            }
        } else if called.is_empty() && all_here {
            let what =
                format!("the API server calls {}, which no member of etcd has in its certificate", url.text);
            for (other, member) in members {
                let first = "Where that address is wrong, correct `--etcd-servers`. Where etcd is to be called so, its certificate has to hold it.";
                let own = name_of(&url.host.to_string()).map(|own| Reissue::with(vec![own]).first(first));
                // With several members it is not known whose it should be.
                let shown = member.server.as_ref().filter(|_| members.len() == 1);
                let cure =
                    shown.and_then(|shown| reissue(estate, shown, own)).unwrap_or_else(|| Cure::words(first));
                wrong.add_with(&api.calls_at, what.clone(), name(other), Some(cure));
            }
        }
        for (other, member) in called.into_iter().filter(|(other, _)| !is_same(node, other)) {
            wrong.untrusted(api.to_etcd.as_ref(), member.clients.as_ref(), name(other));
            wrong.untrusted(member.server.as_ref(), api.etcd.as_ref(), name(node));
        }
    }
}

/// An API server and a kubelet: each calls the other.
fn kubelet_of<'a>(
    (node, api): (&'a NodeSummary, &'a Api),
    (other, kubelet): (&'a NodeSummary, &'a Kubelet),
    wrong: &mut Wrong<'a>,
) {
    match (&kubelet.serving, &api.kubelets) {
        (Serving::Own, Some(trusted)) => {
            let location = Location { node: other.name.clone(), ..Location::default() };
            let what = format!(
                "its kubelet shows a certificate of its own making, which the API server refuses by {}",
                trusted.by
            );
            let words = "Let the kubelet ask for a serving certificate (`serverTLSBootstrap: true` in its configuration), start it anew, and approve \
                         what it asks (`kubectl certificate approve`).";
            wrong.add_with(&location, what, name(node), Some(Cure::words(words)));
        }
        (Serving::Issued(shown), Some(trusted)) => wrong.untrusted(Some(shown), Some(trusted), name(node)),
        _ => {}
    }
    if !is_same(node, other) {
        wrong.untrusted(api.to_kubelets.as_ref(), kubelet.clients.as_ref(), name(other));
        wrong.untrusted(kubelet.client.as_ref(), api.clients.as_ref(), name(node));
    }
}

/// What is shown is issued again.
fn reissue(estate: &Estate<'_>, shown: &Shown, how: Option<Reissue>) -> Option<Cure> {
    let record = estate.records.iter().position(|record| record.location == shown.location)?;
    Some(how?.of_record(record).into())
}

/// A member of etcd and those that it calls.
fn peers_of<'a>(
    estate: &Estate<'a>,
    (node, member): (&'a NodeSummary, &'a Member),
    members: &[(&'a NodeSummary, &'a Member)],
    wrong: &mut Wrong<'a>,
) {
    for (other, peer) in members.iter().filter(|(other, _)| !is_same(node, other)) {
        let Some(shown) = &peer.peer else { continue };
        let called =
            member.members.iter().filter(|(listed, _)| **listed == *peer.name && !peer.name.is_empty());
        for (_, url) in called.filter(|(_, url)| url.tls && !covers(&shown.names, &url.host)) {
            let what = format!(
                "--initial-cluster has {} for {}, whose certificate does not hold it",
                url.text, peer.name
            );
            let own = name_of(&url.host.to_string()).map(|own| Reissue::with(vec![own]));
            wrong.add_with(&member.members_at, what, name(other), reissue(estate, shown, own));
        }
        if let Some(wanted) = member.peer_name.as_ref().filter(|wanted| **wanted != shown.common_name) {
            let what = format!(
                "its common name is {}, and --peer-cert-allowed-cn admits {wanted} alone",
                shown.common_name
            );
            let called = Reissue { called: Some(wanted.to_string()), ..Reissue::default() };
            wrong.add_with(&shown.location, what, name(node), reissue(estate, shown, Some(called)));
        }
        wrong.untrusted(Some(shown), member.peers.as_ref(), name(node));
    }
}
