//! Endpoints of fulfilment orders and shipments that change stock or the order's timeline.

pub(super) mod batch;
pub(super) mod cancel;
pub(super) mod create;
pub(super) mod deliver;
pub(super) mod hold;
pub(super) mod of_order;
pub(super) mod release;
pub(super) mod ship;
pub(super) mod track;
pub(super) mod work;

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{
    CarrierName, InvalidUnits, MAX_PARCELS, NewParcel, TrackingNumber, TrackingUrl, Units,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

/// A parcel of a new shipment.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewParcel)]
struct ParcelRequest {
    carrier: CarrierName,
    /// The carrier's service.
    service: Option<CarrierName>,
    tracking_number: Option<TrackingNumber>,
    tracking_url: Option<TrackingUrl>,
}

/// Units of a line.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UnitsOfLine)]
pub(super) struct LineRequest {
    /// The line's number in the order, from 1.
    #[validate(range(min = 1, max = 100, message = "must be between 1 and 100"))]
    #[schema(minimum = 1, maximum = 100)]
    line: i32,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
}

/// Checks parcels: at most 20.
fn parcels_of(parcels: Option<Vec<ParcelRequest>>) -> Result<Vec<NewParcel>, Problem> {
    let parcels = parcels.unwrap_or_default();
    if parcels.len() > MAX_PARCELS {
        return Err(invalid_field(
            "parcels",
            format!("must have at most {MAX_PARCELS} entries"),
        ));
    }
    let parcel = |it: ParcelRequest| NewParcel {
        carrier: it.carrier,
        service: it.service,
        tracking_number: it.tracking_number,
        tracking_url: it.tracking_url,
    };
    Ok(parcels.into_iter().map(parcel).collect())
}

/// Checks lines, if there are any.
pub(super) fn units_of(lines: Option<&[LineRequest]>) -> Result<Option<Units>, Problem> {
    let Some(lines) = lines else {
        return Ok(None);
    };
    let pairs: Vec<(i32, i64)> = lines.iter().map(|it| (it.line, it.quantity)).collect();
    let units = Units::new(&pairs).map_err(|error| {
        let field = match error {
            InvalidUnits::Count => "lines".to_owned(),
            InvalidUnits::Quantity(place) => format!("lines[{place}].quantity"),
            InvalidUnits::Twice(place) => format!("lines[{place}].line"),
        };
        invalid_field(field, error.to_string())
    })?;
    Ok(Some(units))
}
