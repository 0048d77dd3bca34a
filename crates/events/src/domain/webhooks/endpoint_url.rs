//! The URL of an endpoint.

use core::net::IpAddr;
use std::fmt;

use url::{Host, Url};

use crate::domain::webhooks::address_rules::AddressRules;

/// Maximum length of a URL, in bytes.
pub(crate) const MAX_URL: usize = 2000;

/// A URL to which webhooks may be sent, as far as can be known without resolving its name.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why webhooks can't be sent to a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlNotAllowed {
    /// It is too long, or not a URL.
    #[error("must be a URL of at most {MAX_URL} characters")]
    Malformed,
    /// Its scheme is neither https nor, in a network that the operator allows, http.
    #[error("must be an https URL")]
    Scheme,
    /// It contains a user or a password.
    #[error("must not contain a user or a password")]
    Credentials,
    /// It contains a fragment.
    #[error("must not contain a fragment")]
    Fragment,
    /// Its port is not among the allowed ones.
    #[error("must have the port 443, or one from 1024 to 65535")]
    Port,
    /// Its address is not on the internet.
    #[error("must not lead to an address of a private or special network")]
    Address,
}

impl EndpointUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// `UrlNotAllowed`, which says why.
    pub fn parse(text: &str, rules: &AddressRules) -> Result<Self, UrlNotAllowed> {
        if text.len() > MAX_URL {
            return Err(UrlNotAllowed::Malformed);
        }
        let url = Url::parse(text).map_err(|_| UrlNotAllowed::Malformed)?;
        let host = url.host().ok_or(UrlNotAllowed::Malformed)?;
        let rules = match url.scheme() {
            "https" => rules.clone(),
            "http" => rules.internal(),
            _ => return Err(UrlNotAllowed::Scheme),
        };
        if rules.allow_none() {
            return Err(UrlNotAllowed::Scheme);
        }
        let literal = literal(&host);
        if literal.is_some_and(|address| !rules.allow(address)) || is_local_name(&host, &rules) {
            return Err(UrlNotAllowed::Address);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlNotAllowed::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlNotAllowed::Fragment);
        }
        match url.port_or_known_default() {
            Some(443 | 1024..) => {}
            Some(80) if url.scheme() == "http" => {}
            _ => return Err(UrlNotAllowed::Port),
        }
        Ok(Self(url))
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address, if the host is one and not a name. No resolver judges it.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.host().as_ref().and_then(literal)
    }
}

/// Names that lead to this machine or its network by convention (RFC 6761, RFC 6762, RFC 8375), if there are no
/// networks to which they may lead.
fn is_local_name<S: AsRef<str>>(host: &Host<S>, rules: &AddressRules) -> bool {
    let Host::Domain(name) = host else {
        return false;
    };
    if rules.allow_networks() {
        return false;
    }
    let name = name.as_ref().trim_end_matches('.');
    let ends = ["localhost", "local", "internal", "home.arpa"];
    ends.iter().any(|end| {
        let rest = name.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn literal<S>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths and queries often contain keys.
        write!(formatter, "{}", self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, allowed: &[&str]) -> Result<(), UrlNotAllowed> {
        let networks = allowed
            .iter()
            .map(|network| network.parse().expect("a network"));
        let rules = AddressRules::allowing(networks.collect());
        EndpointUrl::parse(text, &rules).map(drop)
    }

    #[test]
    fn https_urls_of_the_internet_are_accepted() {
        for url in [
            "https://example.com",
            "https://example.com/hooks?token=abc",
            "https://example.com:443/",
            "https://example.com:1024/",
            "https://example.com:65535/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://münchen.example/",
            "https://localhost.example.com/",
            "https://notlocal/",
        ] {
            assert_eq!(parse(url, &[]), Ok(()), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        for (url, reason) in [
            ("", UrlNotAllowed::Malformed),
            ("example.com", UrlNotAllowed::Malformed),
            ("https://", UrlNotAllowed::Malformed),
            ("mailto:a@example.com", UrlNotAllowed::Malformed),
            (&long, UrlNotAllowed::Malformed),
            ("http://example.com", UrlNotAllowed::Scheme),
            ("ftp://example.com", UrlNotAllowed::Scheme),
            ("https://user@example.com", UrlNotAllowed::Credentials),
            (
                "https://user:secret@example.com",
                UrlNotAllowed::Credentials,
            ),
            ("https://:secret@example.com", UrlNotAllowed::Credentials),
            ("https://example.com/#part", UrlNotAllowed::Fragment),
            ("https://example.com:80/", UrlNotAllowed::Port),
            ("https://example.com:22/", UrlNotAllowed::Port),
            ("https://example.com:1023/", UrlNotAllowed::Port),
            ("https://127.0.0.1/", UrlNotAllowed::Address),
            // The ways to write 127.0.0.1.
            ("https://2130706433/", UrlNotAllowed::Address),
            ("https://0x7f.1/", UrlNotAllowed::Address),
            ("https://0177.0.0.1/", UrlNotAllowed::Address),
            ("https://127.1/", UrlNotAllowed::Address),
            ("https://１２７.0.0.1/", UrlNotAllowed::Address),
            ("https://[::1]/", UrlNotAllowed::Address),
            ("https://[::ffff:7f00:1]/", UrlNotAllowed::Address),
            (
                "https://169.254.169.254/latest/meta-data",
                UrlNotAllowed::Address,
            ),
            ("https://localhost/", UrlNotAllowed::Address),
            ("https://LOCALHOST./", UrlNotAllowed::Address),
            ("https://api.localhost/", UrlNotAllowed::Address),
            ("https://printer.local/", UrlNotAllowed::Address),
            ("https://metadata.google.internal/", UrlNotAllowed::Address),
        ] {
            assert_eq!(parse(url, &[]), Err(reason), "{url}");
        }
    }

    #[test]
    fn plain_http_is_accepted_where_the_operator_allows_networks() {
        let networks = ["127.0.0.0/8"];
        assert_eq!(parse("http://127.0.0.1:8080/", &networks), Ok(()));
        assert_eq!(parse("http://127.0.0.1/", &networks), Ok(()));
        // Where the name leads is judged when it is resolved.
        assert_eq!(parse("http://erp.internal:8080/", &networks), Ok(()));
        assert_eq!(
            parse("http://8.8.8.8/", &networks),
            Err(UrlNotAllowed::Address)
        );
        assert_eq!(
            parse("http://127.0.0.1:22/", &networks),
            Err(UrlNotAllowed::Port)
        );
    }

    #[test]
    fn paths_and_queries_are_not_logged() {
        let rules = AddressRules::default();
        let url = EndpointUrl::parse("https://example.com/key?token=abc", &rules).expect("a URL");
        assert_eq!(format!("{url:?}"), "https://example.com");
    }
}
