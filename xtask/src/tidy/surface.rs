//! The public list of a context: the `pub use` items of its `lib.rs`. Other contexts may use nothing else of it, and
//! every item must be used by another crate. Its `pub mod`s (`http`, `adapters`, `ports`) are for programs.
//!
//! Items that only the context's own tests use are exported with `#[doc(hidden)]`, and no other crate may name them.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Finding;
use super::modules::{self, NamedPath};
use super::rust::{Kind, RustFile, Token};

const RULE: &str = "public-surface";

/// The public names of a context, each with its line.
struct Surface<'a> {
    context: &'a str,
    path: &'a str,
    offered: BTreeMap<&'a str, usize>,
    for_tests: BTreeMap<&'a str, usize>,
}

/// A path that begins with a context's crate.
struct Use<'a> {
    path: &'a str,
    /// The context whose code names it, if any.
    by: Option<&'a str>,
    named: NamedPath<'a>,
}

/// Checks the surface of every context.
pub(super) fn check(files: &[RustFile<'_>]) -> Vec<Finding> {
    let roots = files.iter().filter(|file| {
        file.context()
            .is_some_and(|context| file.path == format!("crates/{context}/src/lib.rs"))
    });
    let checked = roots.flat_map(|root| {
        let Some(surface) = Surface::read(root) else {
            return Vec::new();
        };
        let uses = uses_of(surface.context, files);
        let mut findings = beyond(&surface, &uses);
        findings.extend(unused(&surface, &uses, files));
        findings
    });
    checked.collect()
}

impl<'a> Surface<'a> {
    fn read(root: &RustFile<'a>) -> Option<Self> {
        let tokens = &root.tokens;
        let text = |position: usize| tokens.get(position).map_or("", |token| token.text);
        let mut surface = Self {
            context: root.context()?,
            path: root.path,
            offered: BTreeMap::new(),
            for_tests: BTreeMap::new(),
        };
        for position in 0..tokens.len() {
            if text(position) == "pub" && text(position + 1) == "use" {
                let rest = &tokens[position + 1..];
                let end = rest.iter().take_while(|it| it.text != ";").count();
                let list = match is_hidden(tokens, position) {
                    true => &mut surface.for_tests,
                    false => &mut surface.offered,
                };
                for named in modules::named_paths(&rest[..end]) {
                    list.extend(named.imported_as.map(|name| (name, named.line)));
                }
            }
        }
        Some(surface)
    }

    fn krate(&self) -> String {
        format!("oms_{}", self.context)
    }
}

/// Whether an item has the attribute `#[doc(hidden)]`.
fn is_hidden(tokens: &[Token<'_>], item: usize) -> bool {
    const MARK: [&str; 7] = ["#", "[", "doc", "(", "hidden", ")", "]"];
    let before = item
        .checked_sub(MARK.len())
        .map(|start| &tokens[start..item]);
    before.is_some_and(|before| before.iter().map(|it| it.text).eq(MARK))
}

/// All uses of a context's crate.
fn uses_of<'a>(context: &str, files: &[RustFile<'a>]) -> Vec<Use<'a>> {
    let krate = format!("oms_{context}");
    let mut uses = Vec::new();
    for file in files {
        let named = modules::named_paths(&file.tokens).into_iter();
        let its = named.filter(|named| named.segments[0] == krate && named.segments.len() > 1);
        uses.extend(its.map(|named| Use {
            path: file.path,
            by: file.context(),
            named,
        }));
    }
    uses
}

/// Finds names that other crates use but that are not on the list.
fn beyond(surface: &Surface<'_>, uses: &[Use<'_>]) -> Vec<Finding> {
    let krate = surface.krate();
    let own_tests = format!("crates/{}/tests/", surface.context);
    let refused = uses.iter().filter_map(|it| {
        let name = it.named.segments[1];
        let advice = if surface.for_tests.contains_key(name) {
            if it.path.starts_with(&own_tests) {
                return None;
            }
            format!("{krate}::{name} is exported only for the tests of {krate}")
        } else if it.by.is_some() && !surface.offered.contains_key(name) {
            format!(
                "{krate}::{name} is not on the list in {}: use a name of the list, or add this one",
                surface.path
            )
        } else {
            return None;
        };
        Some(Finding::error(it.path, it.named.line, RULE, advice))
    });
    refused.collect()
}

/// Finds listed names that no other crate uses, neither directly nor in the declaration of a used name.
fn unused(surface: &Surface<'_>, uses: &[Use<'_>], files: &[RustFile<'_>]) -> Vec<Finding> {
    let own = format!("crates/{}/", surface.context);
    let (by_own, by_others): (Vec<&Use<'_>>, Vec<&Use<'_>>) =
        uses.iter().partition(|it| it.path.starts_with(&own));
    let declarations = declarations(files.iter().filter(|file| file.path.starts_with(&own)));
    let offered = used(
        &surface.offered,
        by_others.iter().map(|it| it.named.segments[1]),
        &declarations,
    );
    let of_tests = by_own.iter().map(|it| it.named.segments[1]);
    let for_tests = used(&surface.for_tests, of_tests, &declarations);
    let nobody = |name: &str| format!("no other crate uses {name}: take it off the list");
    let no_test = |name: &str| format!("no test of {own} uses {name}: take it off the list");
    let of_list =
        |list: &BTreeMap<&str, usize>, used: &BTreeSet<&str>, advice: &dyn Fn(&str) -> String| {
            let rest = list.iter().filter(|(name, _)| !used.contains(**name));
            rest.map(|(name, line)| Finding::error(surface.path, *line, RULE, advice(name)))
                .collect::<Vec<_>>()
        };
    let mut findings = of_list(&surface.offered, &offered, &nobody);
    findings.extend(of_list(&surface.for_tests, &for_tests, &no_test));
    findings
}

/// The names of a list that are used, directly or by the declaration of a used name.
fn used<'a>(
    list: &BTreeMap<&'a str, usize>,
    named: impl Iterator<Item = &'a str>,
    declarations: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> BTreeSet<&'a str> {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = named.collect();
    while let Some(name) = open.pop() {
        if list.contains_key(name) && used.insert(name) {
            open.extend(declarations.get(name).into_iter().flatten().copied());
        }
    }
    used
}

/// The words in the declarations of each name: signatures, fields and variants, and those of its `impl` blocks.
fn declarations<'a, 'f>(
    files: impl Iterator<Item = &'f RustFile<'a>>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>>
where
    'a: 'f,
{
    let mut declarations: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        let tokens = &file.tokens;
        for (position, token) in tokens.iter().enumerate() {
            match token.text {
                "fn" | "struct" | "enum" | "trait" | "type" | "const" => {
                    let keeps_body = !["fn", "trait"].contains(&token.text);
                    if let Some(name) = tokens.get(position + 1) {
                        let words = words_from(tokens, position + 1, keeps_body);
                        declarations.entry(name.text).or_default().extend(words);
                    }
                }
                "impl" => {
                    let words: BTreeSet<&str> = words_from(tokens, position + 1, false).collect();
                    let head = tokens[position..].iter().take_while(|it| it.text != "{");
                    for name in head.filter(|it| it.kind == Kind::Word) {
                        declarations.entry(name.text).or_default().extend(&words);
                    }
                }
                _ => {}
            }
        }
    }
    declarations
}

/// The words of the item that begins here, without bodies: the signature of a function, or the signatures in a block.
fn words_from<'a, 't>(
    tokens: &'t [Token<'a>],
    start: usize,
    keeps_body: bool,
) -> impl Iterator<Item = &'a str> + use<'a, 't> {
    let is_function = start > 0 && tokens[start - 1].text == "fn";
    let deepest = match (keeps_body, is_function) {
        (true, _) => i32::MAX,
        (false, true) => 0,
        (false, false) => 1,
    };
    let mut depth = 0_i32;
    let end = end_of_block(tokens, start);
    let words = tokens[start..end].iter().filter(move |token| {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        token.kind == Kind::Word && depth <= deepest
    });
    words.map(|token| token.text)
}

/// The position after the `;` or the closing brace of the item that begins here.
fn end_of_block(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            ";" if depth == 0 => return position + 1,
            "{" => depth += 1,
            "}" if depth <= 1 => return position + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: (&str, &str) = (
        "crates/inventory/src/lib.rs",
        "mod stock;\npub mod http;\n// For orders.\npub use stock::{Held, reserve};\n\
         // For tests.\n#[doc(hidden)]\npub use stock::receive;\n",
    );
    const STOCK: (&str, &str) = (
        "crates/inventory/src/stock.rs",
        "pub struct Held; pub fn reserve(n: u8) -> Vec<Held> { receive() } pub fn receive() {}",
    );
    const TESTS: (&str, &str) = (
        "crates/inventory/tests/inventory/stock.rs",
        "use oms_inventory::receive;",
    );
    const ORDERS: (&str, &str) = (
        "crates/orders/src/service/place_order.rs",
        "use oms_inventory::reserve;",
    );

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<RustFile<'_>> = files
            .iter()
            .map(|(path, text)| RustFile::read(path, text))
            .collect();
        check(&files).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn used_names_and_the_types_of_their_signatures_pass() {
        assert_eq!(found(&[LIB, STOCK, TESTS, ORDERS]), Vec::<String>::new());
    }

    #[test]
    fn a_context_may_use_only_the_list_of_another() {
        for text in [
            "\nuse oms_inventory::http::InventoryApi;",
            "\nuse oms_inventory::{reserve, stock};",
            "\nfn f() { oms_inventory::store::lock() }",
            "\nuse oms_inventory::*;",
        ] {
            let planted = ("crates/orders/src/service/pay.rs", text);
            let found = found(&[LIB, STOCK, TESTS, ORDERS, planted]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found[0].starts_with("crates/orders/src/service/pay.rs:2: public-surface: "),
                "{found:?}"
            );
        }
        let program = (
            "bins/oms-api/src/serve.rs",
            "use oms_inventory::http::InventoryApi;",
        );
        assert_eq!(
            found(&[LIB, STOCK, TESTS, ORDERS, program]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_name_that_no_other_crate_uses_is_found() {
        let own = (
            "crates/inventory/tests/inventory/more.rs",
            "use oms_inventory::reserve;",
        );
        let found = found(&[LIB, STOCK, TESTS, own]);
        let expected = "crates/inventory/src/lib.rs:4: public-surface: no other crate uses";
        assert!(
            found.len() == 2 && found.iter().all(|it| it.starts_with(expected)),
            "{found:?}"
        );
    }

    #[test]
    fn hidden_names_are_only_for_tests_of_the_crate_that_use_them() {
        for path in [
            "crates/orders/tests/orders/shop.rs",
            "bins/oms-api/src/serve.rs",
        ] {
            let planted = (path, "use oms_inventory::receive;");
            let found = found(&[LIB, STOCK, TESTS, ORDERS, planted]);
            assert!(
                found[0].contains("exported only for the tests of oms_inventory"),
                "{found:?}"
            );
        }
        let found = found(&[LIB, STOCK, ORDERS]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("no test of crates/inventory/ uses receive"),
            "{found:?}"
        );
    }
}
