//! What a file holds, whatever its name: certificates, requests, revocation lists, keys, kubeconfigs, Kubernetes objects,
//! alone or in bundles, told by their bytes.
//!
//! Nothing is judged here. What is written otherwise than its standard says is an [`Oddity`], shown beside the rest; what
//! nobody could read is a fault of its [`Item`]. No private key is ever in what is handed out, except by
//! [`Item::to_pem`], which is asked for it.

mod ber;
mod certificate;
mod document;
mod item;
mod kind;
mod object;
mod oddity;
mod oid;
mod order;
mod reading;
mod relate;
mod request;
mod role;
mod sniff;
mod ssh;
mod take;
#[cfg(test)]
mod tests;

use self::reading::Reading;

pub use self::certificate::{CertificateFacts, Digests, Trust};
pub use self::item::{Content, Encoding, Inspected, Item, Oddity, Place, PublicKeyFacts};
pub(crate) use self::object::without_user;
pub use self::object::{
    Correction, KubeCluster, KubeContext, KubePart, KubeUser, Kubeconfig, Object, Reference, Setting,
    Unusable,
};
pub use self::oid::{attribute_name, extension_name, purpose_name};
pub use self::order::Order;
pub use self::reading::KnownCertificates;
pub use self::relate::{At, Bundle, ItemRelations, Relations, Signing, relate, verification_cost};
pub use self::request::RequestFacts;
pub use self::role::{Role, promised, role};
pub use self::take::{Taken, Wanted};

/// The largest file that is looked at, in bytes: what a revocation list may be.
pub const LARGEST_FILE: u64 = 64 << 20;

/// The largest YAML or JSON that is read, in bytes: etcd holds no object over 1.5 MiB, and a list of many is made in parts.
const LARGEST_OBJECTS: usize = 16 << 20;

/// The most items of one file or field: many times the roots that any program trusts. A file of nothing but PEM lines
/// holds two million.
const MOST_ITEMS: usize = 1 << 16;

/// How deep one thing is looked for within another: a certificate in a kubeconfig in a Secret in base64 is three deep.
const DEEPEST: usize = 4;

/// Looks at what a file holds. The name is for people, and for what it says about the content's role.
pub fn inspect(name: &str, bytes: &[u8]) -> Inspected {
    let (encoding, items) = sniff::read(bytes, Reading::default());
    Inspected { file: name.to_owned(), encoding, items }
}

/// The same of one of many files, in which certificates stand that were met before.
pub fn inspect_among(name: &str, bytes: &[u8], known: &KnownCertificates) -> Inspected {
    let (encoding, items) = sniff::read(bytes, Reading::of_file(known));
    Inspected { file: name.to_owned(), encoding, items }
}
