//! Where the customer returns after an action on another site.

use oms_validation::openapi::text;
use utoipa::openapi::Object;

/// Longest URL, in characters.
const MAX_LENGTH: usize = 2048;

/// A page of the storefront to which the gateway sends the customer back: an `https` URL, or an `http` URL of the local
/// machine, for development.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl(String);

/// The text is not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an absolute https URL of at most 2048 characters, without a user name; http only for localhost"
)]
pub struct InvalidReturnUrl;

impl ReturnUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is not an absolute `https` URL, or an `http` URL of a loopback host, or has a user name or a character
    /// that a URL can't have.
    pub fn parse(text: &str) -> Result<Self, InvalidReturnUrl> {
        let printable = |byte: u8| byte.is_ascii_graphic() && !br#""'<>\^`{|}"#.contains(&byte);
        if text.len() > MAX_LENGTH || !text.bytes().all(printable) {
            return Err(InvalidReturnUrl);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidReturnUrl)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host_of(authority).ok_or(InvalidReturnUrl)?;
        let allowed = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
            _ => false,
        };
        match allowed {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidReturnUrl),
        }
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The schema of what [`parse`](Self::parse) accepts.
    pub fn schema() -> Object {
        text(1..=MAX_LENGTH, "^([Hh][Tt][Tt][Pp][Ss]|[Hh][Tt][Tt][Pp])://[!-~]+$")
            .description(Some(
                "Where the customer returns after authenticating on the bank's page: an `https` URL, or `http` for \
                 localhost. Without it the gateway's browser library handles the action.",
            ))
            .examples(["https://shop.example/checkout/done"])
            .build()
    }
}

/// The host of an authority; `None` if it has no host, or has a user name, or a port that is not a number.
fn host_of(authority: &str) -> Option<&str> {
    let port_at = match authority.strip_prefix('[') {
        Some(address) => address.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(port_at)?;
    let port = port.strip_prefix(':').unwrap_or(port);
    let of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:%~".contains(&byte);
    let sound = !host.is_empty()
        && host.bytes().all(of_a_host)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.len() <= 5;
    sound.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_storefront_are_accepted() {
        for text in [
            "https://shop.example",
            "https://shop.example/done?order=1&x=%20#end",
            "https://shop.example:8443/",
            "HTTPS://shop.example/",
            "http://localhost:3000/done",
            "http://127.0.0.1/",
            "http://[::1]:8080/done",
            &format!("https://shop.example/{}", "x".repeat(2000)),
        ] {
            assert!(ReturnUrl::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn all_other_urls_are_rejected() {
        for text in [
            "",
            "/done",
            "https://",
            "https:///done",
            "https://ann@shop.example/",
            "https://ann:secret@shop.example/",
            "http://shop.example/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost:80@evil.example/",
            "javascript://%0aalert(1)",
            "ftp://shop.example/",
            "https://shop.example/a b",
            "https://shop.example/\r\nx",
            "https://shop.example/é",
            "https://shop.example:http/",
            "https://shop.example/\"><script>",
            "http://[::1]evil.example/",
            &format!("https://shop.example/{}", "x".repeat(2048)),
        ] {
            assert_eq!(ReturnUrl::parse(text), Err(InvalidReturnUrl), "{text}");
        }
    }
}
