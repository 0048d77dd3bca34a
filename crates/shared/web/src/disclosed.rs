//! Answers that are full or brief.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The full representation of a resource, or a brief one for callers that may change the resource but not read it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Disclosed<F, B> {
    /// For callers that may read it.
    Full(F),
    /// For all other callers.
    Brief(B),
}

impl<F, B> Disclosed<F, B> {
    /// Converts a resource to the full or the brief representation.
    pub fn of<T: Into<F> + Into<B>>(thing: T, may_read: bool) -> Self {
        match may_read {
            true => Self::Full(thing.into()),
            false => Self::Brief(thing.into()),
        }
    }
}

impl<F: ToSchema, B: ToSchema> PartialSchema for Disclosed<F, B> {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(F::name()))
            .item(Ref::from_schema_name(B::name()))
            .description(Some(
                "The first for credentials that may read the resource, the second for all others.",
            ))
            .into()
    }
}

impl<F: ToSchema, B: ToSchema> ToSchema for Disclosed<F, B> {
    fn name() -> Cow<'static, str> {
        format!("{}Or{}", F::name(), B::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((F::name().into_owned(), F::schema()));
        schemas.push((B::name().into_owned(), B::schema()));
        F::schemas(schemas);
        B::schemas(schemas);
    }
}
