//! The project is self-contained: no file names a folder of the machine on which it was written.

use super::findings::Finding;

/// Concatenated, so that this file passes its own rule.
const OUTSIDE: [&str; 2] = [concat!("/wo", "rk/"), concat!("../", "shared")];

/// Finds places that name something outside the project.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let named = |line: &str| {
        OUTSIDE
            .into_iter()
            .find(|outside| begins_a_path(line, outside))
    };
    let lines = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, named(line)?)));
    let advice = |outside: &str| format!("remove `{outside}`: nobody else has that folder");
    lines
        .map(|(line, outside)| Finding::error(path, line, "no-outside-paths", advice(outside)))
        .collect()
}

/// Whether a path in the line begins with this text. Folders inside the project may have the same names.
fn begins_a_path(line: &str, outside: &str) -> bool {
    let mut places = line.match_indices(outside);
    places.any(|(place, _)| !line[..place].ends_with(|before: char| before.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_outside_the_project_are_not_named() {
        let inside = format!(
            "see crates/shared/errors, or crates/shared{}src\n",
            OUTSIDE[0]
        );
        assert!(check("README.md", &inside).is_empty());
        let bad = format!("first\nsee {}main\n{}/STYLE.md\n", OUTSIDE[0], OUTSIDE[1]);
        let lines: Vec<usize> = check("README.md", &bad)
            .iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(lines, [2, 3]);
    }
}
