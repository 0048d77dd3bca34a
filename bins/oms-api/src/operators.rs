//! Who may use the endpoints for operators.

use std::fmt;
use std::hint::black_box;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use oms_validation::OperatorName;
use sha2::{Digest, Sha256};

/// Who may use the endpoints for operators.
pub(crate) enum Operators {
    /// Everybody, under one name: in development, where only this machine can connect.
    Everybody(OperatorName),
    /// Who has a token.
    Known(Vec<Operator>),
}

/// An operator, and a digest of the token. The token itself is not kept.
pub(crate) struct Operator {
    name: OperatorName,
    digest: [u8; 32],
}

/// Fewest characters of a token: 32 of a random one can't be guessed.
const MIN_TOKEN: usize = 32;

impl Operators {
    /// Everybody, as `local`.
    pub(crate) fn everybody() -> Self {
        Self::Everybody(OperatorName::parse("local").expect("the name has only letters"))
    }

    /// Reads `name:token,name:token`. The message never repeats the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut known: Vec<Operator> = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).enumerate() {
            let wrong = |what: &str| format!("is not valid: entry {} {what}", index + 1);
            let (name, token) = entry
                .split_once(':')
                .ok_or_else(|| wrong("has to be name:token"))?;
            let name = OperatorName::parse(name)
                .map_err(|error| wrong(&format!("has a name that {error}")))?;
            if token.len() < MIN_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(wrong("needs a token of 32 or more printable characters"));
            }
            let digest = digest_of(token);
            if known
                .iter()
                .any(|other| other.name == name || other.digest == digest)
            {
                return Err(wrong("has the name or the token of another"));
            }
            known.push(Operator { name, digest });
        }
        Ok(Self::Known(known))
    }

    /// Whose request this is, if it is an operator's.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Option<&OperatorName> {
        match self {
            Self::Everybody(name) => Some(name),
            Self::Known(known) => {
                let digest = digest_of(bearer_token(headers)?);
                // All are compared, each in whole: the time tells nothing of how close a guess came.
                let mut found = None;
                for operator in known {
                    if equal(&operator.digest, &digest) {
                        found = Some(&operator.name);
                    }
                }
                found
            }
        }
    }
}

/// RFC 6750, section 2.1. The name of the scheme is in any case.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then_some(token.trim())
}

fn digest_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (l, r)| sum | (l ^ r));
    black_box(difference) == 0
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody(name) => f.debug_tuple("Everybody").field(name).finish(),
            Self::Known(known) => {
                let names = known.iter().map(|operator| &operator.name);
                f.debug_list().entries(names).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const ANN: &str = "ann-0123456789abcdef0123456789abcdef";
    const BOB: &str = "bob-0123456789abcdef0123456789abcdef";

    fn identified(operators: &Operators, headers: &[(&'static str, String)]) -> Option<String> {
        let request = headers
            .iter()
            .fold(TestRequest::default(), |request, header| {
                request.append_header((header.0, header.1.clone()))
            });
        let request = request.to_http_request();
        operators
            .identify(request.headers())
            .map(ToString::to_string)
    }

    #[test]
    fn a_token_tells_who_it_is() {
        let operators = Operators::parse(&format!("ann:{ANN}, bob:{BOB}")).unwrap();
        let who = |value: &str| identified(&operators, &[("authorization", value.to_owned())]);
        assert_eq!(who(&format!("Bearer {ANN}")).as_deref(), Some("ann"));
        assert_eq!(who(&format!("bearer {BOB}")).as_deref(), Some("bob"));
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            ANN.to_owned(),
            format!("Basic {ANN}"),
            format!("Bearer {}", &ANN[1..]),
            format!("Bearer {ANN}x"),
            format!("Bearer {}", ANN.to_uppercase()),
        ] {
            assert_eq!(who(&wrong), None, "{wrong:?}");
        }
        let twice = ("authorization", format!("Bearer {ANN}"));
        assert_eq!(identified(&operators, &[twice.clone(), twice]), None);
        assert_eq!(identified(&operators, &[]), None);
    }

    #[test]
    fn without_tokens_nobody_is_an_operator_unless_everybody_is() {
        let header = [("authorization", format!("Bearer {ANN}"))];
        assert_eq!(identified(&Operators::Known(Vec::new()), &header), None);
        let local = identified(&Operators::everybody(), &[]);
        assert_eq!(local.as_deref(), Some("local"));
    }

    #[test]
    fn a_list_that_is_not_valid_is_refused_without_being_repeated() {
        for text in [
            "ann".to_owned(),
            format!(":{ANN}"),
            format!("a b:{ANN}"),
            "ann:hush-too-short".to_owned(),
            format!("ann:hush {ANN}"),
            format!("ann:{ANN},"),
            format!("ann:{ANN},ann:{BOB}"),
            format!("ann:{ANN},bob:{ANN}"),
        ] {
            let message = Operators::parse(&text).unwrap_err();
            let repeats = message.contains("hush") || message.contains("0123");
            assert!(!repeats, "{message}");
        }
    }

    #[test]
    fn debug_output_has_names_and_no_tokens() {
        let operators = Operators::parse(&format!("ann:{ANN}")).unwrap();
        let debug = format!("{operators:?}");
        assert!(debug.contains("ann") && !debug.contains("0123"), "{debug}");
    }
}
