//! The bearer token of a request.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// Returns the only bearer token of a request. The scheme's name is case-insensitive (RFC 6750, section 2.1).
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_token_is_read_from_a_single_bearer_header() {
        let read = |values: &[&str]| {
            let request = values
                .iter()
                .fold(TestRequest::default(), |request, value| {
                    request.append_header((AUTHORIZATION, *value))
                });
            let request = request.to_srv_request();
            bearer_token(request.headers()).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer  abc "]).as_deref(), Some("abc"));
        let refused: [&[&str]; 5] = [
            &[],
            &["Bearer"],
            &["abc"],
            &["Basic abc"],
            &["Bearer abc", "Bearer abc"],
        ];
        for values in refused {
            assert_eq!(read(values), None, "{values:?}");
        }
    }
}
