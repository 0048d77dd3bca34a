//! An answer in one of two lengths.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A body with all of a thing, or with as much as the caller needs who may change it and not read it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Disclosed<F, B> {
    /// To those who may read it.
    Full(F),
    /// To all others.
    Brief(B),
}

impl<F, B> Disclosed<F, B> {
    /// The one or the other of what a thing can be shown as.
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
                "The first to credentials that may read it, the second to all others.",
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
