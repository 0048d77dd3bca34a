//! Tests run only programs of the workspace and of the list that `cargo xtask test` installs.

use super::findings::Finding;
use super::rust::{self, Kind, Token};
use crate::programs;

/// Files that start programs of the workspace, or of the tests' PostgreSQL server, by path.
const STARTS_BY_PATH: [&str; 2] = [
    "crates/shared/testing/src/process.rs",
    "crates/shared/testing/src/private_server.rs",
];

/// Development programs, which report missing programs themselves. Only their tests are checked.
const TOOLS: [&str; 2] = ["xtask/", "bins/oms-bench/"];

/// Cargo, which runs the tests.
const CARGO: &str = "cargo";

/// Prefix of programs that a test expects to be missing.
const ABSENT: &str = "no-such-";

/// Finds places that start a program which is not on the list.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_tool = TOOLS.iter().any(|tool| path.starts_with(tool));
    let tokens = match is_tool {
        true => rust::test_modules(text),
        false => rust::tokens(text),
    };
    let starts = tokens.windows(START.len() + 1).filter(|tokens| {
        START
            .iter()
            .zip(*tokens)
            .all(|(word, token)| *word == token.text)
    });
    let unlisted = starts.filter(|tokens| !may_start(path, is_tool, &tokens[START.len()]));
    let finding = |tokens: &[Token<'_>]| {
        let advice = format!(
            "a test may run the programs of xtask/test-programs.txt; {} is not one of them",
            tokens[START.len()].text
        );
        Finding::error(path, tokens[0].line, "programs-of-tests", advice)
    };
    unlisted.map(finding).collect()
}

const START: [&str; 5] = ["Command", ":", ":", "new", "("];

fn may_start(path: &str, is_tool: bool, argument: &Token<'_>) -> bool {
    if argument.kind == Kind::Text {
        let name = argument.text.trim_matches('"');
        return name == CARGO
            || name.starts_with(ABSENT)
            || programs::listed().any(|it| it.name == name);
    }
    // `env!("CARGO_BIN_EXE_…")` is a program of the workspace.
    is_tool || argument.text == "env" || STARTS_BY_PATH.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "bins/oms-api/tests/http/readme.rs";

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = check(path, text);
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_test_may_run_listed_programs_and_those_of_the_workspace() {
        let good = "Command::new(\"bash\");\nCommand::new(env!(\"CARGO_BIN_EXE_oms-api\"));\n";
        assert!(lines(TEST, good).is_empty());
        let bad = "\nCommand::new(\"kill\");\ntokio::process::Command::new(name);\n";
        assert_eq!(lines(TEST, bad), [2, 3]);
        assert!(lines(STARTS_BY_PATH[0], "Command::new(path)").is_empty());
        assert_eq!(lines("crates/orders/src/lib.rs", bad), [2, 3]);
    }

    #[test]
    fn a_tool_may_run_any_program_but_its_tests_only_listed_ones() {
        let text = "Command::new(\"docker\");\n#[cfg(test)]\nmod tests {\n Command::new(\"sh\");\n Command::new(\"ps\");\n Command::new(&file);\n}\n";
        assert_eq!(lines("xtask/src/command.rs", text), [5]);
    }
}
