//! The address of the service `kubernetes`, by which pods reach the API server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The network that an API server takes where it is given none (Kubernetes' `DefaultServiceIPCIDR`).
pub const DEFAULT_SERVICE_RANGE: &str = "10.0.0.0/24";

/// The first address of each network of `--service-cluster-ip-range`, of which Kubernetes takes two at most; none for one that is no
/// network. The service `kubernetes` has that of the first.
pub fn service_addresses(range: &str) -> Vec<Option<IpAddr>> {
    range.split(',').take(2).map(|network| network.trim().parse().ok().and_then(first_address)).collect()
}

/// The address after that of the network itself (Kubernetes: `GetIndexedIP(range, 1)`).
fn first_address(network: IpNet) -> Option<IpAddr> {
    let first: IpAddr = match network.network() {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().checked_add(1)?).into(),
    };
    network.contains(&first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_follows_the_networks_own() {
        for (network, first) in [
            ("10.96.0.0/12", Some("10.96.0.1")),
            ("10.96.3.7/12", Some("10.96.0.1")),
            ("fd00:10:96::/112", Some("fd00:10:96::1")),
            ("192.0.2.0/31", Some("192.0.2.1")),
            ("192.0.2.1/32", None),
            ("255.255.255.255/32", None),
            ("10.96.0.0/99", None),
        ] {
            let found = service_addresses(network);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].map(|ip| ip.to_string()).as_deref(), first, "{network}");
        }
        assert_eq!(service_addresses("10.0.0.0/24, fd00::/112").len(), 2);
    }
}
