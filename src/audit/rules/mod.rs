//! The catalogue. A rule is one file here and its two lines in this one.

use super::{
    Answers, CertificateEvidence, Check, Citation, Estate, Expected, Fact, Outcome, Place, Role, Rule,
    Severity,
};

mod apiserver;
mod between;
mod c001_issuer_absent;
mod c002_another_key;
mod c003_one_name_two_keys;
mod c004_reissued_ca;
mod c005_self_signed_leaf;
mod c006_outlives_issuer;
mod c007_before_issuer;
mod c008_path_length;
mod c009_name_constraints;
mod c010_purposes_nested;
mod c011_intermediate_missing;
mod c012_broken_ca_in_chain;
mod c013_etcd_under_kubernetes;
mod c014_front_proxy_is_client_ca;
mod c015_shared_between_clusters;
mod c016_trust_bundle;
mod c017_names_written_otherwise;
mod c018_refused;
mod credentials;
mod dates;
mod distinct;
mod e001_gateway_client;
mod e002_peer_purposes;
mod e003_peer_address;
mod e004_peer_reverse_lookup;
mod e005_server_address;
mod e006_client_certificates;
mod e007_etcd_plaintext;
mod e008_etcd_admits_more;
mod e009_revocation_list_form;
mod e010_revocation_list;
mod e011_revocation_bypass;
mod e012_gateway_identity;
mod e013_external_etcd;
mod e014_data_directory;
mod etcd;
mod f001_key_in_certificate_file;
mod f002_name_and_content;
mod f003_public_and_private;
mod f004_key_of_the_pair;
mod f005_orphan_key;
mod f006_orphan_certificate;
mod f007_key_mode;
mod f008_certificate_mode;
mod f009_owner;
mod f010_directory_mode;
mod f011_odd_permissions;
mod f012_links;
mod f013_hard_links;
mod f014_not_pem;
mod f015_pem_text;
mod f016_label;
mod f017_encrypted_key;
mod f018_order;
mod f019_signing_certificates;
mod f020_root_in_chain;
mod f021_left_overs;
mod f022_needless_ca_key;
mod f023_role;
mod f024_shared_key;
mod f025_unreadable;
mod f026_two_layouts;
mod f027_weak_key;
mod files;
mod k001_apiserver_service_names;
mod k002_apiserver_service_address;
mod k003_apiserver_hosts;
mod k004_apiserver_stale_addresses;
mod k005_apiserver_server_auth;
mod k006_kubelet_client_groups;
mod k007_etcd_client_groups;
mod k008_front_proxy_names;
mod k009_kubelet_client_subject;
mod k010_kubelet_conf_embeds;
mod k011_kubelet_serving;
mod k012_kubelet_rotation;
mod k013_component_subject;
mod k014_admin_is_master;
mod k015_super_admin;
mod k016_masters;
mod k017_reserved_names;
mod k018_user_life;
mod k019_service_account_pair;
mod k020_service_account_key_reused;
mod k021_token_keys;
mod k022_component_serving;
mod k023_idle_ca_key;
mod k024_not_in_inventory;
mod k025_bootstrap_left;
mod kubeconfigs;
mod kubelet;
mod launches;
mod m001_named_file_missing;
mod m002_named_pair;
mod m003_named_for_another_part;
mod m004_static_tokens;
mod m005_static_passwords;
mod m006_clients_unknown;
mod m007_kubelets_unverified;
mod m008_one_authority;
mod m009_signers;
mod m010_root_ca;
mod m011_etcd_trust;
mod m012_tls_settings;
mod m013_kubeconfig_pair;
mod m014_kubeconfig_authority;
mod m015_kubeconfig_unverified;
mod m016_kubeconfig_readable;
mod m017_kubeconfig_server;
mod m018_kubeconfig_secrets;
mod m019_kubeconfig_loose_ends;
mod m020_kubelet_clients;
mod m021_manifest_mode;
mod m022_stray_manifest;
mod m023_token_flags;
mod m024_kubeconfig_unusable;
mod m025_kubeconfig_anchor;
mod meetings;
mod n001_authorities_differ;
mod n002_token_keys_differ;
mod n003_bundles_differ;
mod n004_copied_leaves;
mod n005_renewed_here_not_there;
mod n006_generations_differ;
mod n007_rotation;
mod n008_missing_roles;
mod n009_kubelet_identity;
mod n010_kubeconfig_fits_no_server;
mod n011_refused_by_another_node;
mod names;
mod numbers;
mod p001_version;
mod p002_serial_positive;
mod p003_serial_length;
mod p004_serial_entropy;
mod p005_serial_repeated;
mod p006_signature_algorithms;
mod p007_weak_signature;
mod p008_rsa_size;
mod p009_key_algorithm;
mod p010_rsa_key;
mod p011_ca_basic_constraints;
mod p012_leaf_may_sign;
mod p013_ca_key_usage;
mod p014_key_usage;
mod p015_key_encipherment;
mod p016_usages_disagree;
mod p017_extended_key_usage;
mod p018_server_without_names;
mod p019_alternative_names;
mod p020_repeated_names;
mod p021_key_identifiers;
mod p022_authority_key_identifier;
mod p023_issuer_pinned;
mod p024_extensions;
mod p025_name_constraints;
mod p026_subject;
mod p027_groups;
mod p028_validity;
mod p029_begins_with_issuer;
mod p030_not_backdated;
mod p031_revocation_unread;
mod references;
mod remedy;
mod sides;
mod signature;
mod subjects;
mod t001_expired;
mod t002_not_yet_valid;
mod t003_expires_soon;
mod t004_ca_expires;
mod t005_all_at_once;
mod t006_not_restarted;
mod t007_clock;
mod t008_next_date;
mod t009_crl_due;
mod t010_rancher_window;
mod tokens;

pub(super) use self::distinct::{Certificates, Distinct, Uses};
pub(super) use self::f012_links::beside as leads_beside;
pub(super) use self::files::left_over;
pub(super) use self::m001_named_file_missing::is_excused;
pub(super) use self::meetings::Meetings;
pub use self::remedy::Cure;
pub(super) use self::remedy::{Desk, EstateDesk};
pub(super) use self::sides::Sides;

/// Every rule, in the order of the ids.
pub const RULES: &[&Rule] = &[
    &c001_issuer_absent::RULE,
    &c002_another_key::RULE,
    &c003_one_name_two_keys::RULE,
    &c004_reissued_ca::RULE,
    &c005_self_signed_leaf::RULE,
    &c006_outlives_issuer::RULE,
    &c007_before_issuer::RULE,
    &c008_path_length::RULE,
    &c009_name_constraints::RULE,
    &c010_purposes_nested::RULE,
    &c011_intermediate_missing::RULE,
    &c012_broken_ca_in_chain::RULE,
    &c013_etcd_under_kubernetes::RULE,
    &c014_front_proxy_is_client_ca::RULE,
    &c015_shared_between_clusters::RULE,
    &c016_trust_bundle::RULE,
    &c017_names_written_otherwise::RULE,
    &c018_refused::RULE,
    &e001_gateway_client::RULE,
    &e002_peer_purposes::RULE,
    &e003_peer_address::RULE,
    &e004_peer_reverse_lookup::RULE,
    &e005_server_address::RULE,
    &e006_client_certificates::RULE,
    &e007_etcd_plaintext::RULE,
    &e008_etcd_admits_more::RULE,
    &e009_revocation_list_form::RULE,
    &e010_revocation_list::RULE,
    &e011_revocation_bypass::RULE,
    &e012_gateway_identity::RULE,
    &e013_external_etcd::RULE,
    &e014_data_directory::RULE,
    &f001_key_in_certificate_file::RULE,
    &f002_name_and_content::RULE,
    &f003_public_and_private::RULE,
    &f004_key_of_the_pair::RULE,
    &f005_orphan_key::RULE,
    &f006_orphan_certificate::RULE,
    &f007_key_mode::RULE,
    &f008_certificate_mode::RULE,
    &f009_owner::RULE,
    &f010_directory_mode::RULE,
    &f011_odd_permissions::RULE,
    &f012_links::RULE,
    &f013_hard_links::RULE,
    &f014_not_pem::RULE,
    &f015_pem_text::RULE,
    &f016_label::RULE,
    &f017_encrypted_key::RULE,
    &f018_order::RULE,
    &f019_signing_certificates::RULE,
    &f020_root_in_chain::RULE,
    &f021_left_overs::RULE,
    &f022_needless_ca_key::RULE,
    &f023_role::RULE,
    &f024_shared_key::RULE,
    &f025_unreadable::RULE,
    &f026_two_layouts::RULE,
    &f027_weak_key::RULE,
    &k001_apiserver_service_names::RULE,
    &k002_apiserver_service_address::RULE,
    &k003_apiserver_hosts::RULE,
    &k004_apiserver_stale_addresses::RULE,
    &k005_apiserver_server_auth::RULE,
    &k006_kubelet_client_groups::RULE,
    &k007_etcd_client_groups::RULE,
    &k008_front_proxy_names::RULE,
    &k009_kubelet_client_subject::RULE,
    &k010_kubelet_conf_embeds::RULE,
    &k011_kubelet_serving::RULE,
    &k012_kubelet_rotation::RULE,
    &k013_component_subject::RULE,
    &k014_admin_is_master::RULE,
    &k015_super_admin::RULE,
    &k016_masters::RULE,
    &k017_reserved_names::RULE,
    &k018_user_life::RULE,
    &k019_service_account_pair::RULE,
    &k020_service_account_key_reused::RULE,
    &k021_token_keys::RULE,
    &k022_component_serving::RULE,
    &k023_idle_ca_key::RULE,
    &k024_not_in_inventory::RULE,
    &k025_bootstrap_left::RULE,
    &m001_named_file_missing::RULE,
    &m002_named_pair::RULE,
    &m003_named_for_another_part::RULE,
    &m004_static_tokens::RULE,
    &m005_static_passwords::RULE,
    &m006_clients_unknown::RULE,
    &m007_kubelets_unverified::RULE,
    &m008_one_authority::RULE,
    &m009_signers::RULE,
    &m010_root_ca::RULE,
    &m011_etcd_trust::RULE,
    &m012_tls_settings::RULE,
    &m013_kubeconfig_pair::RULE,
    &m014_kubeconfig_authority::RULE,
    &m015_kubeconfig_unverified::RULE,
    &m016_kubeconfig_readable::RULE,
    &m017_kubeconfig_server::RULE,
    &m018_kubeconfig_secrets::RULE,
    &m019_kubeconfig_loose_ends::RULE,
    &m020_kubelet_clients::RULE,
    &m021_manifest_mode::RULE,
    &m022_stray_manifest::RULE,
    &m023_token_flags::RULE,
    &m024_kubeconfig_unusable::RULE,
    &m025_kubeconfig_anchor::RULE,
    &n001_authorities_differ::RULE,
    &n002_token_keys_differ::RULE,
    &n003_bundles_differ::RULE,
    &n004_copied_leaves::RULE,
    &n005_renewed_here_not_there::RULE,
    &n006_generations_differ::RULE,
    &n007_rotation::RULE,
    &n008_missing_roles::RULE,
    &n009_kubelet_identity::RULE,
    &n010_kubeconfig_fits_no_server::RULE,
    &n011_refused_by_another_node::RULE,
    &p001_version::RULE,
    &p002_serial_positive::RULE,
    &p003_serial_length::RULE,
    &p004_serial_entropy::RULE,
    &p005_serial_repeated::RULE,
    &p006_signature_algorithms::RULE,
    &p007_weak_signature::RULE,
    &p008_rsa_size::RULE,
    &p009_key_algorithm::RULE,
    &p010_rsa_key::RULE,
    &p011_ca_basic_constraints::RULE,
    &p012_leaf_may_sign::RULE,
    &p013_ca_key_usage::RULE,
    &p014_key_usage::RULE,
    &p015_key_encipherment::RULE,
    &p016_usages_disagree::RULE,
    &p017_extended_key_usage::RULE,
    &p018_server_without_names::RULE,
    &p019_alternative_names::RULE,
    &p020_repeated_names::RULE,
    &p021_key_identifiers::RULE,
    &p022_authority_key_identifier::RULE,
    &p023_issuer_pinned::RULE,
    &p024_extensions::RULE,
    &p025_name_constraints::RULE,
    &p026_subject::RULE,
    &p027_groups::RULE,
    &p028_validity::RULE,
    &p029_begins_with_issuer::RULE,
    &p030_not_backdated::RULE,
    &p031_revocation_unread::RULE,
    &t001_expired::RULE,
    &t002_not_yet_valid::RULE,
    &t003_expires_soon::RULE,
    &t004_ca_expires::RULE,
    &t005_all_at_once::RULE,
    &t006_not_restarted::RULE,
    &t007_clock::RULE,
    &t008_next_date::RULE,
    &t009_crl_due::RULE,
    &t010_rancher_window::RULE,
];

/// Every item that stood there before. A short list, which is nearly every one, is compared in place;
/// a hostile one of thousands is not compared pair by pair.
fn repeated<'a, T: Eq + std::hash::Hash + ?Sized>(
    items: impl ExactSizeIterator<Item = &'a T> + Clone,
) -> Vec<&'a T> {
    if items.len() <= 32 {
        let stood_before = |at: usize, item: &T| items.clone().take(at).any(|other| other == item);
        return items
            .clone()
            .enumerate()
            .filter(|(at, item)| stood_before(*at, item))
            .map(|(_, i)| i)
            .collect();
    }
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    items.filter(|item| !seen.insert(*item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_in_order() {
        assert!(RULES.is_sorted_by(|a, b| a.id < b.id), "sorted, and no id twice");
        for rule in RULES {
            assert_eq!(rule.id.len(), 4, "{rule:?}");
            assert!(rule.id.starts_with(|c: char| c.is_ascii_uppercase()), "{rule:?}");
            assert!(rule.id[1..].bytes().all(|b| b.is_ascii_digit()), "{rule:?}");
            assert!(!rule.citations.is_empty(), "{rule:?}");
            assert!(rule.citations.iter().all(|citation| !citation.source.is_empty()), "{rule:?}");
            assert!(!rule.title.is_empty() && !rule.title.ends_with('.'), "{rule:?}");
            for text in [rule.explanation, rule.fix] {
                assert!(text.ends_with('.'), "{rule:?}: {text}");
            }
            for text in [rule.title, rule.explanation, rule.fix] {
                assert!(!text.contains(['|', '<', '\n']) && !text.contains("  "), "{rule:?}: {text}");
            }
        }
    }

    #[test]
    fn repeated_items_are_found_in_short_and_long_lists() {
        for length in [0, 2, 32, 33, 1000_u32] {
            let mut items: Vec<u32> = (0..length).collect();
            assert_eq!(repeated(items.iter()), Vec::<&u32>::new());
            items.extend([0, 1, 0].iter().take(length as usize + 1));
            let expected: Vec<&u32> = if length == 0 { vec![] } else { vec![&0, &1, &0] };
            assert_eq!(repeated(items.iter()), expected, "{length}");
        }
    }
}
