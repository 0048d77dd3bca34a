//! Hand-written SQL that is prepared once per connection.
//!
//! `diesel::sql_query` marks itself as unsafe to cache, so that every call parses the text again and costs a second
//! round trip. This is the same without the mark: the statement cache keys on the text and the types of its binds,
//! so the text has to be `'static`, which also keeps values out of it.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement without binds yet. See [`cached_sql`].
#[derive(Clone, Copy, Debug)]
pub struct CachedSql(&'static str);

/// Starts a statement. Write `$1`, `$2`, … in the text and call `bind` once for each, in order.
///
/// Rows are read by column name, into types that derive `diesel::QueryableByName`.
pub fn cached_sql(text: &'static str) -> CachedSql {
    CachedSql(text)
}

impl CachedSql {
    pub(crate) fn as_str(&self) -> &'static str {
        self.0
    }

    /// Gives `$1` its value.
    pub fn bind<ST, V>(self, value: V) -> CachedSqlWithBind<Self, V, ST> {
        CachedSqlWithBind {
            statement: self,
            value,
            sql_type: PhantomData,
        }
    }
}

/// A statement with at least one bind.
#[derive(Clone, Copy, Debug)]
pub struct CachedSqlWithBind<Statement, V, ST> {
    statement: Statement,
    value: V,
    sql_type: PhantomData<ST>,
}

impl<Statement, V, ST> CachedSqlWithBind<Statement, V, ST> {
    pub(crate) fn before(&self) -> &Statement {
        &self.statement
    }

    /// Gives the next placeholder its value.
    pub fn bind<NextST, NextV>(self, value: NextV) -> CachedSqlWithBind<Self, NextV, NextST> {
        CachedSqlWithBind {
            statement: self,
            value,
            sql_type: PhantomData,
        }
    }
}

impl<DB: Backend> QueryFragment<DB> for CachedSql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        // diesel writes a placeholder for every bind; ours already stand in the text, so its own go into a comment.
        out.push_sql("\n--");
        Ok(())
    }
}

impl<Statement, V, ST, DB> QueryFragment<DB> for CachedSqlWithBind<Statement, V, ST>
where
    DB: Backend + HasSqlType<ST>,
    Statement: QueryFragment<DB>,
    V: ToSql<ST, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out.reborrow())?;
        out.push_bind_param::<ST, V>(&self.value)
    }
}

impl QueryId for CachedSql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Statement, V, ST> QueryId for CachedSqlWithBind<Statement, V, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for CachedSql {
    type SqlType = Untyped;
}

impl<Statement, V, ST> Query for CachedSqlWithBind<Statement, V, ST> {
    type SqlType = Untyped;
}

impl<C> diesel::query_dsl::RunQueryDsl<C> for CachedSql {}
impl<C, Statement, V, ST> diesel::query_dsl::RunQueryDsl<C>
    for CachedSqlWithBind<Statement, V, ST>
{
}
