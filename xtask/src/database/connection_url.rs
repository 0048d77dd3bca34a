//! A `DATABASE_URL`, parsed far enough to keep its password out of messages and of the process list.

/// A PostgreSQL connection URL.
pub(super) struct ConnectionUrl {
    before_password: String,
    password: Option<String>,
    after_password: String,
}

impl ConnectionUrl {
    /// Splits `postgres://user:password@host/…`. Any other text is kept unchanged, without a password.
    pub(super) fn parse(text: &str) -> Self {
        let whole = Self {
            before_password: text.to_owned(),
            password: None,
            after_password: String::new(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return whole;
        };
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let Some((credentials, _)) = authority.rsplit_once('@') else {
            return whole;
        };
        let Some((user, password)) = credentials.split_once(':') else {
            return whole;
        };
        Self {
            before_password: format!("{scheme}://{user}"),
            password: Some(password.to_owned()),
            after_password: rest[credentials.len()..].to_owned(),
        }
    }

    /// The URL as the user gave it.
    pub(super) fn whole(&self) -> String {
        match &self.password {
            Some(password) => format!("{}:{password}{}", self.before_password, self.after_password),
            None => self.without_password(),
        }
    }

    /// The URL for an argument list. The password is passed in `PGPASSWORD`.
    pub(super) fn without_password(&self) -> String {
        format!("{}{}", self.before_password, self.after_password)
    }

    /// The password, percent-decoded.
    pub(super) fn password(&self) -> Option<String> {
        self.password.as_deref().map(percent_decoded)
    }

    /// The URL for messages.
    pub(super) fn shown(&self) -> String {
        let stars = if self.password.is_some() { ":***" } else { "" };
        format!("{}{stars}{}", self.before_password, self.after_password)
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_separated_from_the_url() {
        let url = ConnectionUrl::parse(
            "postgres://me:s%40crét%2@db.example.com:5432/shop?sslmode=require",
        );
        assert_eq!(url.password().as_deref(), Some("s@crét%2"));
        assert_eq!(
            url.without_password(),
            "postgres://me@db.example.com:5432/shop?sslmode=require"
        );
        assert_eq!(
            url.shown(),
            "postgres://me:***@db.example.com:5432/shop?sslmode=require"
        );
        assert_eq!(
            url.whole(),
            "postgres://me:s%40crét%2@db.example.com:5432/shop?sslmode=require"
        );
    }

    #[test]
    fn a_url_without_a_password_is_not_changed() {
        for text in [
            "postgres://db.example.com/shop",
            "postgres://me@localhost/a@b:c",
            "host=localhost",
        ] {
            let url = ConnectionUrl::parse(text);
            assert_eq!(
                (url.password(), url.without_password()),
                (None, text.to_owned())
            );
        }
    }
}
