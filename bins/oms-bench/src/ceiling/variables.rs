//! The values that change from order to order, as pgbench's variables.

use std::fmt::Write;

use uuid::Uuid;

use super::literal::Varying;
use crate::dataset::{Dataset, PRODUCT_PREFIX, WAREHOUSE_PREFIX, number_of};
use crate::workload::{JITTER, Lines, Near, Scene};

/// The order that was placed to capture its statements.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) order_id: Uuid,
    pub(crate) key: &'a str,
    /// Latitude and longitude.
    pub(crate) place: (f64, f64),
    /// Its products, in line order.
    pub(crate) products: Vec<Uuid>,
    /// IDs that are the same in every order.
    pub(crate) fixed: Vec<Uuid>,
}

/// Sets pgbench's variables, which describe an order. `n` counts a client's transactions, from a start that the command
/// line gives.
pub(super) fn settings(sample: &Sample<'_>) -> String {
    let Scene { dataset, demand } = sample.scene;
    let Dataset {
        products,
        grid,
        stocked: (first, last),
        ..
    } = dataset;
    let mut text = String::from("\\set n :n + 1\n");
    let mut set = |name: &str, value: String| {
        writeln!(text, "\\set {name} {value}").expect("writing to a string can't fail");
    };
    match demand.near {
        Near::Any => {
            set("w", format!("random({first}, {last})"));
            set("i", ":w - 1".to_owned());
        }
        Near::First => {
            set("w", first.to_string());
            set("i", "0".to_owned());
        }
    }
    let shift = |step: f64| format!("random(-1000, 1000) * {}", JITTER * step / 1000.0);
    let rows = grid.rows;
    set(
        "lat",
        format!(
            "{:.6} + (:i % {rows}) * {} + {}",
            grid.lat,
            grid.lat_step,
            shift(grid.lat_step)
        ),
    );
    set(
        "lng",
        format!(
            "{:.6} + (:i / {rows}) * {} + {}",
            grid.lng,
            grid.lng_step,
            shift(grid.lng_step)
        ),
    );
    if let Lines::Random(count) = demand.lines {
        // Each line draws from its own share of the products, so no product is drawn twice.
        let share = products / count;
        for line in 0..count {
            set(
                &format!("p{line}"),
                format!("random({}, {})", line * share + 1, (line + 1) * share),
            );
        }
    } else {
        set("p0", "1".to_owned());
    }
    text
}

/// Returns a `:name` that pgbench would replace although it is not one of our variables.
pub(super) fn stray(text: &str) -> Option<String> {
    let is_line = |name: &str| {
        let number = name.strip_prefix('p');
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let ours =
        |name: &str| matches!(name, "n" | "w" | "lat" | "lng" | "client_id") || is_line(name);
    let mut before = ' ';
    for (place, letter) in text.char_indices() {
        if letter == ':' && before != ':' {
            let rest = &text[place + 1..];
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if !name.is_empty() && !ours(&name) {
                return Some(name);
            }
        }
        before = letter;
    }
    None
}

/// The IDs of the sampled order, and their replacements in the script.
pub(super) struct Ids<'a> {
    sample: &'a Sample<'a>,
    place: String,
    /// IDs that the server generated for this order.
    fresh: Vec<Uuid>,
    /// Whether a value of the order was replaced.
    pub(super) met: bool,
}

impl<'a> Ids<'a> {
    pub(super) fn of(sample: &'a Sample<'a>) -> Self {
        Self {
            sample,
            place: point(sample.place),
            fresh: vec![sample.order_id],
            met: false,
        }
    }

    /// In time order like the server's, so that they are appended to the same end of every index.
    fn fresh(&mut self, id: Uuid) -> String {
        let known = self.fresh.iter().position(|known| *known == id);
        let place = known.unwrap_or_else(|| {
            self.fresh.push(id);
            self.fresh.len() - 1
        });
        self.met |= known.is_some();
        format!(
            "(lpad(to_hex(:n::bigint), 12, '0') || '7{place:03x}8000' || lpad(to_hex(:client_id::bigint), 12, '0'))::uuid"
        )
    }
}

impl Varying for Ids<'_> {
    fn id(&mut self, id: Uuid) -> Option<String> {
        if self.sample.fixed.contains(&id) {
            return None;
        }
        if number_of(WAREHOUSE_PREFIX, id).is_some() {
            self.met = true;
            return Some(format!(
                "('{WAREHOUSE_PREFIX}' || lpad(to_hex(:w::bigint), 12, '0'))::uuid"
            ));
        }
        if number_of(PRODUCT_PREFIX, id).is_some() {
            let line = self
                .sample
                .products
                .iter()
                .position(|product| *product == id)?;
            self.met = true;
            return Some(format!(
                "('{PRODUCT_PREFIX}' || lpad(to_hex(:p{line}::bigint), 12, '0'))::uuid"
            ));
        }
        Some(self.fresh(id))
    }

    fn whole(&mut self, text: &str) -> Option<String> {
        if text == self.sample.key {
            self.met = true;
            return Some("('bench-' || :n::bigint || '-' || :client_id::bigint)".to_owned());
        }
        (text == self.place).then(|| {
            self.met = true;
            "ST_SetSRID(ST_MakePoint(:lng::float8, :lat::float8), 4326)::geography".to_owned()
        })
    }
}

/// A geography point as PostGIS writes it: little-endian EWKB in hexadecimal, with its system 4326.
fn point((lat, lng): (f64, f64)) -> String {
    let mut text = String::from("0101000020E6100000");
    for byte in lng.to_le_bytes().into_iter().chain(lat.to_le_bytes()) {
        write!(text, "{byte:02X}").expect("writing to a string can't fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_the_format_of_postgis() {
        assert_eq!(
            point((2.0, 1.0)),
            "0101000020E6100000000000000000F03F0000000000000040"
        );
    }

    #[test]
    fn only_our_own_variables_may_be_in_a_statement() {
        assert_eq!(stray("SELECT :n::bigint, ':p0', a::text"), None);
        assert_eq!(stray("SELECT '12:30'").as_deref(), Some("30"));
        assert_eq!(stray("SELECT 'to:pay'").as_deref(), Some("pay"));
    }
}
