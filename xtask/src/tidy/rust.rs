//! A Rust file as the rules see it: its words, signs and strings with their lines, without comments and tests.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Word,
    /// One character of punctuation.
    Sign,
    /// A string literal, with its quotes.
    Text,
}

/// A token of the code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// A file and its tokens.
pub(super) struct RustFile<'a> {
    pub(super) path: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
}

impl<'a> RustFile<'a> {
    /// Splits the text into tokens. Modules under `#[cfg(test)]` are left out, because tests are not bound by the
    /// layers.
    pub(super) fn read(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            tokens: without_test_modules(&tokens(text)),
        }
    }

    /// The context to which this file belongs: `orders` for `crates/orders/src/…`. Every crate directly under `crates`
    /// is a context; the others are in `crates/shared`.
    pub(super) fn context(&self) -> Option<&'a str> {
        let (name, inside) = self.path.strip_prefix("crates/")?.split_once('/')?;
        let is_code = inside.starts_with("src/") && !inside.ends_with("/tests.rs");
        is_code.then_some(name)
    }

    /// The layer of the file in its crate: `store` for `crates/orders/src/store.rs` and everything in `…/src/store/`.
    pub(super) fn layer(&self) -> &str {
        let inside = self
            .path
            .split_once("/src/")
            .map_or("", |(_, inside)| inside);
        inside
            .split('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs")
    }

    /// The lines in which the code names a path: `["std", "fs"]` finds `std::fs` and `use std::{fs, net}`.
    pub(super) fn lines_naming(&self, path: &[&str]) -> Vec<usize> {
        (0..self.tokens.len())
            .filter_map(|start| self.names_at(start, path))
            .collect()
    }

    /// Whether the code uses a crate: in a path, an import or an attribute. A variable of the same name is not a use.
    pub(super) fn uses_crate(&self, name: &str) -> bool {
        let text = |position: usize| self.tokens.get(position).map_or("", |token| token.text);
        (0..self.tokens.len()).any(|position| {
            let token = self.tokens[position];
            if token.kind != Kind::Word || token.text.trim_start_matches("r#") != name {
                return false;
            }
            let before = position.checked_sub(1).map_or("", text);
            let (after, further) = (text(position + 1), text(position + 2));
            let is_path = after == ":" && further == ":" && before != ".";
            let is_import = ["use", "crate"].contains(&before) && [";", "as"].contains(&after);
            is_path || is_import
        })
    }

    fn names_at(&self, start: usize, path: &[&str]) -> Option<usize> {
        let is = |position: usize, text: &str| {
            self.tokens
                .get(position)
                .is_some_and(|token| token.text == text)
        };
        let (first, rest) = path.split_first()?;
        let token = self.tokens.get(start)?;
        // `self.tokio` and `order.diesel` are fields, not crates.
        let is_field = start > 0 && is(start - 1, ".");
        if token.kind != Kind::Word || token.text != *first || is_field {
            return None;
        }
        let Some(next) = rest.first() else {
            return Some(token.line);
        };
        if !(is(start + 1, ":") && is(start + 2, ":")) {
            return None;
        }
        if is(start + 3, next) {
            return Some(token.line);
        }
        self.named_in_group(start + 3, next)
    }

    /// For `{fs, net::TcpStream}`: the line of a word that begins a direct member of the group.
    fn named_in_group(&self, open: usize, word: &str) -> Option<usize> {
        if self.tokens.get(open)?.text != "{" {
            return None;
        }
        let mut depth = 0;
        for (position, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text {
                "{" => depth += 1,
                "}" if depth == 1 => return None,
                "}" => depth -= 1,
                text if text == word
                    && depth == 1
                    && ["{", ","].contains(&self.tokens[position - 1].text) =>
                {
                    return Some(token.line);
                }
                _ => {}
            }
        }
        None
    }
}

/// All tokens of a file.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut offset, mut line) = (0, 1);
    for token in tokenize(text, FrontmatterAllowed::No) {
        let end = offset + token.len as usize;
        let piece = &text[offset..end];
        if let Some(kind) = kind_of(token.kind) {
            found.push(Token {
                kind,
                text: piece,
                line,
            });
        }
        line += piece.matches('\n').count();
        offset = end;
    }
    found
}

fn kind_of(kind: TokenKind) -> Option<Kind> {
    match kind {
        TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
            None
        }
        TokenKind::Ident | TokenKind::RawIdent => Some(Kind::Word),
        TokenKind::Literal {
            kind: LiteralKind::Str { .. } | LiteralKind::RawStr { .. },
            ..
        } => Some(Kind::Text),
        _ => Some(Kind::Sign),
    }
}

/// The code under `#[cfg(test)]`.
pub(super) fn test_modules(text: &str) -> Vec<Token<'_>> {
    split(&tokens(text)).1
}

fn without_test_modules<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    split(tokens).0
}

/// The code outside test modules, and the code inside.
fn split<'a>(tokens: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<Token<'a>>) {
    const MARK: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let (mut outside, mut inside) = (Vec::with_capacity(tokens.len()), Vec::new());
    let mut position = 0;
    while position < tokens.len() {
        let ahead = tokens[position..].iter().map(|token| token.text);
        if ahead.take(MARK.len()).eq(MARK) {
            let end = end_of_item(tokens, position);
            inside.extend_from_slice(&tokens[position..end]);
            position = end;
        } else {
            outside.push(tokens[position]);
            position += 1;
        }
    }
    (outside, inside)
}

/// The position after the `;` or the closing brace of the item that begins here.
fn end_of_item(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            ";" if depth == 0 => return position + 1,
            "{" => depth += 1,
            "}" if depth == 1 => return position + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, path: &[&str]) -> Vec<usize> {
        RustFile::read("crates/orders/src/domain.rs", text).lines_naming(path)
    }

    #[test]
    fn a_path_is_found_in_code_only() {
        let text = "//! tokio\nuse tokio::time;\n// tokio\nlet s = \"tokio\"; self.tokio();\nfn a() { tokio::spawn(b) }\n";
        assert_eq!(lines(text, &["tokio"]), [2, 5]);
    }

    #[test]
    fn a_path_is_found_in_a_group() {
        assert_eq!(
            lines("use std::{cmp, fs::File,\n net};", &["std", "net"]),
            [2]
        );
        assert_eq!(lines("use std::{cmp, fs::File};", &["std", "fs"]), [1]);
        assert!(lines("use std::{cmp::{self, fs}};", &["std", "fs"]).is_empty());
        assert!(lines("use std::fmt; let fs = 1;", &["std", "fs"]).is_empty());
    }

    #[test]
    fn test_modules_are_ignored() {
        let text = "#[cfg(test)]\nmod tests {\n fn a() { tokio::x() }\n}\nuse tokio::y;\n#[cfg(test)] mod more;\n";
        assert_eq!(lines(text, &["tokio"]), [5]);
    }

    #[test]
    fn context_and_layer_are_derived_from_the_path() {
        let file = |path| RustFile::read(path, "");
        assert_eq!(
            file("crates/orders/src/store/orders.rs").context(),
            Some("orders")
        );
        assert_eq!(file("crates/orders/src/store/orders.rs").layer(), "store");
        assert_eq!(file("crates/orders/src/domain.rs").layer(), "domain");
        assert_eq!(file("crates/orders/tests/placing.rs").context(), None);
        assert_eq!(file("crates/shared/errors/src/lib.rs").context(), None);
    }
}
