//! Changes for a certain version of a resource, so that no client overwrites a change that it has not seen.

/// The versions of a resource that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Any version.
    Any,
    /// One of these versions.
    OneOf(Vec<i32>),
}

impl ExpectedVersion {
    /// Whether the change is for this version of the resource.
    pub fn allows(&self, version: i32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}
