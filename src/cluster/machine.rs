//! The machines of kpki's own format.

use std::collections::HashSet;
use std::net::IpAddr;

use serde::Deserialize;

use super::convert::{self, given};
use super::endpoint::node_name;
use super::spec::{DEFAULT_BIND_PORT, Node};
use super::yaml::{Scope, Text, quote};
use crate::yaml::Spanned;

/// What stands beside the nodes' directories.
const RESERVED: [&str; 2] = ["ca", "users"];

/// One machine as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Machine {
    pub(super) name: Text,
    addresses: Spanned<Vec<Text>>,
    advertise_address: Option<Text>,
    bind_port: Option<Spanned<i64>>,
}

/// What the machines of one list are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    pub(super) field: &'static str,
    pub(super) control_plane: bool,
    pub(super) etcd: bool,
}

impl Role {
    /// The machine as a node, unless something is wrong with it.
    pub(super) fn node(self, machine: &Machine, scope: &mut Scope<'_>) -> Option<Node> {
        let name = self.name(&machine.name, scope);
        let mut addresses = Vec::with_capacity(machine.addresses.value.len() + 1);
        let mut known = HashSet::new();
        for text in &machine.addresses.value {
            let address = convert::address(scope, self.field, text);
            let address = address.and_then(|address| self.usable(address, text, scope));
            addresses.extend(address.filter(|address| known.insert(*address)));
        }
        if machine.addresses.value.is_empty() {
            scope.refuse(&machine.addresses, self.field, "addresses is empty; write at least one");
        }
        if let Some(text) = given(machine.advertise_address.as_ref()) {
            let address = convert::address(scope, self.field, text);
            if let Some(address) = address.and_then(|address| self.usable(address, text, scope)) {
                addresses.retain(|other| *other != address);
                addresses.insert(0, address);
            }
        }
        let bind_port = self.bind_port(machine.bind_port.as_ref(), scope);
        let advertise = *addresses.first()?;
        Some(Node {
            name: name?,
            control_plane: self.control_plane,
            etcd: self.etcd,
            kubelet: self.control_plane || !self.etcd,
            addresses,
            advertise: Some(advertise),
            bind_port: bind_port?,
        })
    }

    fn name(self, text: &Text, scope: &mut Scope<'_>) -> Option<String> {
        let name = text.value.as_str();
        let reason = match node_name(name) {
            Err(reason) => reason,
            Ok(()) if RESERVED.contains(&name) => "the directory of that name holds other files",
            Ok(()) => return Some(name.to_owned()),
        };
        scope.refuse(text, self.field, format!("{} is no node's name: {reason}", quote(name)));
        None
    }

    fn usable(self, address: IpAddr, text: &Text, scope: &mut Scope<'_>) -> Option<IpAddr> {
        // A loopback address does where all of a cluster is one machine.
        if let Some(reason) = super::no_address_of_a_machine(address).filter(|_| !address.is_loopback()) {
            let reason = format!("{address} is {reason}; write one that others reach");
            scope.refuse(text, self.field, reason);
            return None;
        }
        Some(address)
    }

    fn bind_port(self, port: Option<&Spanned<i64>>, scope: &mut Scope<'_>) -> Option<u16> {
        let Some(port) = port else { return Some(DEFAULT_BIND_PORT) };
        if !self.control_plane {
            scope.refuse(port, self.field, "bindPort is the port of an API server; remove it here");
            return None;
        }
        let number = u16::try_from(port.value).ok().filter(|port| *port != 0);
        let reason = format!("bindPort {} is not a port; it must be a number from 1 to 65535", port.value);
        scope.accept(port, self.field, number.ok_or(reason))
    }
}
