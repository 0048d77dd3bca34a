//! The parameters of lists: <https://docs.stripe.com/api/pagination> and `created[…]`.

use crate::{
    api_error::ApiError,
    collection::{Cursor, Page},
    params::Params,
};

/// Bounds on the creation time of a list's objects, in Unix seconds, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Created {
    /// Whether this time is within the bounds.
    pub(crate) fn contains(&self, time: i64) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// Takes the event types that a list is limited to: `type`, or `types[]`.
pub(crate) fn kinds(params: &mut Params) -> Vec<String> {
    let mut kinds = params.take_list("types");
    kinds.extend(params.take("type"));
    kinds
}

/// Takes `limit` and the cursors.
///
/// # Errors
/// 400 for a limit outside 1–100 or for both cursors.
pub(crate) fn page(params: &mut Params) -> Result<Page, ApiError> {
    let limit = match params.take_integer("limit")? {
        None => 10,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| {
                ApiError::parameter("limit", "limit must be between 1 and 100.")
                    .with_code("parameter_invalid_integer")
            })?,
    };
    let cursor = match (params.take("starting_after"), params.take("ending_before")) {
        (None, None) => Cursor::Newest,
        (Some(id), None) => Cursor::StartingAfter(id),
        (None, Some(id)) => Cursor::EndingBefore(id),
        (Some(_), Some(_)) => {
            let message = "You cannot parameterize both starting_after and ending_before.";
            return Err(ApiError::invalid_request(400, message));
        }
    };
    Ok(Page { limit, cursor })
}

/// Takes the bounds on the creation time.
///
/// # Errors
/// 400 when one is not an integer.
pub(crate) fn created(params: &mut Params) -> Result<Created, ApiError> {
    let mut bounds = Created {
        from: i64::MIN,
        to: i64::MAX,
    };
    if let Some(exactly) = params.take_integer("created")? {
        bounds = Created {
            from: exactly,
            to: exactly,
        };
    }
    let mut nested = params.take_nested("created");
    if let Some(gte) = nested.take_integer("gte")? {
        bounds.from = bounds.from.max(gte);
    }
    if let Some(gt) = nested.take_integer("gt")? {
        bounds.from = bounds.from.max(gt.saturating_add(1));
    }
    if let Some(lte) = nested.take_integer("lte")? {
        bounds.to = bounds.to.min(lte);
    }
    if let Some(lt) = nested.take_integer("lt")? {
        bounds.to = bounds.to.min(lt.saturating_sub(1));
    }
    nested.finish("created")?;
    Ok(bounds)
}
