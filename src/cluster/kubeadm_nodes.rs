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

fn advertise_address(
    endpoint: Option<&LocalApiEndpoint>,
    defaults: &Defaults,
    scope: &mut Scope<'_>,
) -> Option<IpAddr> {
    const FIELD: &str = "localAPIEndpoint.advertiseAddress";
    let text = given(endpoint.and_then(|endpoint| endpoint.advertise_address.as_ref()));
    if let Some(text) = text {
        let address = convert::address(scope, FIELD, text)?;
        if !address.is_unspecified() && !address.is_loopback() {
            return Some(address);
        }
    }
    // Missing, or 0.0.0.0 or a loopback address, for which kubeadm takes the machine's own too.
    match defaults.advertise {
        Some(address) => {
            let note = format!(
                "{FIELD} is not one that other nodes reach: {address}, an address of this machine, is taken"
            );
            scope.report.notes.push(note);
        }
        None => scope.report.missing(
            FIELD,
            "it is missing, and no address of this machine was found; write the node's address",
        ),
    }
    defaults.advertise
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
