//! What the units of a stock level are for.

use std::fmt::Write;

use super::svg::Length;

/// The units of a stock level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockBar {
    /// In the warehouse.
    pub on_hand: i64,
    /// Reserved for orders; at most `on_hand`.
    pub held: i64,
    /// Kept back from sale.
    pub safety: i64,
    /// What the whole width stands for, such as the largest level of a page; less than the level itself counts as that.
    pub width_of: i64,
}

impl StockBar {
    /// What is left to sell.
    pub fn available(&self) -> i64 {
        (self.on_hand - self.held - self.safety).max(0)
    }

    /// What is missing of the safety stock.
    fn missing(&self) -> i64 {
        (self.held + self.safety - self.on_hand).clamp(0, self.safety)
    }
}

/// Draws what is held, kept back, available, and missing of the safety stock, in this order.
pub fn stock_bar(bar: &StockBar) -> String {
    let missing = bar.missing();
    let parts = [
        ("held", bar.held),
        ("safety", bar.safety - missing),
        ("available", bar.available()),
        ("missing", missing),
    ];
    let sum = parts.iter().map(|(_, units)| (*units).max(0)).sum::<i64>();
    let whole = as_f64(sum.max(bar.width_of).max(1));
    let mut svg = format!(
        r#"<svg class="stock" role="img"><title>{} on hand: {} held, {} kept back, {} available</title><rect class="ground" width="100%" height="100%"/>"#,
        bar.on_hand,
        bar.held,
        bar.safety,
        bar.available()
    );
    let mut x = 0.0;
    for (class, units) in parts {
        let width = as_f64(units.max(0)) / whole * 100.0;
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

/// Units of a level, of which there are fewer than 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a picture needs three digits of a number of units"
)]
fn as_f64(units: i64) -> f64 {
    units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(on_hand: i64, held: i64, safety: i64) -> StockBar {
        StockBar {
            on_hand,
            held,
            safety,
            width_of: 0,
        }
    }

    #[test]
    fn parts_fill_the_bar() {
        insta::assert_snapshot!(stock_bar(&bar(100, 25, 10)));
    }

    #[test]
    fn what_is_missing_of_the_safety_stock_is_shown() {
        insta::assert_snapshot!(stock_bar(&bar(10, 8, 5)));
    }

    #[test]
    fn an_empty_level_is_an_empty_bar() {
        assert!(!stock_bar(&bar(0, 0, 0)).contains("%\" width"));
    }

    #[test]
    fn levels_can_share_a_scale() {
        let drawn = stock_bar(&StockBar {
            width_of: 200,
            ..bar(100, 0, 0)
        });
        assert!(
            drawn.contains(r#"class="available" x="0%" width="50%""#),
            "{drawn}"
        );
    }

    #[test]
    fn available_is_never_negative() {
        assert_eq!(bar(10, 8, 5).available(), 0);
        assert_eq!(bar(10, 2, 5).available(), 3);
    }
}
