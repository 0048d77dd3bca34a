//! The privileges of the serving role on tables.

/// The privileges on a table. Each crate with tables lists its own next to its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The table, qualified with its schema.
    pub table: &'static str,
    /// The permitted actions on the whole table.
    pub actions: &'static [&'static str],
    /// The columns that may be updated, if not all may.
    pub updatable: &'static [&'static str],
}

impl Grant {
    /// `SELECT` only: the owner writes the rows.
    pub const fn read(table: &'static str) -> Self {
        Self::new(table, &["SELECT"])
    }

    /// Rows are inserted, never updated or deleted.
    pub const fn append(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT"])
    }

    /// Rows are inserted and deleted, never updated.
    pub const fn pass_through(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "DELETE"])
    }

    /// Rows are inserted and updated, never deleted.
    pub const fn write(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "UPDATE"])
    }

    /// Rows are inserted, updated and deleted.
    pub const fn all(table: &'static str) -> Self {
        Self::new(table, &["SELECT", "INSERT", "UPDATE", "DELETE"])
    }

    /// Adds the privilege to update some columns.
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

/// The privileges on the tables of this crate.
pub const GRANTS: &[Grant] = &[
    Grant::read("public.__diesel_schema_migrations"),
    Grant::write("installation.identity"),
    Grant::append("tenancy.tenants"),
];
