//! Those who dial the API server: components, administrators, users.

use std::path::Path;
use std::sync::Arc;

use super::{Client, Connection, Server, Serves};
use crate::disk::read_bounded;
use crate::rehearse::edge::Edge;
use crate::rehearse::files::{FileName, Trouble, disk_trouble};
use crate::rehearse::network::{Host, Network, name};
use crate::rehearse::node::{Access, AccessRole, Admission, ServerTrust, Shows, dialling};
use crate::x509::{Printable, SubjectAltName};

/// A user's kubeconfig, which belongs to no node.
pub(in crate::rehearse) type User = Access;

/// The largest kubeconfig of a user, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads a user's kubeconfig. What it points to is on a machine that is not here.
pub(in crate::rehearse) fn user(path: &Path, shown: String) -> User {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = FileName { path: shown, short: format!("users/{}", Printable(&file)) };
    let content = read_bounded(path, LARGEST).map_err(|error| disk_trouble(&error, &name)).and_then(|text| {
        dialling(&name, &text, &mut |material| {
            let file = material.file(Path::new("")).unwrap_or_default();
            let file = crate::rehearse::shown(&file);
            let missing = format!("{file}, which {} points to, is on the user's machine", name.short);
            (FileName { path: file.clone(), short: file }, Err(Trouble::Missing(missing)))
        })
    });
    Access { role: AccessRole::User, name, content }
}

fn edge(role: AccessRole) -> Edge {
    match role {
        AccessRole::Admin => Edge::Admin,
        AccessRole::SuperAdmin => Edge::SuperAdmin,
        AccessRole::User => Edge::User,
        AccessRole::ControllerManager => Edge::ControllerManager,
        AccessRole::Scheduler => Edge::Scheduler,
        AccessRole::Kubelet => Edge::Kubelet,
        AccessRole::Proxy => Edge::Proxy,
    }
}

/// Every kubeconfig to the API servers that answer it.
pub(super) fn clients(network: &Network<'_>, users: &[User], plan: &mut Vec<Connection>) {
    for (at, node) in (0..).zip(network.nodes) {
        for access in &node.access {
            one(network, Some(at), access, plan);
        }
    }
    for user in users {
        one(network, None, user, plan);
    }
}

fn one(network: &Network<'_>, node: Option<usize>, access: &Access, plan: &mut Vec<Connection>) {
    let edge = edge(access.role);
    let mut client = Client {
        node,
        called: access.name.short.clone(),
        file: access.name.path.clone(),
        shows: Shows::Nothing(String::new()),
        trusts: ServerTrust::System,
    };
    let said = match &access.content {
        Ok(said) => said,
        Err(trouble) => return plan.push(Connection::blocked(edge, client, trouble.clone())),
    };
    client.shows = said.shows.clone();
    client.trusts = said.trusts.clone();
    let host = match Host::of_url(&said.server) {
        Ok(host) => host,
        Err(reason) => {
            return plan.push(Connection::blocked(edge, client, Trouble::broken(&access.name, reason)));
        }
    };
    let dialled =
        said.tls_server_name.as_ref().map_or_else(|| host.name.clone(), |override_| name(override_));
    let answering = match network.apiservers(&host, node, access.role) {
        Ok(answering) => answering,
        Err(reason) => {
            let mut blocked = Connection::blocked(edge, client, Trouble::Missing(reason));
            blocked.dialled = Some(dialled);
            return plan.push(blocked);
        }
    };
    let why = format!("the server of {}; {}", access.name.short, answering.why);
    for server in answering.nodes {
        let Some(apiserver) = network.nodes.get(server).and_then(|node| node.apiserver.as_ref()) else {
            continue;
        };
        let mut notes = Vec::new();
        if let Shows::Nothing(reason) = &said.shows {
            notes.push(format!("{reason}: only the server's half is rehearsed"));
        }
        plan.push(Connection {
            edge,
            client: client.clone(),
            server: Server {
                node: Some(server),
                shows: Serves::Pair(Arc::clone(apiserver.serving_for(&dialled))),
                admits: apiserver.admission.clone(),
                mutual: matches!(said.shows, Shows::Pair(_)),
                rules: Vec::new(),
            },
            dialled: Some(dialled.clone()),
            why: why.clone(),
            notes,
            trouble: unknown(&apiserver.admission),
        });
    }
}

/// Pods to every API server, by the service `kubernetes`: its address, which is in the environment of each, and its name.
pub(super) fn pods(network: &Network<'_>, plan: &mut Vec<Connection>) {
    const NAME: &str = "kubernetes.default.svc";
    for (at, node) in (0..).zip(network.nodes) {
        let Some(apiserver) = &node.apiserver else { continue };
        let manifest = apiserver.manifest.as_deref().unwrap_or_default();
        let token = "pods bring a service account's token, no certificate".to_owned();
        let mut client = Client {
            node: Some(at),
            called: "a pod".to_owned(),
            file: manifest.to_owned(),
            shows: Shows::Nothing(token),
            trusts: ServerTrust::System,
        };
        match &apiserver.service.trust {
            Ok(trust) => client.trusts = ServerTrust::Anchors(trust.clone()),
            Err(reason) => {
                plan.push(Connection::blocked(Edge::Pods, client, Trouble::Missing(reason.clone())));
                continue;
            }
        }
        let told = apiserver.service.address.as_ref();
        let told = told.map(|(ip, why)| (*ip, format!("the first of {why}")));
        let of_file = || Some((network.known?.service?, "from the cluster's file".to_owned()));
        let address = told.or_else(of_file).map(|(ip, why)| {
            (SubjectAltName::Ip(ip), format!("the address of the service kubernetes, {why}"))
        });
        let name = (name(NAME), "the name of the service kubernetes".to_owned());
        for (dialled, why) in address.into_iter().chain([name]) {
            plan.push(Connection {
                edge: Edge::Pods,
                client: client.clone(),
                server: Server {
                    node: Some(at),
                    shows: Serves::Pair(Arc::clone(apiserver.serving_for(&dialled))),
                    admits: apiserver.admission.clone(),
                    mutual: false,
                    rules: Vec::new(),
                },
                dialled: Some(dialled),
                why,
                notes: Vec::new(),
                trouble: unknown(&apiserver.admission),
            });
        }
    }
}

/// The trouble with a server that does not say whom it knows.
pub(super) fn unknown(admission: &Admission) -> Option<Trouble> {
    match admission {
        Admission::Unknown(reason) => Some(Trouble::Missing(reason.clone())),
        _ => None,
    }
}
