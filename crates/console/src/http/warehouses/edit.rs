//! `GET` and `POST /console/warehouses/{id}`: shows and changes a warehouse. A change is for the version that the operator
//! saw; if somebody else was faster, the page shows what they wrote, and keeps what was typed.

use actix_web::http::StatusCode;
use askama::Template;
use oms_errors::{Problem, invalid_field};
use oms_inventory::{
    AddressLine, InventoryError, Name, Warehouse, WarehouseChange, change_warehouse, get_warehouse,
};
use oms_validation::{Location, Scope, WarehouseId};

use super::{id_of, picture, place_of};
use crate::display;
use crate::http::form::Form;
use crate::http::frame::{Frame, Section};
use crate::http::listing::explained;
use crate::http::notice::Notice;
use crate::http::page::{Answer, page_with, see};
use crate::http::page_request::PageRequest;
use crate::pictures::Shape;

#[derive(Template)]
#[template(path = "warehouse.html")]
struct WarehousePage {
    frame: Frame,
    notice: Option<Notice>,
    id: String,
    name: String,
    is_active: bool,
    created: String,
    changed: String,
    version: i32,
    map: String,
    may_change: bool,
    fields: Fields,
    /// What somebody else wrote meanwhile: the field, and its value now.
    theirs: Vec<(&'static str, String)>,
}

/// The fields of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    name: String,
    address: String,
    place: String,
    is_active: bool,
}

/// `GET /console/warehouses/{id}`.
pub(in crate::http) async fn show(request: Box<PageRequest>) -> Answer {
    let warehouse = read(&request, id_of(request.id())?).await?;
    let done = request.query().text("done");
    let notice = done.filter(|word| *word == "changed");
    let notice = notice.map(|_| Notice::done("The warehouse was changed."));
    let (status, fields) = (StatusCode::OK, Fields::of(&warehouse));
    answer(&request, &warehouse, status, notice, fields, Vec::new())
}

/// `POST /console/warehouses/{id}`. Needs no idempotency key: the form is for one version, and a warehouse that is already
/// as the form has it stays so.
pub(in crate::http) async fn change(request: Box<PageRequest>) -> Answer {
    let (form, operator) = (request.form()?, request.operator()?);
    operator.require(Scope::InventoryRead)?;
    let id = id_of(request.id())?;
    let mut before = read(&request, id).await?;
    let typed = Fields::typed(form);
    let done = format!("/console/warehouses/{id}?done=changed");
    let (inventory, tenant) = (&request.console.inventory, operator.tenant());
    let tried = async {
        let (expected, change) = (form.version()?, typed.change(&before)?);
        Ok(change_warehouse(inventory, tenant, id, &expected, change).await)
    };
    let (status, notice, theirs) = match tried.await {
        Ok(Ok(_)) => return see(&done),
        Ok(Err(InventoryError::Changed { .. })) => {
            before = read(&request, id).await?;
            let theirs = typed.differing_from(&Fields::of(&before));
            if theirs.is_empty() {
                return see(&done);
            }
            let notice = Notice {
                tone: "wait",
                title: "Somebody else has changed this warehouse.",
                text: "What you typed is still in the form. Save again to overwrite what differs."
                    .to_owned(),
            };
            (StatusCode::PRECONDITION_FAILED, notice, theirs)
        }
        Ok(Err(error)) => {
            let (status, problem) = explained(error.into())?;
            (status, Notice::of_problem(&problem), Vec::new())
        }
        Err(problem) => {
            let (status, problem) = explained(problem)?;
            (status, Notice::of_problem(&problem), Vec::new())
        }
    };
    answer(&request, &before, status, Some(notice), typed, theirs)
}

async fn read(request: &PageRequest, id: WarehouseId) -> Result<Warehouse, Problem> {
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    Ok(get_warehouse(inventory, tenant, id).await?)
}

fn answer(
    request: &PageRequest,
    warehouse: &Warehouse,
    status: StatusCode,
    notice: Option<Notice>,
    fields: Fields,
    theirs: Vec<(&'static str, String)>,
) -> Answer {
    let name = warehouse.name.as_str();
    let page = WarehousePage {
        frame: request.frame(Section::Warehouses, name),
        notice,
        id: warehouse.id.to_string(),
        name: name.to_owned(),
        is_active: warehouse.active,
        created: display::time(warehouse.created_at),
        changed: display::time(warehouse.updated_at),
        version: warehouse.version,
        map: picture(name, std::slice::from_ref(warehouse), Shape::Small),
        may_change: request.operator()?.may(Scope::InventoryWrite),
        fields,
        theirs,
    };
    page_with(status, &page)
}

impl Fields {
    fn of(warehouse: &Warehouse) -> Self {
        let address = warehouse.address.as_ref();
        Self {
            name: warehouse.name.as_str().to_owned(),
            address: address.map_or_else(String::new, |it| it.as_str().to_owned()),
            place: place_of(warehouse),
            is_active: warehouse.active,
        }
    }

    fn typed(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            address: text("address"),
            place: text("place"),
            is_active: form.is_ticked("active"),
        }
    }

    /// The change from a warehouse to these fields. A new address without a place is located.
    fn change(&self, before: &Warehouse) -> Result<WarehouseChange, Problem> {
        let old = Self::of(before);
        let name = Name::parse(&self.name);
        let name = name.map_err(|error| invalid_field("name", error.to_string()))?;
        let address = match self.address.as_str() {
            text if text == old.address => None,
            "" => return Err(invalid_field("address", "can be replaced, but not removed")),
            text => {
                let address = AddressLine::parse(text);
                Some(address.map_err(|error| invalid_field("address", error.to_string()))?)
            }
        };
        let location = match self.place.as_str() {
            "" if address.is_some() => None,
            text if text == old.place => address.is_some().then_some(before.location),
            text => Some(location(text)?),
        };
        Ok(WarehouseChange {
            name: Some(name),
            address,
            location,
            active: Some(self.is_active),
        })
    }

    /// The fields that differ from what is stored now.
    fn differing_from(&self, now: &Self) -> Vec<(&'static str, String)> {
        let state = |is_active| match is_active {
            true => "active",
            false => "switched off",
        };
        let fields = [
            ("Name", &self.name, now.name.clone()),
            ("Address", &self.address, now.address.clone()),
            ("Latitude, longitude", &self.place, now.place.clone()),
            (
                "State",
                &state(self.is_active).to_owned(),
                state(now.is_active).to_owned(),
            ),
        ];
        let differing = fields.into_iter().filter(|(_, typed, now)| **typed != *now);
        differing.map(|(label, _, now)| (label, now)).collect()
    }
}

/// Reads `33.7578, -84.3876`.
fn location(text: &str) -> Result<Location, Problem> {
    let invalid = || {
        invalid_field(
            "place",
            "must be a latitude and a longitude, such as 33.7578, -84.3876",
        )
    };
    let (lat, lng) = text.split_once(',').ok_or_else(invalid)?;
    match (lat.trim().parse(), lng.trim().parse()) {
        (Ok(lat), Ok(lng)) => {
            Location::new(lat, lng).map_err(|error| invalid_field("place", error.to_string()))
        }
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_latitude_and_a_longitude() {
        let place = location(" 33.7578 ,-84.3876").unwrap();
        assert!((place.lat() - 33.7578).abs() < 1e-9 && (place.lng() + 84.3876).abs() < 1e-9);
        for text in ["", "33.7", "x, y", "91, 0", "NaN, 0"] {
            assert!(location(text).is_err(), "{text}");
        }
    }
}
