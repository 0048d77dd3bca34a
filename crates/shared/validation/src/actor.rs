//! The recorded author of an action.

use std::fmt;

use crate::OperatorName;

/// Maximum length of an actor, in characters. Every column that stores one has the same limit.
const MAX_LENGTH: usize = 300;

/// The actor of a request: `api:` and the name of its credential, or `operator:` and the name of an operator of the
/// console; at most 300 printable ASCII characters.
/// Records of earlier versions contain only `api`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(String);

/// The text is not usable as the name of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 296 printable ASCII characters")]
pub struct InvalidActor;

impl Actor {
    /// The actor of a request whose credential has this name.
    ///
    /// # Errors
    /// If the name is empty, too long, or not printable ASCII.
    pub fn of_client(name: &str) -> Result<Self, InvalidActor> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let actor = format!("api:{name}");
        if name.is_empty() || actor.len() > MAX_LENGTH || !name.bytes().all(is_printable) {
            return Err(InvalidActor);
        }
        Ok(Self(actor))
    }

    /// The actor of an operator's request. Its name is short enough by its own limit.
    pub fn of_operator(name: &OperatorName) -> Self {
        Self(name.as_actor())
    }

    /// The actor as records contain it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_named_after_its_credential() {
        for name in ["till", "token:CN=till 1, O=\"Shop\"", &"x".repeat(296)] {
            let actor = Actor::of_client(name).unwrap();
            assert_eq!(actor.as_str(), format!("api:{name}"));
        }
        for name in ["", "a\n", "zoë", &"x".repeat(297)] {
            assert_eq!(Actor::of_client(name), Err(InvalidActor), "{name:?}");
        }
    }

    #[test]
    fn the_longest_name_of_an_operator_fits() {
        let name = OperatorName::parse(&"x".repeat(261)).unwrap();
        let actor = Actor::of_operator(&name);
        assert_eq!(actor.as_str(), format!("operator:{name}"));
        assert!(actor.as_str().len() <= MAX_LENGTH);
    }
}
