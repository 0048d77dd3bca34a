//! The arrows between the files of a crate: which file names which.
//!
//! Paths are read from the text, in `use` declarations and in code, and are followed through re-exports to the file
//! that defines the name. Macro expansions and method calls are not resolved. Tests are ignored.

use std::collections::BTreeMap;

use super::rust::{Kind, RustFile, Token};

/// The path of a module inside its crate, such as `["service", "placing"]`.
pub(super) type Module<'a> = Vec<&'a str>;

/// A path in the code.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamedPath<'a> {
    pub(super) segments: Vec<&'a str>,
    pub(super) line: usize,
    /// The name that an import gives it.
    pub(super) imported_as: Option<&'a str>,
}

/// A use of one file by another.
pub(super) struct Arrow<'a> {
    pub(super) from: Module<'a>,
    pub(super) to: Module<'a>,
    pub(super) path: &'a str,
    pub(super) line: usize,
    /// The name as it is written.
    pub(super) name: String,
}

/// The files of a crate by their modules.
struct Modules<'a> {
    files: BTreeMap<Module<'a>, (&'a str, Vec<NamedPath<'a>>)>,
}

/// The arrows between the files under a folder such as `crates/orders/src/`. The crate's root only re-exports names, so
/// no arrow begins there.
pub(super) fn arrows<'a>(folder: &str, files: &[&RustFile<'a>]) -> Vec<Arrow<'a>> {
    let inside = files
        .iter()
        .filter(|file| file.path.starts_with(folder) && !file.path.ends_with("/tests.rs"));
    let files = inside.map(|file| {
        let module = module_of(&file.path[folder.len()..]);
        (module, (file.path, named_paths(&file.tokens)))
    });
    let modules = Modules {
        files: files.collect(),
    };
    let mut arrows = Vec::new();
    for (from, (path, named)) in modules
        .files
        .iter()
        .filter(|(module, _)| !module.is_empty())
    {
        for named in named {
            if let Some(to) = modules
                .resolve(from, &named.segments, 0)
                .filter(|to| to != from)
            {
                arrows.push(Arrow {
                    from: from.clone(),
                    to,
                    path,
                    line: named.line,
                    name: named.segments.join("::"),
                });
            }
        }
    }
    arrows
}

fn module_of(inside: &str) -> Module<'_> {
    match inside.trim_end_matches(".rs") {
        "lib" | "main" => Vec::new(),
        module => module.split('/').collect(),
    }
}

impl<'a> Modules<'a> {
    /// The file that defines the name of a path. `None` for a name of another crate.
    fn resolve(&self, from: &Module<'a>, segments: &[&'a str], depth: usize) -> Option<Module<'a>> {
        /// A longer chain of re-exports must be a circle.
        const LONGEST_CHAIN: usize = 8;
        let (mut module, rest) = self.start(from, segments)?;
        for segment in rest {
            module.push(segment);
            if self.files.contains_key(&module) {
                continue;
            }
            module.pop();
            let import = self
                .import(&module, segment)
                .filter(|_| depth < LONGEST_CHAIN);
            let re_exported = import.and_then(|import| self.resolve(&module, import, depth + 1));
            return Some(re_exported.unwrap_or(module));
        }
        Some(module)
    }

    /// The module in which a path begins, and the remaining segments.
    fn start<'s>(
        &self,
        from: &Module<'a>,
        segments: &'s [&'a str],
    ) -> Option<(Module<'a>, &'s [&'a str])> {
        let (first, rest) = segments.split_first()?;
        match *first {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let ups = segments.iter().take_while(|it| **it == "super").count();
                let parent = from.len().checked_sub(ups)?;
                Some((from[..parent].to_vec(), &segments[ups..]))
            }
            child => {
                let mut module = from.clone();
                module.push(child);
                self.files.contains_key(&module).then_some((module, rest))
            }
        }
    }

    fn import(&self, module: &Module<'a>, name: &str) -> Option<&[&'a str]> {
        let (_, named) = self.files.get(module)?;
        let mut imports = named.iter();
        let import = imports.find(|it| it.imported_as == Some(name))?;
        Some(&import.segments)
    }
}

/// The paths in code: all imports, and all paths of two or more segments.
pub(super) fn named_paths<'a>(tokens: &[Token<'a>]) -> Vec<NamedPath<'a>> {
    let text = |position: usize| tokens.get(position).map_or("", |token| token.text);
    let (mut found, mut position) = (Vec::new(), 0);
    while position < tokens.len() {
        let back = |steps: usize| position.checked_sub(steps).map_or("", text);
        // After one colon a type begins; after two colons the path continues.
        let goes_on = back(1) == ":" && back(2) == ":" || [".", "$", "in"].contains(&back(1));
        let is_word = tokens[position].kind == Kind::Word;
        if is_word && text(position) == "use" {
            position = read_path(tokens, position + 1, &[], &mut found);
        } else if is_word && is_followed(tokens, position) && !goes_on {
            let first = found.len();
            position = read_path(tokens, position, &[], &mut found);
            found[first..]
                .iter_mut()
                .for_each(|path| path.imported_as = None);
        } else {
            position += 1;
        }
    }
    found
}

/// Whether `::` and more of a path follow the word. A `<` does not count.
fn is_followed(tokens: &[Token<'_>], position: usize) -> bool {
    let text = |position: usize| tokens.get(position).map_or("", |token| token.text);
    let is_part = |token: &Token<'_>| token.kind == Kind::Word || ["{", "*"].contains(&token.text);
    text(position + 1) == ":"
        && text(position + 2) == ":"
        && tokens.get(position + 3).is_some_and(is_part)
}

/// Reads the path at a position, with each member of its groups. Returns the position after it.
fn read_path<'a>(
    tokens: &[Token<'a>],
    start: usize,
    before: &[&'a str],
    found: &mut Vec<NamedPath<'a>>,
) -> usize {
    let text = |position: usize| tokens.get(position).map_or("", |token| token.text);
    let (mut segments, mut position) = (before.to_vec(), start);
    loop {
        match tokens.get(position) {
            Some(token) if token.text == "{" => {
                return read_group(tokens, position + 1, &segments, found);
            }
            Some(token) if token.kind == Kind::Word || token.text == "*" => {
                segments.push(token.text);
                position += 1;
                if is_followed(tokens, position - 1) {
                    position += 2;
                    continue;
                }
                let alias = (text(position) == "as").then(|| text(position + 1));
                if alias.is_some() {
                    position += 2;
                }
                found.push(named(segments, alias, token.line));
                return position;
            }
            _ => return position + 1,
        }
    }
}

fn read_group<'a>(
    tokens: &[Token<'a>],
    start: usize,
    before: &[&'a str],
    found: &mut Vec<NamedPath<'a>>,
) -> usize {
    let mut position = start;
    while let Some(token) = tokens.get(position) {
        position = match token.text {
            "}" => return position + 1,
            "," => position + 1,
            _ => read_path(tokens, position, before, found),
        };
    }
    position
}

/// `{self}` at the end of a path stands for the segments before it.
fn named<'a>(mut segments: Vec<&'a str>, alias: Option<&'a str>, line: usize) -> NamedPath<'a> {
    if segments.len() > 1 && segments.last() == Some(&"self") {
        segments.pop();
    }
    NamedPath {
        imported_as: alias.or(segments.last().copied()),
        segments,
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let paths: Vec<String> = files
            .iter()
            .map(|(path, _)| format!("crates/orders/src/{path}"))
            .collect();
        let texts = files.iter().map(|(_, text)| *text);
        let read: Vec<RustFile<'_>> = paths
            .iter()
            .zip(texts)
            .map(|(path, text)| RustFile::read(path, text))
            .collect();
        let read: Vec<&RustFile<'_>> = read.iter().collect();
        let shown = |arrow: &Arrow<'_>| {
            format!(
                "{}:{} {}",
                arrow.from.join("/"),
                arrow.line,
                arrow.to.join("/")
            )
        };
        arrows("crates/orders/src/", &read)
            .iter()
            .map(shown)
            .collect()
    }

    #[test]
    fn imports_and_paths_in_code_are_arrows() {
        let arrows = found(&[
            ("lib.rs", "mod a; mod b; pub use a::A;"),
            (
                "a.rs",
                "use crate::{b::{self, B}, other};\nfn f(b: super::b::B) { std::fs::read() }",
            ),
            ("b.rs", "pub(crate) struct B; pub(in crate::a) fn g() {}"),
        ]);
        assert_eq!(arrows, ["a:1 b", "a:1 b", "a:1 ", "a:2 b"]);
    }

    #[test]
    fn an_arrow_points_to_the_file_that_defines_the_name() {
        let arrows = found(&[
            ("lib.rs", "pub use service::place;"),
            (
                "service.rs",
                "mod placing; pub(crate) use placing::{place, Placed as Held};",
            ),
            ("service/placing.rs", "pub fn place() {} pub struct Placed;"),
            ("http.rs", "use crate::place; use crate::service::Held;"),
        ]);
        let expected = ["http:1 service/placing", "http:1 service/placing"];
        assert_eq!(arrows[..2], expected);
        assert_eq!(
            arrows[2..],
            ["service:1 service/placing", "service:1 service/placing"]
        );
    }

    #[test]
    fn tests_are_ignored() {
        let arrows = found(&[
            ("a.rs", "#[cfg(test)]\nmod tests { use crate::b::B; }"),
            ("b.rs", "pub struct B;"),
            ("b/tests.rs", "use crate::a::A;"),
        ]);
        assert_eq!(arrows, Vec::<String>::new());
    }
}
