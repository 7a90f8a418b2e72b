//! What a command takes out of a file, whatever its form, and what a file is that has nothing for it.

use std::path::PathBuf;

use super::{Content, Inspected, Item, Kubeconfig, Reference};

/// For what a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Somebody's own certificate, with what follows it: of a kubeconfig the client's, of a Secret `tls.crt`.
    Own,
    /// Certificates of CAs: of a kubeconfig the server's, of a Secret `ca.crt`, or `tls.crt` where that is a CA's.
    Authorities,
    /// One private key.
    Key,
    /// Certification requests, all that there are.
    Requests,
}

/// Where what is wanted stands.
#[derive(Debug)]
pub enum Taken<'a> {
    /// In the file itself, in its order.
    Here(Vec<&'a Item>),
    /// In a file that a kubeconfig names, relative to its own directory.
    Named(PathBuf),
}

/// The most things of a file that are named.
const MOST: usize = 3;

impl Inspected {
    /// Takes out what is wanted. Of a kubeconfig, that is what its current context uses.
    ///
    /// # Errors
    /// What the file is instead, in words that go on from its name: `is a kubeconfig whose user has no client certificate`.
    pub fn take(&self, wanted: Wanted) -> Result<Taken<'_>, String> {
        let objects = self.objects();
        let mut found: Vec<Vec<&Item>> = Vec::new();
        for object in &objects {
            if let [Item { content: Content::Kubeconfig(kubeconfig), items, .. }] = object.as_slice() {
                match of_kubeconfig(kubeconfig, items, wanted) {
                    Ok(Taken::Here(items)) => found.push(items),
                    // Of several, those that have it are meant.
                    Ok(named) if objects.len() == 1 => return Ok(named),
                    Err(why) if objects.len() == 1 => return Err(why),
                    _ => {}
                }
                continue;
            }
            found.extend(of_object(object, wanted)?);
        }
        match (found.as_slice(), wanted) {
            ([], _) => Err(self.instead(wanted)),
            // Those of several objects may all be trusted; somebody's own is one.
            (_, Wanted::Authorities | Wanted::Requests) | ([_], _) => Ok(Taken::Here(found.concat())),
            (several, _) => Err(format!(
                "holds {} things with a {}; write the one that is meant into a file of its own",
                several.len(),
                wanted.noun()
            )),
        }
    }

    /// What stands for itself: each object, and what stands in the file itself as one.
    fn objects(&self) -> Vec<Vec<&Item>> {
        let mut objects = Vec::new();
        let mut own = Vec::new();
        for item in &self.items {
            match &item.content {
                Content::Object(_) | Content::Kubeconfig(_) => part(item, &mut objects),
                _ => own.push(item),
            }
        }
        objects.extend(Some(own).filter(|own| !own.is_empty()));
        objects
    }

    /// What the file is, where what is wanted is not in it.
    fn instead(&self, wanted: Wanted) -> String {
        if self.is_unknown() {
            return "holds nothing of a PKI".to_owned();
        }
        let mut held: Vec<String> = self.items.iter().map(Item::title).collect();
        held.dedup();
        let more = held.len().saturating_sub(MOST);
        held.truncate(MOST);
        held.extend((more > 0).then(|| format!("{more} more")));
        let mut whys = self.items.iter().filter_map(|item| match &item.content {
            Content::Named { facts, .. } => {
                facts.iter().find(|(name, _)| *name == "contents").map(|(_, why)| why)
            }
            Content::Broken { .. } => item.faults.first(),
            _ => None,
        });
        let why = whys.next().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("holds no {} but: {}{why}", wanted.noun(), held.join(", "))
    }
}

impl Wanted {
    fn noun(self) -> &'static str {
        match self {
            Self::Own => "certificate",
            Self::Authorities => "CA certificate",
            Self::Key => "private key",
            Self::Requests => "certificate signing request",
        }
    }
}

/// Takes lists apart.
fn part<'a>(item: &'a Item, objects: &mut Vec<Vec<&'a Item>>) {
    let is_object = |item: &Item| matches!(item.content, Content::Object(_) | Content::Kubeconfig(_));
    if matches!(item.content, Content::Object(_)) && item.items.iter().any(is_object) {
        item.items.iter().for_each(|inner| part(inner, objects));
    } else {
        objects.push(vec![item]);
    }
}

fn of_kubeconfig<'a>(
    kubeconfig: &Kubeconfig,
    items: &'a [Item],
    wanted: Wanted,
) -> Result<Taken<'a>, String> {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())
        .or_else(|| kubeconfig.contexts.first().filter(|_| kubeconfig.contexts.len() == 1))
        .ok_or("is a kubeconfig without a current context")?;
    let (list, name, field, reference): (_, _, _, Option<&Reference>) = match wanted {
        Wanted::Authorities => {
            let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
            ("clusters", &context.cluster, "certificate-authority", cluster.map(|cluster| &cluster.authority))
        }
        Wanted::Requests => return Err("is a kubeconfig, and holds no certificate signing request".into()),
        Wanted::Own | Wanted::Key => {
            let user = kubeconfig.users.iter().find(|user| user.name == context.user);
            let (field, reference) = match wanted {
                Wanted::Key => ("client-key", user.map(|user| &user.key)),
                _ => ("client-certificate", user.map(|user| &user.certificate)),
            };
            ("users", &context.user, field, reference)
        }
    };
    let whole = format!("{list}[{name}].{field}-data");
    let here: Vec<&Item> = items
        .iter()
        .filter(|item| item.place.field.as_deref().is_some_and(|own| own.ends_with(&whole)))
        .collect();
    match reference {
        Some(reference) if reference.embedded => {
            if let Some(fault) = here.iter().find_map(|item| item.faults.first()) {
                return Err(format!("is a kubeconfig whose {field}-data cannot be used: {fault}"));
            }
            Ok(Taken::Here(here.into_iter().filter(|item| is_wanted(item, wanted)).collect()))
        }
        Some(Reference { file: Some(file), .. }) => Ok(Taken::Named(file.into())),
        _ => Err(format!("is a kubeconfig whose current context has no {field}")),
    }
}

fn is_wanted(item: &Item, wanted: Wanted) -> bool {
    match item.content {
        Content::Certificate(_) => matches!(wanted, Wanted::Own | Wanted::Authorities),
        Content::PrivateKey(_) => wanted == Wanted::Key,
        Content::Request(_) => wanted == Wanted::Requests,
        _ => false,
    }
}

/// What is wanted of one object, or of what stands in a file itself.
fn of_object<'a>(object: &[&'a Item], wanted: Wanted) -> Result<Option<Vec<&'a Item>>, String> {
    let mut all = Vec::new();
    for item in object {
        gather(item, &mut all);
    }
    // What should be it and is broken is not passed over.
    let noun = match wanted {
        Wanted::Own | Wanted::Authorities => "certificate",
        Wanted::Key | Wanted::Requests => wanted.noun(),
    };
    let is_broken = |item: &&&Item| matches!(item.content, Content::Broken { what, .. } if what == noun);
    if let Some(broken) = all.iter().find(is_broken) {
        let line = broken.place.lines.map(|(line, _)| format!(" on line {line}")).unwrap_or_default();
        let why = broken.faults.first().map(|why| format!(": {why}")).unwrap_or_default();
        return Err(format!("holds a broken {noun}{line}{why}"));
    }
    let mut groups: Vec<Vec<&Item>> = Vec::new();
    for item in all.into_iter().filter(|item| is_wanted(item, wanted)) {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| first.place.field == item.place.field) => {
                group.push(item);
            }
            _ => groups.push(vec![item]),
        }
    }
    let called = |group: &[&Item], name: &str| {
        let field = group.first().and_then(|item| item.place.field.as_deref()).unwrap_or_default();
        field.ends_with(&format!("[{name}]"))
    };
    if wanted == Wanted::Requests {
        return Ok(Some(groups.concat()).filter(|all| !all.is_empty()));
    }
    if wanted == Wanted::Key {
        let keys: Vec<&Item> = groups.concat();
        return match keys.as_slice() {
            [] => Ok(None),
            [_] => Ok(Some(keys)),
            _ => match groups.into_iter().find(|group| called(group, "tls.key")) {
                Some(group) if group.len() == 1 => Ok(Some(group)),
                _ => Err(format!("holds {} private keys, and one is wanted", keys.len())),
            },
        };
    }
    let (trusted, own): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| is_trusted(group));
    let chosen = match wanted {
        Wanted::Authorities if !trusted.is_empty() => return Ok(Some(trusted.concat())),
        Wanted::Authorities => return Ok(Some(own.concat()).filter(|own| !own.is_empty())),
        _ if own.is_empty() => trusted,
        _ => own,
    };
    match chosen.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            if let Some(group) = several.iter().find(|group| called(group, "tls.crt")) {
                Ok(Some(group.clone()))
            } else {
                let fields = several.iter().filter_map(|group| group.first()?.place.field.clone());
                let fields: Vec<String> = fields.take(MOST).collect();
                Err(format!(
                    "holds certificates in several fields ({}), and one is wanted",
                    fields.join(", ")
                ))
            }
        }
    }
}

/// Whether certificates are there to be trusted: by the field that holds them, or because they are those of CAs.
fn is_trusted(group: &[&Item]) -> bool {
    let Some(first) = group.first() else { return false };
    let field = first.place.field.as_deref().unwrap_or_default();
    let by_name = ["[ca.crt]", "[ca.pem]", "caBundle", "certificate-authority-data", ".ca", ".ca.crt"];
    let is_ca =
        matches!(&first.content, Content::Certificate(facts) if facts.certificate.tbs.extensions.is_ca());
    is_ca || by_name.iter().any(|name| field.ends_with(name))
}

/// An item and what is in it: the certificates of a PKCS#7 message, the fields of an object.
fn gather<'a>(item: &'a Item, all: &mut Vec<&'a Item>) {
    if item.items.is_empty() {
        all.push(item);
    } else {
        item.items.iter().for_each(|inner| gather(inner, all));
    }
}
