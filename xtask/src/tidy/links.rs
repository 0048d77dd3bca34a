//! Links between documents: each must lead to a file or a folder of the project.

use super::TextFile;
use super::findings::Finding;

/// Checks the relative links of every Markdown file. Links to headings are not checked.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    documents
        .flat_map(|document| {
            let dead = links(&document.text)
                .filter(|(_, link)| !exists(files, &resolve(&document.path, link)));
            dead.map(|(line, link)| {
                let advice = format!("{link} does not exist: correct the link");
                Finding::error(&document.path, line, "dead-link", advice)
            })
        })
        .collect()
}

/// The relative links outside code blocks, with their lines.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    let prose = text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    prose.flat_map(|(index, line)| {
        let targets = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let files = targets.filter_map(|target| target.split('#').next());
        let relative = files.filter(|file| !file.is_empty() && !file.contains(':'));
        relative.map(move |file| (index + 1, file))
    })
}

/// The path of a link in a document, relative to the root.
fn resolve(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn exists(files: &[TextFile], path: &str) -> bool {
    let is_it = |file: &TextFile| {
        let rest = file.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    path.is_empty() || files.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<(usize, String)> {
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = [
            file("README.md", ""),
            file("docs/guide/paying.md", text),
            file("docs/guide/refunds.md", ""),
        ];
        let findings = check(&files);
        findings
            .into_iter()
            .map(|it| (it.line, it.advice))
            .collect()
    }

    #[test]
    fn links_to_files_folders_headings_and_other_hosts_pass() {
        let text = "[a](refunds.md) [b](../../README.md#test-it)\n[c](../guide/) [d](#here) [e](https://example.com/x.md)\n";
        assert_eq!(dead(text), []);
    }

    #[test]
    fn a_dead_link_is_found_with_its_line() {
        let found = dead("first\n[a](refunds.md) and [b](refund.md#x)\n");
        assert_eq!(
            found,
            [(2, "refund.md does not exist: correct the link".to_owned())]
        );
    }

    #[test]
    fn links_in_code_blocks_are_ignored() {
        assert_eq!(dead("```rust\nlet a = b[0](c);\n```\n"), []);
    }
}
