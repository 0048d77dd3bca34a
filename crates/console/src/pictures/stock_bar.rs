//! What the units of a stock level are for.

use std::fmt::Write;

use super::svg::Length;

/// The units of a stock level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockBar {
    /// In the warehouse.
    pub on_hand: i32,
    /// Reserved for orders.
    pub held: i32,
    /// In quarantine.
    pub set_aside: i32,
    /// Kept back from sale.
    pub safety: i32,
    /// What may still be promised to orders.
    pub available: i32,
}

impl StockBar {
    /// What is neither held, set aside nor available: the safety stock, as far as it is there, and what orders wait for.
    fn kept(&self) -> i32 {
        (self.on_hand - self.held - self.set_aside - self.available).max(0)
    }
}

/// Draws what is held, set aside, kept back, available, and missing of the safety stock, in this order.
pub fn stock_bar(bar: &StockBar) -> String {
    let parts = [
        ("held", bar.held),
        ("aside", bar.set_aside),
        ("safety", bar.kept()),
        ("available", bar.available),
        ("missing", bar.safety - bar.kept()),
    ];
    let parts = parts.map(|(class, units)| (class, f64::from(units.max(0))));
    let whole = parts.iter().map(|(_, units)| units).sum::<f64>().max(1.0);
    let mut svg = format!(
        r#"<svg class="stock" role="img"><title>{} on hand: {} held, {} set aside, {} kept back, {} available</title><rect class="ground" width="100%" height="100%"/>"#,
        bar.on_hand, bar.held, bar.set_aside, bar.safety, bar.available
    );
    let mut x = 0.0;
    for (class, units) in parts {
        let width = units / whole * 100.0;
        if width > 0.0 {
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{}%" width="{}%" height="100%"/>"#,
                Length(x),
                // A unit can be seen, however many there are.
                Length(width.max(0.4))
            );
        }
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(on_hand: i32, held: i32, safety: i32, available: i32) -> StockBar {
        StockBar {
            on_hand,
            held,
            set_aside: 0,
            safety,
            available,
        }
    }

    #[test]
    fn parts_fill_the_bar() {
        insta::assert_snapshot!(stock_bar(&StockBar {
            set_aside: 5,
            ..bar(100, 25, 10, 60)
        }));
    }

    #[test]
    fn what_is_missing_of_the_safety_stock_is_shown() {
        insta::assert_snapshot!(stock_bar(&bar(10, 8, 5, 0)));
    }

    #[test]
    fn an_empty_level_is_an_empty_bar() {
        assert!(!stock_bar(&bar(0, 0, 0, 0)).contains("%\" width"));
    }

    #[test]
    fn one_unit_of_many_is_visible() {
        let drawn = stock_bar(&bar(1_000_000, 1, 0, 999_999));
        assert!(
            drawn.contains(r#"class="held" x="0%" width="0.4%""#),
            "{drawn}"
        );
    }
}
