//! Discounts, taxes, shipping and fees, as the storefront computed them.

use oms_validation::newer_word;

/// Maximum number of adjustments of an order.
pub(crate) const MAX_ADJUSTMENTS: usize = 500;

/// What an adjustment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdjustmentKind {
    /// Takes something off. Its amount is negative.
    Discount,
    /// A tax, on top of the prices or included in them.
    Tax,
    /// A charge for shipping.
    Shipping,
    /// Any other charge, such as gift wrapping.
    Fee,
    /// Customs duty.
    Duty,
    /// Stored by a newer version of the program.
    Other(&'static str),
}

/// What an adjustment applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdjustmentScope {
    /// One line, by its number, which begins with 1.
    Line(i32),
    /// The whole order. Discounts and taxes are apportioned among its lines.
    Order,
    /// Shipping.
    Shipping,
    /// Stored by a newer version of the program.
    Other(&'static str),
}

/// An adjustment of an order's total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// What it is for.
    pub kind: AdjustmentKind,
    /// What it applies to.
    pub scope: AdjustmentScope,
    /// In minor units of the order's currency. Negative for a discount, and only then.
    pub amount_minor: i64,
    /// Whether the prices contain it already; only a tax may be included. It then changes no total.
    pub included: bool,
    /// What the customer reads, 1–200 characters.
    pub label: String,
    /// The coupon, the tax code or the like, 1–100 characters.
    pub code: Option<String>,
    /// The rate in millionths, for invoices: 190,000 is 19 %.
    pub rate_ppm: Option<i32>,
}

impl AdjustmentKind {
    /// All kinds of this version.
    pub const ALL: [Self; 5] = [
        Self::Discount,
        Self::Tax,
        Self::Shipping,
        Self::Fee,
        Self::Duty,
    ];

    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Tax => "tax",
            Self::Shipping => "shipping",
            Self::Fee => "fee",
            Self::Duty => "duty",
            Self::Other(word) => word,
        }
    }

    /// Reads the stored text, also if a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|kind| kind.as_str() == text);
        found.unwrap_or_else(|| Self::Other(newer_word(text)))
    }
}

impl AdjustmentScope {
    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line(_) => "line",
            Self::Order => "order",
            Self::Shipping => "shipping",
            Self::Other(word) => word,
        }
    }

    /// Reads the stored text and number of a line, also if a newer version of the program wrote them.
    pub(crate) fn stored(text: &str, line: Option<i32>) -> Self {
        match (text, line) {
            ("line", Some(number)) => Self::Line(number),
            ("order", _) => Self::Order,
            ("shipping", _) => Self::Shipping,
            (word, _) => Self::Other(newer_word(word)),
        }
    }

    /// The number of the line, if it is one.
    pub const fn line(self) -> Option<i32> {
        match self {
            Self::Line(number) => Some(number),
            Self::Order | Self::Shipping | Self::Other(_) => None,
        }
    }
}

impl Adjustment {
    /// The amount by which it changes the total.
    pub fn change_minor(&self) -> i64 {
        match self.included {
            true => 0,
            false => self.amount_minor,
        }
    }
}
