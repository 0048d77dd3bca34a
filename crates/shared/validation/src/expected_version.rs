//! Changes for a certain version of a resource, so that no client overwrites a change that it has not seen.

/// The versions of a resource that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Any version.
    Any,
    /// One of these versions.
    OneOf(Vec<i32>),
}

/// The error for a change of a resource that has another version now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the current version is {version}")]
pub struct OtherVersion {
    /// The current version.
    pub version: i32,
}

impl ExpectedVersion {
    /// Checks that the change is for this version of the resource.
    ///
    /// # Errors
    /// When it is for another one.
    pub fn check(&self, version: i32) -> Result<(), OtherVersion> {
        match self.allows(version) {
            true => Ok(()),
            false => Err(OtherVersion { version }),
        }
    }

    /// Whether the change is for this version of the resource.
    pub fn allows(&self, version: i32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
