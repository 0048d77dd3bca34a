//! What pages with lists share.

use actix_web::http::StatusCode;
use oms_errors::{Problem, invalid_field};
use oms_validation::PageSize;

/// The rows of a page.
pub(crate) fn page_size() -> PageSize {
    PageSize::new(25).expect("a page may have 25 entries")
}

/// The rows of a page whose rows have much in them.
pub(crate) fn few() -> PageSize {
    PageSize::new(15).expect("a page may have 15 entries")
}

/// The entries of a choice, such as the warehouses of a tenant.
pub(crate) fn most() -> PageSize {
    PageSize::new(100).expect("a page may have 100 entries")
}

/// Reads a field of an address; blank counts as missing.
///
/// # Errors
/// 400 that names the field.
pub(crate) fn read<T>(
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let value = parse(text);
            let value = value.ok_or_else(|| invalid_field(name, "is not valid"))?;
            Ok(Some(value))
        }
    }
}

/// The options of a choice, each with its value and its label, by label.
pub(crate) fn options(of: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut options: Vec<_> = of.collect();
    sort(&mut options);
    options
}

fn sort(options: &mut [(String, String)]) {
    options.sort_unstable_by(|one, other| one.1.cmp(&other.1));
}

/// The address of a page with the fields that are not blank.
pub(crate) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The status of a refusal that its page explains, by what is there now: somebody may have changed or deleted something
/// since the page was shown. If that is the subject of the page itself, reading it again fails, and that error is shown.
///
/// # Errors
/// The problem, if it is a failure, which is a page of its own.
pub(crate) fn explained(problem: Problem) -> Result<(StatusCode, Problem), Problem> {
    match StatusCode::from_u16(problem.problem_type().kind.status()) {
        Ok(code) if code.is_client_error() => Ok((code, problem)),
        _ => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_only_what_is_filled_in() {
        assert_eq!(address("/console/stock", &[("sku", "")]), "/console/stock");
        let found = address("/console/stock", &[("sku", "A&B"), ("after", "1")]);
        assert_eq!(found, "/console/stock?sku=A%26B&after=1");
    }

    #[test]
    fn a_blank_field_counts_as_missing() {
        let read = |text| read("below", text, |text| text.parse::<i32>().ok());
        assert_eq!(read(" ").unwrap(), None);
        assert_eq!(read(" 4 ").unwrap(), Some(4));
        assert!(read("x").is_err());
    }
}
