//! Which addresses a webhook may be sent to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks of IPv4 that are not reachable over the internet, or belong to nobody: the IANA registry of special-purpose
/// addresses, <https://www.iana.org/assignments/iana-ipv4-special-registry>, multicast, and reserved addresses.
const NOT_GLOBAL_V4: [Ipv4Net; 14] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast, reserved, and the broadcast address.
    v4([224, 0, 0, 0], 3),
];

/// The networks of IPv6 that are global unicast. All others are refused.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Networks within [`GLOBAL_V6`] that lead elsewhere:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const NOT_GLOBAL_V6: [Ipv6Net; 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation.
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    // 6to4, which contains an address of IPv4.
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The addresses that webhooks may be sent to: those of the internet, and networks that the operator allows.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    allowed: Vec<IpNet>,
    /// Only the networks that the operator allows.
    is_internal: bool,
}

impl AddressRules {
    /// Rules that also allow these networks.
    #[must_use]
    pub fn allowing(allowed: Vec<IpNet>) -> Self {
        Self {
            allowed,
            is_internal: false,
        }
    }

    /// The rules for plain HTTP: only the networks that the operator allows.
    #[must_use]
    pub fn internal(&self) -> Self {
        Self {
            allowed: self.allowed.clone(),
            is_internal: true,
        }
    }

    /// Whether no address is allowed.
    #[must_use]
    pub fn allow_none(&self) -> bool {
        self.is_internal && self.allowed.is_empty()
    }

    /// Whether the operator allows networks.
    #[must_use]
    pub fn allow_networks(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether a webhook may be sent to this address. An address of IPv4 that is written as one of IPv6 is judged as
    /// what it is.
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_listed = self
            .allowed
            .iter()
            .any(|network| network.contains(&address));
        is_listed || (!self.is_internal && is_global(address))
    }
}

fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_GLOBAL_V4
            .iter()
            .any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address)
                && !NOT_GLOBAL_V6
                    .iter()
                    .any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rules: &AddressRules, address: &str) -> bool {
        rules.allow(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_of_the_internet_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:81b::200e",
            "::ffff:8.8.8.8",
        ] {
            assert!(allows(&AddressRules::default(), address), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            // IPv4 in IPv6: compatible, mapped, translated, NAT64.
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            // Teredo, benchmarks, ORCHIDv2, DRIP, documentation, 6to4.
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:30::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "3fff:fff::1",
            // SRv6, unique local, link local, site local, multicast.
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(!allows(&AddressRules::default(), address), "{address}");
        }
    }

    #[test]
    fn the_operator_can_allow_networks() {
        let network = "10.1.0.0/16".parse().expect("a network");
        let rules = AddressRules::allowing(vec![network]);
        assert!(allows(&rules, "10.1.2.3"));
        assert!(allows(&rules, "::ffff:10.1.2.3"));
        assert!(!allows(&rules, "10.2.0.1"));
        assert!(allows(&rules, "8.8.8.8"));
        let internal = rules.internal();
        assert!(allows(&internal, "10.1.2.3"));
        assert!(!allows(&internal, "8.8.8.8"));
        assert!(!internal.allow_none() && !rules.allow_none());
        assert!(AddressRules::default().internal().allow_none());
    }
}
