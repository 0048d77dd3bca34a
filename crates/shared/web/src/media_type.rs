//! The media type of a body.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

/// The media type of a body, such as `text/csv`, in lower case and without parameters. `None` if the header is missing,
/// or names a charset other than UTF-8.
pub fn utf8_media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_utf8.then_some(essence)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn of(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        utf8_media_type(&headers)
    }

    #[test]
    fn a_type_is_read_in_any_case_and_only_with_utf_8() {
        assert_eq!(of("application/json").as_deref(), Some("application/json"));
        let spelled = of("Application/JSON; charset=\"UTF-8\"");
        assert_eq!(spelled.as_deref(), Some("application/json"));
        let with_header = of("text/csv; header=present; charset=utf-8");
        assert_eq!(with_header.as_deref(), Some("text/csv"));
        assert_eq!(of("application/json; charset=latin1"), None);
        assert_eq!(of("").as_deref(), Some(""));
        assert_eq!(utf8_media_type(&HeaderMap::new()), None);
    }
}
