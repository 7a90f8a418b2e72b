//! What a cluster file leaves to the machine that it is read on: its name, and its addresses as kubeadm chooses them.

use std::fs;
use std::net::IpAddr;

use kpki::cluster::Defaults;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// An address of this machine.
struct Address {
    interface: String,
    loopback: bool,
    ip: IpAddr,
}

/// What this machine is called, and its addresses for an API server to announce.
///
/// As kubeadm finds them: the first address of the interface of a default route that others can reach, and where that
/// has none, one that lies on the loopback interface (as with BGP to the host, RFC 5549).
pub(super) fn defaults() -> Defaults {
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let addresses = addresses();
    let routes = [("/proc/net/route", false), ("/proc/net/ipv6_route", true)].map(|(file, six)| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let interfaces: Vec<String> = text
            .lines()
            .filter_map(|line| if six { default_six(line) } else { default_four(line) })
            .collect();
        interfaces
    });
    let [four, six] = routes;
    let on_loopback =
        |six: bool| addresses.iter().find(|address| address.loopback && address.ip.is_ipv6() == six);
    let of_routes = |interfaces: &[String], six: bool| {
        let on = |name: &String| {
            addresses.iter().find(|address| address.interface == *name && address.ip.is_ipv6() == six)
        };
        interfaces.iter().find_map(|name| on(name).or_else(|| on_loopback(six))).map(|address| address.ip)
    };
    Defaults {
        hostname: Some(hostname),
        ipv4: of_routes(&four, false),
        ipv6: of_routes(&six, true),
        loopback: on_loopback(false).or_else(|| on_loopback(true)).map(|address| address.ip),
    }
}

/// The addresses of the interfaces that are up, in the kernel's order, those alone that other machines can reach.
fn addresses() -> Vec<Address> {
    let interfaces = getifaddrs()
        .into_iter()
        .flatten()
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP));
    interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let four = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            let ip = four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))?;
            let loopback = interface.flags.contains(InterfaceFlags::IFF_LOOPBACK);
            kpki::cluster::no_address_of_a_machine(ip).is_none().then_some(Address {
                interface: interface.interface_name,
                loopback,
                ip,
            })
        })
        .collect()
}

/// The interface of a line of /proc/net/route that is a default route.
fn default_four(line: &str) -> Option<String> {
    let mut fields = line.split_whitespace();
    let (interface, destination) = (fields.next()?, fields.next()?);
    (destination == "00000000").then(|| interface.to_owned())
}

/// The same of /`proc/net/ipv6_route`, where one without a gateway is the loopback interface's.
fn default_six(line: &str) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    match fields.as_slice() {
        [destination, _, _, _, gateway, .., interface] if zero(destination) && !zero(gateway) => {
            Some((*interface).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_told_from_others() {
        for (line, interface) in [
            ("eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0", Some("eth0")),
            ("eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0", None),
            ("tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0", Some("tun0")),
            ("Iface\tDestination\tGateway\tFlags", None),
            ("", None),
        ] {
            assert_eq!(default_four(line).as_deref(), interface, "{line}");
        }
        let zero = "0".repeat(32);
        let gateway = "fe800000000000000000000000000001";
        for (line, interface) in [
            (format!("{zero} 00 {zero} 00 {gateway} 00000400 00000001 00000000 00000003 eth0"), Some("eth0")),
            (format!("{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo"), None),
            (format!("fd{} 40 {zero} 00 {gateway} 0 0 0 0 eth0", "0".repeat(30)), None),
        ] {
            assert_eq!(default_six(&line).as_deref(), interface, "{line}");
        }
    }
}
