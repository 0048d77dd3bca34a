//! Stripe's two ways of sending the secret key: as a bearer token, or as the user name of HTTP basic authentication
//! (<https://docs.stripe.com/api/authentication>). Any test key is accepted, and a live key never.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::api_error::ApiError;

const NO_KEY: &str = "You did not provide an API key. You need to provide your API key in the \
    Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";

/// Accepts `sk_test_…` and `rk_test_…`, sent either way.
///
/// # Errors
/// 401 when no key or another kind of key was sent. The key itself is not repeated.
pub(crate) fn check(authorization: Option<&str>) -> Result<(), ApiError> {
    let key = authorization
        .and_then(secret_key)
        .filter(|key| !key.is_empty());
    match key {
        None => Err(ApiError::invalid_request(401, NO_KEY)),
        Some(key) if is_test_key(&key) => Ok(()),
        Some(key) if key.contains("_live_") => Err(ApiError::invalid_request(
            401,
            "A live API key was sent to payment-sandbox, a development tool. Consider it exposed.",
        )),
        Some(_) => Err(ApiError::invalid_request(401, "Invalid API Key provided.")),
    }
}

fn is_test_key(key: &str) -> bool {
    ["sk_test_", "rk_test_"].iter().any(|prefix| {
        key.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty())
    })
}

fn secret_key(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(text.split(':').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_key_is_accepted_as_bearer_token_and_as_basic_user_name() {
        assert!(check(Some("Bearer sk_test_abc")).is_ok());
        let basic = format!("Basic {}", BASE64_STANDARD.encode("sk_test_abc:"));
        assert!(check(Some(&basic)).is_ok());
    }

    #[test]
    fn anything_else_is_401_and_the_key_is_not_repeated() {
        for header in [
            None,
            Some("Bearer "),
            Some("Bearer pk_test_x"),
            Some("Bearer sk_test_"),
        ] {
            assert_eq!(check(header).unwrap_err().status, 401, "{header:?}");
        }
        let live = check(Some("Bearer sk_live_secret")).unwrap_err().answer();
        assert_eq!(live.status, 401);
        assert!(!live.body.contains("secret"));
    }
}
