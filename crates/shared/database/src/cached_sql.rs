//! Hand-written SQL that is prepared once per connection.
//!
//! `diesel::sql_query` marks itself as unsafe to cache, so every call parses the text again and costs a second round
//! trip. This is the same without the mark. The statement cache uses the text and the bind types as its key, so the
//! text must be `'static`, which also keeps values out of it.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement without binds yet. See [`cached_sql`].
#[derive(Clone, Copy, Debug)]
pub struct CachedSql {
    text: &'static str,
    #[cfg(debug_assertions)]
    caller: &'static std::panic::Location<'static>,
}

/// Starts a statement. Write `$1`, `$2`, … in the text and call `bind` once for each, in order.
///
/// Rows are read by column name, into types that derive `diesel::QueryableByName`.
#[cfg_attr(debug_assertions, track_caller)]
pub fn cached_sql(text: &'static str) -> CachedSql {
    let statement = CachedSql {
        text,
        #[cfg(debug_assertions)]
        caller: std::panic::Location::caller(),
    };
    note(&statement);
    statement
}

impl CachedSql {
    pub(crate) fn as_str(&self) -> &'static str {
        self.text
    }

    /// Binds the value of `$1`.
    pub fn bind<ST, V>(self, value: V) -> CachedSqlWithBind<Self, V, ST> {
        let bound = CachedSqlWithBind {
            statement: self,
            value,
            sql_type: PhantomData,
        };
        note(&bound);
        bound
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
}

impl<Statement: Bound, V, ST> CachedSqlWithBind<Statement, V, ST> {
    /// Binds the value of the next placeholder.
    pub fn bind<NextST, NextV>(self, value: NextV) -> CachedSqlWithBind<Self, NextV, NextST> {
        let bound = CachedSqlWithBind {
            statement: self,
            value,
            sql_type: PhantomData,
        };
        note(&bound);
        bound
    }
}

/// A statement with the types of its binds.
pub trait Bound {
    /// The statement itself.
    #[cfg(debug_assertions)]
    fn statement(&self) -> CachedSql;
    /// Appends the types of its binds, in order.
    #[cfg(debug_assertions)]
    fn add_types(types: &mut Vec<&'static str>);
}

impl Bound for CachedSql {
    #[cfg(debug_assertions)]
    fn statement(&self) -> CachedSql {
        *self
    }

    #[cfg(debug_assertions)]
    fn add_types(_: &mut Vec<&'static str>) {}
}

impl<Statement: Bound, V, ST> Bound for CachedSqlWithBind<Statement, V, ST> {
    #[cfg(debug_assertions)]
    fn statement(&self) -> CachedSql {
        self.statement.statement()
    }

    #[cfg(debug_assertions)]
    fn add_types(types: &mut Vec<&'static str>) {
        Statement::add_types(types);
        types.push(std::any::type_name::<ST>());
    }
}

/// Debug builds log the statements that they run, for the rules that `cargo xtask test` checks.
#[cfg(debug_assertions)]
fn note<B: Bound>(bound: &B) {
    if !crate::statement_log::is_wanted() {
        return;
    }
    let mut types = Vec::new();
    B::add_types(&mut types);
    let CachedSql { text, caller } = bound.statement();
    crate::statement_log::note(caller, text, &types);
}

#[cfg(not(debug_assertions))]
fn note<B>(_: &B) {}

impl<DB: Backend> QueryFragment<DB> for CachedSql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.text);
        // diesel appends a placeholder for every bind. The text already has its own, so diesel's go into a comment.
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
