//! Headers of every answer that restrict what browsers and caches may do with it.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;

/// An answer that a browser shows as a page nevertheless loads nothing, and appears in no frame.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Middleware that must enclose all others: no answer is cached unless its endpoint allows it, interpreted as another type, or
/// shown in a frame.
pub(crate) async fn protect(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    add_to(response.headers_mut());
    Ok(response)
}

fn add_to(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let policy = match headers.get(CONTENT_SECURITY_POLICY) {
        Some(policy) => unframed(policy),
        None => NOTHING,
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}

/// The page's own policy, extended by the directive that no page may omit.
fn unframed(policy: &HeaderValue) -> HeaderValue {
    match policy.to_str() {
        Ok(text) if text.contains("frame-ancestors") => policy.clone(),
        Ok(text) => HeaderValue::try_from(format!("{text}; frame-ancestors 'none'"))
            .expect("a policy with one more directive is a valid header"),
        Err(_) => NOTHING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(own: Option<&'static str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(own) = own {
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(own));
        }
        add_to(&mut headers);
        let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap();
        policy.to_str().unwrap().to_owned()
    }

    #[test]
    fn only_a_page_that_names_its_frames_may_be_framed() {
        assert_eq!(
            policy_of(None),
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(
            policy_of(Some("script-src 'self'")),
            "script-src 'self'; frame-ancestors 'none'"
        );
        let own = "frame-ancestors https://shop.example";
        assert_eq!(policy_of(Some(own)), own);
    }

    #[test]
    fn an_answer_is_not_cached_unless_its_endpoint_allows_it() {
        let mut headers = HeaderMap::new();
        add_to(&mut headers);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store");
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
        add_to(&mut headers);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "max-age=1");
    }
}
