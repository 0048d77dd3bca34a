//! Where the pages of lists end that are in the order of their keys.

use std::fmt;
use std::str::FromStr;

use oms_validation::InvalidCursor;
use uuid::Uuid;

/// The key, of `N` ids, of a page's last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<const N: usize = 1>(pub(crate) [Uuid; N]);

/// Hexadecimal digits of an id.
const ID_LENGTH: usize = 32;

impl<const N: usize> fmt::Display for Cursor<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|id| write!(f, "{}", id.simple()))
    }
}

impl<const N: usize> FromStr for Cursor<N> {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != N * ID_LENGTH || !text.bytes().all(is_hex) {
            return Err(InvalidCursor);
        }
        let mut ids = [Uuid::nil(); N];
        for (place, id) in ids.iter_mut().enumerate() {
            let digits = &text[place * ID_LENGTH..(place + 1) * ID_LENGTH];
            *id = Uuid::try_parse(digits).map_err(|_| InvalidCursor)?;
        }
        Ok(Self(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor([Uuid::from_u128(0xABC), Uuid::from_u128(7)]);
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        let upper_case = text.to_uppercase();
        for wrong in ["", "x", &text[1..], &upper_case, &text[..ID_LENGTH]] {
            assert_eq!(wrong.parse::<Cursor<2>>(), Err(InvalidCursor), "{wrong:?}");
        }
    }
}
