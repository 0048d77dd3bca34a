//! The claims of a token with a verified signature.

use oms_validation::{Scope, Scopes};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::credential::{Credential, CredentialName};
use super::issuer::OrdersWrite;

/// The claims of a token.
pub(crate) type Claims = Map<String, Value>;

/// Reads the credential from a token's claims.
///
/// # Errors
/// The reason that the claims are insufficient, for the log.
pub(crate) fn credential(
    claims: &Claims,
    tenant_claim: &str,
    orders_write: OrdersWrite,
) -> Result<Credential, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let tenant = text(tenant_claim).and_then(|tenant| Uuid::parse_str(tenant).ok());
    let name = text("sub").and_then(|subject| CredentialName::of_subject(subject).ok());
    Ok(Credential {
        tenant: tenant.ok_or("the token has no valid tenant claim")?.into(),
        name: name.ok_or("the token has no valid subject")?,
        scopes: scopes(claims, orders_write),
    })
}

/// Reads the scopes. `scope` of RFC 8693 is a space-separated list; issuers also use `scp` and JSON arrays.
fn scopes(claims: &Claims, orders_write: OrdersWrite) -> Scopes {
    let claimed = ["scope", "scp"]
        .into_iter()
        .filter_map(|name| claims.get(name));
    let texts = claimed.flat_map(|claim| match claim {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        other => Vec::from_iter(other.as_str()),
    });
    let scopes = Scopes::known_among(texts.flat_map(str::split_ascii_whitespace));
    match orders_write {
        OrdersWrite::IncludesCancelAndRefund if scopes.include(Scope::OrdersWrite) => scopes
            .iter()
            .chain([Scope::OrdersCancel, Scope::OrdersRefund])
            .collect(),
        _ => scopes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: &str = "00000000-0000-4000-8000-000000000001";

    fn read(claims: Value) -> Result<Credential, &'static str> {
        let Value::Object(claims) = claims else {
            panic!("claims are an object")
        };
        credential(&claims, "https://example.com/store", OrdersWrite::Alone)
    }

    fn with(member: &str, value: Value) -> Value {
        let mut claims = json!({ "sub": "auth0|ann", "https://example.com/store": TENANT });
        claims[member] = value;
        claims
    }

    #[test]
    fn tenant_and_name_are_required() {
        let ann = read(with("x", Value::Null)).unwrap();
        assert_eq!(ann.tenant.to_string(), TENANT);
        assert_eq!(ann.name.as_str(), "token:auth0|ann");
        assert!(ann.scopes.is_empty());
        for value in [
            Value::Null,
            json!(""),
            json!("me"),
            json!([TENANT]),
            json!(1),
        ] {
            let read = read(with("https://example.com/store", value));
            assert!(matches!(read, Err(why) if why.contains("tenant")));
        }
        for value in [Value::Null, json!(""), json!("two\nlines"), json!(7)] {
            let read = read(with("sub", value));
            assert!(matches!(read, Err(why) if why.contains("subject")));
        }
        let upper = Uuid::parse_str(TENANT)
            .unwrap()
            .hyphenated()
            .to_string()
            .to_uppercase();
        assert!(read(with("https://example.com/store", json!(upper))).is_ok());
    }

    #[test]
    fn scopes_are_read_in_the_formats_of_common_issuers() {
        for (member, value, expected) in [
            (
                "scope",
                json!("openid orders:read orders:write"),
                "orders:read orders:write",
            ),
            ("scope", json!(["orders:read", "profile"]), "orders:read"),
            ("scp", json!("operations"), "operations"),
            (
                "scp",
                json!(["orders:write", "inventory:read operations"]),
                "orders:write inventory:read operations",
            ),
            ("scope", json!(""), ""),
            ("scope", json!({ "orders:read": true }), ""),
            ("scope", json!([["orders:read"]]), ""),
            ("scopes", json!("orders:read"), ""),
        ] {
            let scopes = read(with(member, value.clone())).unwrap().scopes;
            assert_eq!(scopes.to_string(), expected, "{member} {value}");
        }
        let Value::Object(claims) = with("scope", json!("orders:write operations")) else {
            panic!("claims are an object")
        };
        for (orders_write, expected) in [
            (OrdersWrite::Alone, "orders:write operations"),
            (
                OrdersWrite::IncludesCancelAndRefund,
                "orders:write orders:cancel orders:refund operations",
            ),
        ] {
            assert_eq!(scopes(&claims, orders_write).to_string(), expected);
        }
        let mut both = with("scope", json!("orders:read"));
        both["scp"] = json!(["operations"]);
        assert_eq!(
            read(both).unwrap().scopes.to_string(),
            "orders:read operations"
        );
    }
}
