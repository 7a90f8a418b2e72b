//! The nodes of kubeadm's configuration, with what kubeadm would find out from the machine.

use std::net::IpAddr;

use serde::Deserialize;

use super::Defaults;
use super::convert::{self, given};
use super::endpoint::node_name as node_name_of;
use super::spec::{DEFAULT_BIND_PORT, Node};
use super::yaml::{Scope, Text, quote};
use crate::yaml::Spanned;

/// What a node is called.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NodeRegistration {
    name: Option<Text>,
}

/// Where a node's own API server is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocalApiEndpoint {
    advertise_address: Option<Text>,
    bind_port: Option<Spanned<i64>>,
}

/// A node of which only the name is known.
pub(super) fn worker(name: String) -> Node {
    Node {
        name,
        control_plane: false,
        etcd: false,
        kubelet: true,
        addresses: Vec::new(),
        advertise: None,
        bind_port: DEFAULT_BIND_PORT,
    }
}

/// A node with an API server, unless something is wrong with it.
pub(super) fn control_plane(
    registration: Option<&NodeRegistration>,
    endpoint: Option<&LocalApiEndpoint>,
    defaults: &Defaults,
    scope: &mut Scope<'_>,
) -> Option<Node> {
    // All three before any is given up, so that all mistakes are reported.
    let name = node_name(registration, defaults, scope);
    let advertise = advertise_address(endpoint, defaults, scope);
    let bind_port = bind_port(endpoint, scope);
    let advertise = advertise?;
    Some(Node {
        control_plane: true,
        addresses: vec![advertise],
        advertise: Some(advertise),
        bind_port: bind_port?,
        ..worker(name?)
    })
}

/// The node's name, or else the machine's, in lower case.
pub(super) fn node_name(
    registration: Option<&NodeRegistration>,
    defaults: &Defaults,
    scope: &mut Scope<'_>,
) -> Option<String> {
    const FIELD: &str = "nodeRegistration.name";
    let text = given(registration.and_then(|registration| registration.name.as_ref()));
    let Some(name) = text.map(|text| &text.value).or(defaults.hostname.as_ref()) else {
        scope
            .report
            .missing(FIELD, "it is missing, and this machine has no name to take; write the node's name");
        return None;
    };
    let name = name.trim().to_lowercase();
    match (node_name_of(&name), text) {
        (Ok(()), text) => {
            if text.is_none() {
                let note = format!("{FIELD} is not given: {name}, the name of this machine, is taken");
                scope.report.notes.push(note);
            }
            return Some(name);
        }
        (Err(reason), Some(text)) => {
            scope.refuse(text, FIELD, format!("{} is no node's name: {reason}", quote(&name)));
        }
        (Err(reason), None) => {
            let name = quote(&name);
            let reason = format!("it is missing, and this machine's name {name} is no node's: {reason}");
            scope.report.missing(FIELD, reason);
        }
    }
    None
}

/// The address that a node's API server announces, as kubeadm finds it: the one that is given, unless it stands for an
/// address of the machine's.
fn advertise_address(
    endpoint: Option<&LocalApiEndpoint>,
    defaults: &Defaults,
    scope: &mut Scope<'_>,
) -> Option<IpAddr> {
    const FIELD: &str = "localAPIEndpoint.advertiseAddress";
    let Some(text) = given(endpoint.and_then(|endpoint| endpoint.advertise_address.as_ref())) else {
        let chosen = defaults.ipv4.or(defaults.ipv6);
        match chosen {
            Some(address) => {
                let note = format!("{FIELD} is not given: {address}, an address of this machine, is taken");
                scope.report.notes.push(note);
            }
            None => scope.report.missing(
                FIELD,
                "it is missing, and no address of this machine was found; write the node's address",
            ),
        }
        return chosen;
    };
    let address = convert::address(scope, FIELD, text)?;
    let Some(reason) = super::no_address_of_a_machine(address) else { return Some(address) };
    // As a selector: 0.0.0.0 and :: of the machine's own addresses, the family first that is written; a loopback
    // address of those on the loopback interface.
    let chosen = if address.is_loopback() {
        defaults.loopback
    } else if !address.is_unspecified() {
        None
    } else if address.is_ipv6() {
        defaults.ipv6.or(defaults.ipv4)
    } else {
        defaults.ipv4.or(defaults.ipv6)
    };
    if let Some(chosen) = chosen {
        let note = format!(
            "{FIELD} {address} is not one that other nodes reach: {chosen}, an address of this machine, is taken"
        );
        scope.report.notes.push(note);
        return Some(chosen);
    }
    let instead = if address.is_loopback() {
        ", and this machine has no other on its loopback interface, which kubeadm would take"
    } else if address.is_unspecified() {
        ", and no address of this machine was found, which kubeadm would take"
    } else {
        ""
    };
    let reason = format!("{address} is {reason}{instead}; write an address that the other nodes reach");
    scope.refuse(text, FIELD, reason);
    None
}

fn bind_port(endpoint: Option<&LocalApiEndpoint>, scope: &mut Scope<'_>) -> Option<u16> {
    let Some(port) = endpoint.and_then(|endpoint| endpoint.bind_port.as_ref()) else {
        return Some(DEFAULT_BIND_PORT);
    };
    if port.value == 0 {
        return Some(DEFAULT_BIND_PORT);
    }
    let reason = format!("{} is not a port; it must be a number from 1 to 65535", port.value);
    scope.accept(port, "localAPIEndpoint.bindPort", u16::try_from(port.value).map_err(|_| reason))
}
