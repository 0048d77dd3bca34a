//! The project stands on its own: no file names a folder of the machine it was written on.

use super::findings::Finding;

/// Built from pieces, so that this file passes its own rule.
const OUTSIDE: [&str; 2] = [concat!("/wo", "rk/"), concat!("../", "shared")];

/// Places that name something outside the project.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let named = |line: &str| OUTSIDE.into_iter().find(|outside| line.contains(outside));
    let lines = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, named(line)?)));
    let advice = |outside: &str| format!("say it without `{outside}`: nobody else has that folder");
    lines
        .map(|(line, outside)| Finding::error(path, line, "no-outside-paths", advice(outside)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_outside_the_project_are_not_named() {
        assert!(check("README.md", "see crates/shared/errors, or work it out\n").is_empty());
        let bad = format!("first\nsee {}main\n{}/STYLE.md\n", OUTSIDE[0], OUTSIDE[1]);
        let lines: Vec<usize> = check("README.md", &bad)
            .iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(lines, [2, 3]);
    }
}
