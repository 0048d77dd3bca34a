//! The filters of the list of orders, as they stand in its address, in a form and in a saved view.

use chrono::{DateTime, NaiveDate, Utc};
use oms_errors::Problem;
use oms_orders::{ExternalReference, OrderFilter, OrderListing, OrderSort, OrderStatus};

use crate::http::form::Form;
use crate::http::listing::{address, read};

/// The filters, as they stand in the address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(super) status: String,
    pub(super) customer: String,
    pub(super) warehouse: String,
    pub(super) reference: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) disputed: String,
    pub(super) sort: String,
    pub(super) after: String,
}

impl Wanted {
    /// Reads the filters.
    ///
    /// # Errors
    /// 400 that names the field.
    pub(super) fn listing(&self) -> Result<OrderListing, Problem> {
        let filter = OrderFilter {
            status: read("status", &self.status, OrderStatus::parse)?,
            customer_id: read("customer", &self.customer, |it| it.parse().ok())?,
            warehouse_id: read("warehouse", &self.warehouse, |it| it.parse().ok())?,
            created_from: read("from", &self.from, start_of)?,
            created_to: read("to", &self.to, end_of)?,
            external_reference: read("reference", &self.reference, |it| {
                ExternalReference::parse(it).ok()
            })?,
            disputed: read("disputed", &self.disputed, |it| match it {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            })?,
        };
        let sort = match self.sort.as_str() {
            "oldest" => OrderSort::OldestFirst,
            _ => OrderSort::NewestFirst,
        };
        Ok(OrderListing { filter, sort })
    }

    /// Takes the filters from a form or an address.
    pub(super) fn of_form(form: &Form) -> Self {
        let text = |name| form.value(name).to_owned();
        Self {
            status: text("status"),
            customer: text("customer"),
            warehouse: text("warehouse"),
            reference: text("reference"),
            from: text("from"),
            to: text("to"),
            disputed: text("disputed"),
            sort: text("sort"),
            ..Self::default()
        }
    }

    /// Takes the filters from a saved view.
    pub(super) fn of_query(query: &str) -> Self {
        let fields = Form::parse(query.as_bytes());
        Self::of_form(&fields)
    }

    /// The fields that are filled in.
    pub(super) fn filled(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("status", self.status.as_str()),
            ("customer", &self.customer),
            ("warehouse", &self.warehouse),
            ("reference", &self.reference),
            ("from", &self.from),
            ("to", &self.to),
            ("disputed", &self.disputed),
            ("sort", &self.sort),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// The query of the first page, which is that of a view.
    pub(super) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.filled());
        query.finish()
    }

    /// The address of the page, from where it continues.
    pub(super) fn address(&self) -> String {
        self.address_with("after", &self.after)
    }

    /// The address of the first page, with a word that says what was just done.
    pub(super) fn address_after(&self, done: &str) -> String {
        self.address_with("done", done)
    }

    fn address_with(&self, name: &str, value: &str) -> String {
        let mut fields = self.filled();
        fields.push((name, value));
        address("/console/orders", &fields)
    }
}

fn start_of(day: &str) -> Option<DateTime<Utc>> {
    let day: NaiveDate = day.parse().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn end_of(day: &str) -> Option<DateTime<Utc>> {
    let day: NaiveDate = day.parse().ok()?;
    Some(day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_what_is_filtered_and_nothing_else() {
        let mut wanted = Wanted::default();
        assert_eq!(wanted.address(), "/console/orders");
        wanted.reference = "A 17&x=<b>".to_owned();
        let query = "reference=A+17%26x%3D%3Cb%3E";
        assert_eq!(wanted.address(), format!("/console/orders?{query}"));
        assert_eq!(
            wanted.address_after("saved"),
            format!("/console/orders?{query}&done=saved")
        );
        wanted.after = "x".to_owned();
        assert_eq!(wanted.query(), query);
        assert_eq!(Wanted::of_query(query).reference, wanted.reference);
    }

    #[test]
    fn the_last_day_of_a_span_is_in_it() {
        let to = end_of("2026-11-30").unwrap();
        assert_eq!(to.to_string(), "2026-12-01 00:00:00 UTC");
        assert_eq!(
            start_of("2026-11-30").unwrap().to_string(),
            "2026-11-30 00:00:00 UTC"
        );
        assert_eq!(start_of("30.11.2026"), None);
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_refused() {
        for (status, from) in [("PAYED", ""), ("", "yesterday")] {
            let wanted = Wanted {
                status: status.to_owned(),
                from: from.to_owned(),
                ..Wanted::default()
            };
            assert!(wanted.listing().is_err(), "{wanted:?}");
        }
        assert!(Wanted::default().listing().is_ok());
    }
}
