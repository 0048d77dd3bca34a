//! What the customer must do before a payment can proceed. It contains secrets, which `Debug` hides.

use std::fmt;

/// Longest client secret, in characters.
const MAX_SECRET: usize = 500;
/// Longest name of an action's kind, in characters.
const MAX_KIND: usize = 50;
/// Longest URL, in characters.
const MAX_URL: usize = 5000;

/// What the customer must do before a payment can proceed, such as authenticating with the bank, and what the browser
/// needs for it.
///
/// With the client secret, or at the URL, anyone can finish this one payment. So neither is logged, traced or written
/// to the history of calls. Both are stored with the attempt for as long as it needs the action.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerAction {
    client_secret: String,
    kind: String,
    redirect_url: Option<String>,
}

impl CustomerAction {
    /// Reads the action that a gateway names; `None` if a browser could not use it.
    pub fn new(client_secret: &str, kind: &str, redirect_url: Option<&str>) -> Option<Self> {
        let of_a_kind =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let usable = is_printable(client_secret, MAX_SECRET)
            && (1..=MAX_KIND).contains(&kind.len())
            && kind.bytes().all(of_a_kind)
            && redirect_url.is_none_or(is_web_address);
        usable.then(|| Self {
            client_secret: client_secret.to_owned(),
            kind: kind.to_owned(),
            redirect_url: redirect_url.map(str::to_owned),
        })
    }

    /// The secret with which the gateway's browser library finishes the payment.
    pub fn expose_client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The gateway's name for the kind of action, such as `redirect_to_url` or `use_stripe_sdk`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The page to which the customer must be sent, if that is the action.
    pub fn expose_redirect_url(&self) -> Option<&str> {
        self.redirect_url.as_deref()
    }
}

fn is_printable(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_web_address(text: &str) -> bool {
    is_printable(text, MAX_URL) && (text.starts_with("https://") || text.starts_with("http://"))
}

impl fmt::Debug for CustomerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerAction")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_an_action_hides_its_secret_and_its_url() {
        let url = Some("https://hooks.example/3ds?client_secret=hush");
        let action = CustomerAction::new("pi_1_secret_hush", "redirect_to_url", url).unwrap();
        let printed = format!("{action:?} {action:#?}");
        assert!(!printed.contains("hush"), "{printed}");
        assert!(printed.contains("redirect_to_url"), "{printed}");
        assert_eq!(action.expose_client_secret(), "pi_1_secret_hush");
        assert_eq!(action.expose_redirect_url(), url);
    }

    #[test]
    fn an_action_that_no_browser_could_use_is_rejected() {
        let url = "https://hooks.example/";
        assert!(CustomerAction::new("s", "use_stripe_sdk", None).is_some());
        let long = format!("https://{}", "x".repeat(MAX_URL));
        for (secret, kind, url) in [
            ("", "redirect_to_url", Some(url)),
            ("a b", "redirect_to_url", Some(url)),
            ("s", "", Some(url)),
            ("s", "Redirect To", Some(url)),
            ("s", "redirect_to_url", Some("javascript:alert(1)")),
            ("s", "redirect_to_url", Some("/relative")),
            ("s", "redirect_to_url", Some(&long)),
        ] {
            assert_eq!(
                CustomerAction::new(secret, kind, url),
                None,
                "{kind} {url:?}"
            );
        }
    }
}
