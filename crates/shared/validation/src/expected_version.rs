//! Changes that are for one version of a thing, so that nobody overwrites what they have not seen.

/// The versions of a thing that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Whatever version it is in.
    Any,
    /// One of these.
    OneOf(Vec<i32>),
}

impl ExpectedVersion {
    /// Whether the change is for a thing in this version.
    pub fn allows(&self, version: i32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
