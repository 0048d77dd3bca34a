//! A tokeniser for SQL, which knows as much of the grammar as the rules need.

/// A token. Words are in lower case. Comments are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or a name.
    Word(String),
    /// `'text'`, with its content.
    Literal(String),
    /// `$1`.
    Parameter(u32),
    /// A number.
    Number,
    /// Any other character.
    Sign(char),
}

impl Token {
    /// Returns whether the token is this word.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    /// Returns whether the token is this character.
    pub(super) fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    /// Returns the word, if the token is one.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// A token and the number of parentheses around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) depth: usize,
}

/// Returns the tokens of a statement. The parentheses themselves count as outside.
pub(super) fn read(sql: &str) -> Vec<Placed> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        rest = &rest[length..];
        if let Some(token) = token {
            if token.is_sign(')') || token.is_sign(']') {
                depth = depth.saturating_sub(1);
            }
            let opens = token.is_sign('(') || token.is_sign('[');
            tokens.push(Placed { token, depth });
            depth += usize::from(opens);
        }
    }
    tokens
}

/// Returns the token at the start of a text, if there is one, and its length in bytes.
fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    let until = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    match first {
        '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
        '\'' => {
            let length = quoted(rest, '\'');
            let text = rest[1..length].trim_end_matches('\'');
            (Some(Token::Literal(text.to_owned())), length)
        }
        '"' => {
            let length = quoted(rest, '"');
            let name = rest[1..length].trim_end_matches('"');
            (Some(Token::Word(name.to_owned())), length)
        }
        '$' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            let digits = &rest[1..];
            let length = digits.find(|c: char| !c.is_ascii_digit());
            let digits = &digits[..length.unwrap_or(digits.len())];
            let number = digits.parse().unwrap_or(0);
            (Some(Token::Parameter(number)), digits.len() + 1)
        }
        c if c.is_whitespace() => (None, c.len_utf8()),
        c if c.is_ascii_digit() => {
            let length = until(|c| c.is_ascii_digit() || c == '.');
            (Some(Token::Number), length)
        }
        c if c.is_alphabetic() || c == '_' => {
            let length = until(|c| c.is_alphanumeric() || c == '_');
            (Some(Token::Word(rest[..length].to_lowercase())), length)
        }
        c => (Some(Token::Sign(c)), c.len_utf8()),
    }
}

/// Returns the length of a quoted text, including the quotes. A doubled quote is part of the text.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((position, character)) = characters.next() {
        if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return position + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<String> {
        let tokens = read(sql).into_iter();
        tokens
            .filter_map(|placed| placed.token.word().map(str::to_owned))
            .collect()
    }

    #[test]
    fn comments_and_literals_are_not_read_as_words() {
        let sql = "SELECT 'it''s INSERT' -- UPDATE\n, /* DELETE */ \"Name\" FROM a.b";
        assert_eq!(words(sql), ["select", "Name", "from", "a", "b"]);
    }

    #[test]
    fn depth_is_counted() {
        let tokens = read("a (b (c) [d]) e");
        let depths: Vec<usize> = tokens
            .iter()
            .filter(|placed| placed.token.word().is_some())
            .map(|placed| placed.depth)
            .collect();
        assert_eq!(depths, [0, 1, 2, 2, 0]);
    }

    #[test]
    fn parameters_and_casts_are_read() {
        let tokens: Vec<Token> = read("$12::uuid[]").into_iter().map(|p| p.token).collect();
        assert_eq!(tokens[0], Token::Parameter(12));
        assert!(tokens[1].is_sign(':') && tokens[3].is("uuid"));
    }
}
