//! The client's address: that of its connection, or the one that trusted proxies report.

use std::net::IpAddr;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// Headers that proxies add to the requests that they pass on: RFC 7239, and its de facto predecessors.
const ADDED_BY_PROXIES: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
];

/// Proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads addresses and networks, separated by commas: `10.0.0.0/8, 127.0.0.1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let part = part.trim();
            let address = part.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| part.parse()).map_err(|_| {
                "must be addresses and networks such as 10.0.0.0/8, separated by commas".to_owned()
            })
        };
        text.split(',')
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    /// The client's address: if the connection comes from a trusted proxy, the last address in `X-Forwarded-For` that
    /// is not a trusted proxy. Addresses that the client itself writes into the header come before that one and are
    /// never read.
    pub(crate) fn client_of(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        let forwarded = request.headers().get_all("x-forwarded-for");
        let hops: Vec<&str> = forwarded
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        Some(self.client(peer, &hops))
    }

    fn client(&self, peer: IpAddr, hops: &[&str]) -> IpAddr {
        let mut client = peer;
        for hop in hops.iter().rev() {
            let Ok(address) = hop.trim().parse() else {
                break;
            };
            if !self.include(client) {
                break;
            }
            client = address;
        }
        client
    }

    fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whether a proxy passed the request on.
pub(crate) fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    ADDED_BY_PROXIES
        .into_iter()
        .any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
        let proxies: TrustedProxies = "10.0.0.0/8, 127.0.0.1,fd00::/8".parse().unwrap();
        let client =
            |peer: &str, hops: &[&str]| proxies.client(peer.parse().unwrap(), hops).to_string();
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(client("10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        let forged = ["127.0.0.1", " 203.0.113.9", "10.9.9.9 "];
        assert_eq!(client("10.1.2.3", &forged), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["203.0.113.9", "unknown"]), "10.1.2.3");
        assert_eq!(client("::ffff:10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("fd00::1", &["2001:db8::7"]), "2001:db8::7");
        let none = TrustedProxies::default();
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(none.client(peer, &["203.0.113.9"]), peer);
    }

    #[test]
    fn text_that_is_not_an_address_is_rejected() {
        for wrong in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0.1,,10.0.0.2",
            "10.0.0.1;10.0.0.2",
        ] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
    }
}
