//! The identity of the installation that a database belongs to, and the detection of copies.
//!
//! The cluster's system identifier and the database's OID reveal that a database was restored from a dump or created
//! from another database. They don't reveal a physical copy: a base backup, a snapshot or a copied volume. Nor do they
//! reveal a copy of a distributed database, because each of its nodes is a cluster of its own.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{Connection, DbError, Engine, cached_sql, transaction};

/// The installation that a database belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its ID. A copy of the database has the same one.
    pub id: Uuid,
    /// Payments attempted before this time are inherited from the database that this one was copied from. `None` if it
    /// is not a copy.
    pub inherited_until: Option<DateTime<Utc>>,
    /// Until this time, payments stay inherited, because an operator declared this database a separate installation.
    pub separated_at: Option<DateTime<Utc>>,
}

impl Installation {
    /// Whether the database is a copy for which an operator still has to choose `take_over` or `separate`.
    pub fn is_undecided_copy(&self) -> bool {
        self.inherited_until != self.separated_at
    }
}

/// The location of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// `None` if the role may not read it.
    system_identifier: Option<i64>,
    database_oid: i64,
}

impl Place {
    /// Whether both may be the same place. An unknown cluster identifier matches every cluster.
    fn may_be(self, other: Self) -> bool {
        let clusters = self.system_identifier.zip(other.system_identifier);
        self.database_oid == other.database_oid
            && clusters.is_none_or(|(left, right)| left == right)
    }
}

/// The columns of a [`Row`]. A macro, because the text of a cached statement must be a constant.
macro_rules! columns {
    () => {
        "id, system_identifier, database_oid, inherited_until, separated_at"
    };
}

/// Reads the installation, and creates it if there is none. A database that has moved is recorded as a copy.
/// `newest_payment` is when its newest payment was attempted.
///
/// # Errors
/// When the database fails.
pub async fn establish(
    connection: &mut Connection,
    newest_payment: Option<DateTime<Utc>>,
) -> Result<Installation, DbError> {
    let here = find_place(connection).await?;
    // The usual case after the first start needs neither a lock nor the privilege to write.
    if let Some((installation, was)) = read(connection).await?
        && (here.may_be(was) || Engine::of(connection).await? == Engine::Distributed)
    {
        return Ok(installation);
    }
    transaction(connection, async |connection| {
        insert(connection, here).await?;
        let (installation, was) = lock(connection).await?;
        if here.may_be(was) {
            return Ok(installation);
        }
        // A database without payments inherits none.
        match newest_payment {
            Some(newest) => set_inherited(connection, here, newest).await,
            None => set_place(connection, here).await,
        }
    })
    .await
}

/// Reads the installation, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn find(connection: &mut Connection) -> Result<Option<Installation>, DbError> {
    Ok(read(connection)
        .await?
        .map(|(installation, _)| installation))
}

async fn read(connection: &mut Connection) -> Result<Option<(Installation, Place)>, DbError> {
    let statement = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM installation.identity"
    ));
    let rows: Vec<Row> = statement.load(connection).await?;
    let row = rows.as_slice().first();
    Ok(row.map(|row| (row.installation(), row.place())))
}

/// Declares that this database replaces the one that it was copied from, which no longer exists. Its payments are
/// settled here from now on.
///
/// # Errors
/// When the database fails.
pub async fn take_over(connection: &mut Connection) -> Result<Installation, DbError> {
    let here = find_place(connection).await?;
    transaction(connection, async |connection| {
        insert(connection, here).await?;
        let row: Row = cached_sql(concat!(
            "UPDATE installation.identity
             SET system_identifier = $1, database_oid = $2, inherited_until = separated_at RETURNING ",
            columns!()
        ))
        .bind::<Nullable<BigInt>, _>(here.system_identifier)
        .bind::<BigInt, _>(here.database_oid)
        .get_result(connection)
        .await?;
        Ok(row.installation())
    })
    .await
}

/// Declares this database a separate installation with a new ID. Its existing payments remain the responsibility of the
/// database that it was copied from.
///
/// # Errors
/// When the database fails.
pub async fn separate(
    connection: &mut Connection,
    newest_payment: Option<DateTime<Utc>>,
) -> Result<Installation, DbError> {
    let here = find_place(connection).await?;
    transaction(connection, async |connection| {
        insert(connection, here).await?;
        let until = inherited_until(connection, newest_payment).await?;
        let row: Row = cached_sql(concat!(
            "UPDATE installation.identity
             SET id = $3, system_identifier = $1, database_oid = $2, inherited_until = $4, separated_at = $4
             RETURNING ",
            columns!()
        ))
        .bind::<Nullable<BigInt>, _>(here.system_identifier)
        .bind::<BigInt, _>(here.database_oid)
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .bind::<Timestamptz, _>(until)
        .get_result(connection)
        .await?;
        Ok(row.installation())
    })
    .await
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    system_identifier: Option<i64>,
    #[diesel(sql_type = BigInt)]
    database_oid: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    inherited_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    separated_at: Option<DateTime<Utc>>,
}

impl Row {
    fn installation(&self) -> Installation {
        Installation {
            id: self.id,
            inherited_until: self.inherited_until,
            separated_at: self.separated_at,
        }
    }

    fn place(&self) -> Place {
        Place {
            system_identifier: self.system_identifier,
            database_oid: self.database_oid,
        }
    }
}

async fn find_place(connection: &mut Connection) -> Result<Place, DbError> {
    #[derive(QueryableByName)]
    struct Oid {
        #[diesel(sql_type = BigInt)]
        database_oid: i64,
        #[diesel(sql_type = Bool)]
        may_ask: bool,
    }
    #[derive(QueryableByName)]
    struct Cluster {
        #[diesel(sql_type = BigInt)]
        system_identifier: i64,
    }

    let found: Oid = cached_sql(
        "SELECT oid::bigint AS database_oid,
             has_function_privilege('pg_catalog.pg_control_system()', 'execute') AS may_ask
         FROM pg_database WHERE datname = current_database()",
    )
    .get_result(connection)
    .await?;
    let system_identifier = if found.may_ask {
        let statement = cached_sql("SELECT system_identifier FROM pg_catalog.pg_control_system()");
        let cluster: Cluster = statement.get_result(connection).await?;
        Some(cluster.system_identifier)
    } else {
        None
    };
    Ok(Place {
        system_identifier,
        database_oid: found.database_oid,
    })
}

async fn insert(connection: &mut Connection, here: Place) -> Result<(), DbError> {
    cached_sql(
        "INSERT INTO installation.identity (id, system_identifier, database_oid) VALUES ($1, $2, $3)
         ON CONFLICT (singleton) DO NOTHING",
    )
    .bind::<SqlUuid, _>(Uuid::now_v7())
    .bind::<Nullable<BigInt>, _>(here.system_identifier)
    .bind::<BigInt, _>(here.database_oid)
    .execute(connection)
    .await?;
    Ok(())
}

async fn lock(connection: &mut Connection) -> Result<(Installation, Place), DbError> {
    let row: Row = cached_sql(concat!(
        "SELECT ",
        columns!(),
        " FROM installation.identity FOR UPDATE"
    ))
    .get_result(connection)
    .await?;
    Ok((row.installation(), row.place()))
}

async fn set_place(connection: &mut Connection, here: Place) -> Result<Installation, DbError> {
    let row: Row = cached_sql(concat!(
        "UPDATE installation.identity SET system_identifier = $1, database_oid = $2 RETURNING ",
        columns!()
    ))
    .bind::<Nullable<BigInt>, _>(here.system_identifier)
    .bind::<BigInt, _>(here.database_oid)
    .get_result(connection)
    .await?;
    Ok(row.installation())
}

/// Returns the current time, or a time just after the newest payment if that is later, because the clock of the server
/// that the database was copied from may be ahead of this one's.
async fn inherited_until(
    connection: &mut Connection,
    newest_payment: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, DbError> {
    #[derive(QueryableByName)]
    struct Clock {
        #[diesel(sql_type = Timestamptz)]
        until: DateTime<Utc>,
    }

    let clock: Clock =
        cached_sql("SELECT greatest(clock_timestamp(), $1 + interval '1 microsecond') AS until")
            .bind::<Nullable<Timestamptz>, _>(newest_payment)
            .get_result(connection)
            .await?;
    Ok(clock.until)
}

async fn set_inherited(
    connection: &mut Connection,
    here: Place,
    newest_payment: DateTime<Utc>,
) -> Result<Installation, DbError> {
    let until = inherited_until(connection, Some(newest_payment)).await?;
    let row: Row = cached_sql(concat!(
        "UPDATE installation.identity
         SET system_identifier = $1, database_oid = $2, inherited_until = $3 RETURNING ",
        columns!()
    ))
    .bind::<Nullable<BigInt>, _>(here.system_identifier)
    .bind::<BigInt, _>(here.database_oid)
    .bind::<Timestamptz, _>(until)
    .get_result(connection)
    .await?;
    Ok(row.installation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_moved_if_its_cluster_or_its_oid_differs() {
        let place = |system_identifier, database_oid| Place {
            system_identifier,
            database_oid,
        };
        let here = place(Some(1), 2);
        assert!(here.may_be(here));
        assert!(!here.may_be(place(Some(1), 3)));
        assert!(!here.may_be(place(Some(2), 2)));
        // The cluster's identifier is unknown.
        assert!(here.may_be(place(None, 2)));
        assert!(!here.may_be(place(None, 3)));
    }
}
