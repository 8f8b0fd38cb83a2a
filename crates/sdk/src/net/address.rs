//! Which addresses users' work may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer};

/// Networks and hosts that may be reached although they are not public: an instance setting, empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedNetworks {
    networks: Vec<IpNet>,
    hosts: Vec<String>,
}

impl TrustedNetworks {
    /// Nothing but public addresses.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads entries such as `10.1.0.0/16`, `192.168.1.7`, `fd00::/8` or `ollama.internal`.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let mut trusted = Self::default();
        for entry in entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty()) {
            if let Ok(network) = IpNet::from_str(entry) {
                trusted.networks.push(network);
            } else if let Ok(address) = IpAddr::from_str(entry) {
                trusted.networks.push(address.into());
            } else if entry.contains(['/', ':', '*']) {
                return Err(InvalidNetwork(entry.to_owned()));
            } else {
                trusted.hosts.push(entry.trim_end_matches('.').to_ascii_lowercase());
            }
        }
        Ok(trusted)
    }

    /// Fails when `address`, which `host` stands for, may not be reached.
    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), &'static str> {
        let Some(what) = special_use(address) else { return Ok(()) };
        let host = host.trim_end_matches('.');
        let trusted = self.networks.iter().any(|network| network.contains(&address))
            || self.hosts.iter().any(|trusted| trusted.eq_ignore_ascii_case(host));
        if trusted { Ok(()) } else { Err(what) }
    }
}

/// An entry of the trusted networks that is neither a network, an address nor a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no network, address or host name; write 10.1.0.0/16, 192.168.1.7 or name.internal")]
pub struct InvalidNetwork(String);

impl<'de> Deserialize<'de> for TrustedNetworks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<String>::deserialize(deserializer)?;
        Self::parse(entries.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for TrustedNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks = self.networks.iter().map(ToString::to_string);
        let entries: Vec<_> = networks.chain(self.hosts.iter().cloned()).collect();
        f.write_str(&entries.join(", "))
    }
}

/// What `address` is when it is anything but a public unicast address.
fn special_use(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
        }
        IpAddr::V6(address) => match SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)) {
            Some((_, what)) => Some(what),
            // Outside of this block nothing is assigned, so a new special use is refused before anyone lists it here.
            None if !GLOBAL_V6.contains(&address) => Some("reserved"),
            None => None,
        },
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// The special-purpose registries of IANA, and the addresses at which cloud platforms answer their own machines.
const SPECIAL_V4: [(Ipv4Net, &str); 17] = [
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(169, 254, 0, 0, 16), "link-local (cloud metadata)"),
    (v4(168, 63, 129, 16, 32), "a cloud platform's own"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(0, 0, 0, 0, 8), "unspecified"),
    (v4(192, 0, 0, 0, 24), "reserved"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

const SPECIAL_V6: [(Ipv6Net, &str); 16] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "loopback"),
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "unspecified"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), "an IPv4-mapped address"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96), "an IPv4-translated address"),
    (v6(0, 0, 0, 96), "an IPv4-compatible address"),
    (v6(0x64, 0xff9b, 0, 96), "a NAT64 address"),
    (v6(0x64, 0xff9b, 1, 48), "a NAT64 address"),
    (v6(0x2002, 0, 0, 16), "a 6to4 address"),
    (v6(0x2001, 0, 0, 32), "a Teredo address"),
    (v6(0x2001, 0, 0, 23), "reserved"),
    (v6(0x2001, 0xdb8, 0, 32), "for documentation"),
    (v6(0x3fff, 0, 0, 20), "for documentation"),
    (v6(0xfc00, 0, 0, 7), "unique-local (private)"),
    (v6(0xfe80, 0, 0, 10), "link-local"),
    (v6(0xfec0, 0, 0, 10), "site-local"),
    (v6(0xff00, 0, 0, 8), "multicast"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn what(address: &str) -> Option<&'static str> {
        special_use(address.parse().expect("an address"))
    }

    #[test]
    fn a01_every_kind_of_address_that_is_not_public_has_a_name() {
        for (address, expected) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("169.254.169.254", "link-local (cloud metadata)"),
            ("169.254.170.2", "link-local (cloud metadata)"),
            ("168.63.129.16", "a cloud platform's own"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.100.100.200", "carrier-grade NAT"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "for documentation"),
            ("198.18.0.1", "for benchmarks"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::1", "loopback"),
            ("::", "unspecified"),
            ("::ffff:127.0.0.1", "an IPv4-mapped address"),
            ("::ffff:8.8.8.8", "an IPv4-mapped address"),
            ("::ffff:0:127.0.0.1", "an IPv4-translated address"),
            ("::127.0.0.1", "an IPv4-compatible address"),
            ("64:ff9b::7f00:1", "a NAT64 address"),
            ("64:ff9b:1::1", "a NAT64 address"),
            ("2002:7f00:1::1", "a 6to4 address"),
            ("2001:0:4136:e378::1", "a Teredo address"),
            ("2001:10::1", "reserved"),
            ("2001:db8::1", "for documentation"),
            ("3fff::1", "for documentation"),
            ("fc00::1", "unique-local (private)"),
            ("fd00:ec2::254", "unique-local (private)"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
        ] {
            assert_eq!(what(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_free() {
        for address in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "169.253.0.1", "2606:4700::1111", "2a00:1450::1"]
        {
            assert_eq!(what(address), None, "{address}");
        }
    }

    #[test]
    fn trust_covers_networks_addresses_and_host_names_and_nothing_else() {
        let trusted =
            TrustedNetworks::parse(["10.1.0.0/16", "192.168.1.7", "fd00::/8", "Box.Internal"]).unwrap();
        let check = |host: &str, address: &str| trusted.check(host, address.parse().unwrap()).is_ok();
        assert!(check("a", "10.1.2.3"));
        assert!(!check("a", "10.2.2.3"));
        assert!(check("a", "192.168.1.7"));
        assert!(!check("a", "192.168.1.8"));
        assert!(check("a", "fd12::1"));
        assert!(!check("a", "::ffff:10.1.2.3"), "a mapped form is not the network it stands for");
        assert!(check("box.internal.", "172.16.0.9"));
        assert!(!check("sub.box.internal", "172.16.0.9"));
        assert!(TrustedNetworks::none().check("localhost", "127.0.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn an_entry_that_is_none_of_these_is_refused() {
        for entry in ["10.0.0.0/33", "http://host", "*.internal", "fd00::/200"] {
            let error = TrustedNetworks::parse([entry]).unwrap_err();
            assert!(error.to_string().contains(entry), "{error}");
        }
    }
}
