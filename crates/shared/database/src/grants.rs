//! What the role that serves may do with the tables of a schema.

/// The rights on a table. Each crate that keeps rows lists its own beside its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// With its schema.
    pub table: &'static str,
    /// The actions on the whole table.
    pub actions: &'static [&'static str],
    /// The columns that may be updated, where not all may.
    pub updatable: &'static [&'static str],
}

impl Grant {
    /// `SELECT`: the owner writes the rows.
    pub const fn read(table: &'static str) -> Self {
        Self::new(table, &["SELECT"])
    }

    /// Rows are never changed and never deleted.
    pub const fn append(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT"])
    }

    /// Rows are deleted, and never changed.
    pub const fn hold(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "DELETE"])
    }

    /// Rows are changed, and never deleted.
    pub const fn write(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "UPDATE"])
    }

    /// Rows are changed and deleted.
    pub const fn all(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "UPDATE", "DELETE"])
    }

    /// Adds the right to update some columns.
    #[must_use]
    pub const fn updating(self, columns: &'static [&'static str]) -> Self {
        Self {
            updatable: columns,
            ..self
        }
    }

    const fn new(table: &'static str, actions: &'static [&'static str]) -> Self {
        Self {
            table,
            actions,
            updatable: &[],
        }
    }
}

/// The rights on the tables of this crate.
pub const GRANTS: &[Grant] = &[
    Grant::read("public.__diesel_schema_migrations"),
    Grant::write("installation.identity"),
    Grant::append("tenancy.tenants"),
];
