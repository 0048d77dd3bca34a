//! The cookie of a session. It is bound to the host by its name where the console is reached over TLS. Browsers refuse
//! such a name over http, so on a developer's machine it has another one.

use actix_web::http::header::{COOKIE, HeaderMap};
use oms_access::{Awaited, SESSION_LIFETIME, TenantSecret};

/// How long an operator may be at the identity provider.
const AWAITED_S: u64 = 600;

/// The cookie, which depends on how the console is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionCookie {
    secure: bool,
}

impl SessionCookie {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self) -> &'static str {
        match self.secure {
            true => "__Host-oms_session",
            false => "oms_session",
        }
    }

    /// The name of the cookie of a browser whose operator is at the identity provider.
    fn name_of_awaited(self) -> &'static str {
        match self.secure {
            true => "__Host-oms_sign_in",
            false => "oms_sign_in",
        }
    }

    /// What the browser keeps while its operator is at the identity provider, and where it goes afterwards.
    pub(super) fn read_awaited(self, headers: &HeaderMap) -> Option<(Awaited, String)> {
        let value = only(headers, self.name_of_awaited())?;
        let (awaited, next) = value.split_once('!').unwrap_or((value, ""));
        Some((Awaited::parse(awaited).ok()?, next.to_owned()))
    }

    /// The value of `Set-Cookie` that keeps it for ten minutes. `next` must be an address of the console.
    pub(super) fn keep_awaited(self, awaited: &Awaited, next: &str) -> String {
        // The characters that a cookie's value can't have.
        let next = if next.contains([';', ',', '"']) {
            ""
        } else {
            next
        };
        let value = format!("{}!{next}", awaited.to_text());
        self.line_of(self.name_of_awaited(), &value, AWAITED_S)
    }

    /// The secret in the cookie of a request. Two cookies of the name count as none: one of them is not ours.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<TenantSecret> {
        TenantSecret::parse(only(headers, self.name())?).ok()
    }

    /// The value of `Set-Cookie` that keeps a session in the browser until it ends.
    pub(super) fn keep(self, secret: &TenantSecret) -> String {
        self.line(secret.expose(), SESSION_LIFETIME.as_secs())
    }

    /// The value of `Set-Cookie` that makes the browser forget the session.
    pub(super) fn forget(self) -> String {
        self.line("", 0)
    }

    fn line(self, value: &str, max_age_s: u64) -> String {
        self.line_of(self.name(), value, max_age_s)
    }

    fn line_of(self, name: &str, value: &str, max_age_s: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// The value of the only cookie with a name.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(COOKIE)
        .filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (of, value) = pair.trim().split_once('=')?;
        (of == name).then_some(value)
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn read(cookie: SessionCookie, lines: &[&str]) -> Option<String> {
        let request = lines.iter().fold(TestRequest::default(), |request, line| {
            request.append_header((COOKIE, *line))
        });
        let secret = cookie.read(request.to_srv_request().headers());
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_its_host() {
        let secret = TenantSecret::parse(SECRET).unwrap();
        let kept = SessionCookie::new(true).keep(&secret);
        assert_eq!(
            kept,
            format!(
                "__Host-oms_session={SECRET}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
            )
        );
        let forgotten = SessionCookie::new(true).forget();
        assert!(forgotten.starts_with("__Host-oms_session=; ") && forgotten.contains("Max-Age=0"));
    }

    #[test]
    fn a_browser_that_speaks_http_is_not_given_a_cookie_that_it_refuses() {
        let kept = SessionCookie::new(false).keep(&TenantSecret::parse(SECRET).unwrap());
        assert!(
            kept.starts_with("oms_session=") && !kept.contains("Secure"),
            "{kept}"
        );
        assert!(
            kept.contains("HttpOnly") && kept.contains("SameSite=Lax"),
            "{kept}"
        );
    }

    #[test]
    fn only_one_cookie_of_its_own_name_is_read() {
        let (tls, plain) = (SessionCookie::new(true), SessionCookie::new(false));
        let bound = format!("a=b; __Host-oms_session={SECRET}; c=d");
        assert_eq!(read(tls, &[&bound]).as_deref(), Some(SECRET));
        assert_eq!(read(plain, &[&bound]), None);
        let free = format!("oms_session={SECRET}");
        assert_eq!(read(tls, &[&free]), None);
        assert_eq!(read(plain, &["a=b", &free]).as_deref(), Some(SECRET));
        assert_eq!(read(plain, &[&free, &free]), None);
        let two = format!("{free}; {free}");
        for wrong in ["", "oms_session", "oms_session=", "oms_session=abc", &two] {
            assert_eq!(read(plain, &[wrong]), None, "{wrong:?}");
        }
    }
}
