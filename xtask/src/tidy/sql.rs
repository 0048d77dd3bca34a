//! Parses a SQL file into statements: each with its line, its words in capitals, and the comment above it.

/// One statement, without its semicolon.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    /// The line on which it begins.
    pub(super) line: usize,
    /// Its words and signs in capitals. Quoted text is one word and is not changed.
    pub(super) words: Vec<String>,
    /// The comment lines right above it, without their dashes.
    pub(super) comment: String,
}

impl Statement {
    /// Whether it begins with these words.
    pub(super) fn begins(&self, words: &str) -> bool {
        let mut own = self.words.iter();
        words
            .split(' ')
            .all(|word| own.next().is_some_and(|own| own == word))
    }

    /// Whether it contains these words in sequence.
    pub(super) fn has(&self, words: &str) -> bool {
        self.position(words).is_some()
    }

    /// The position of these words.
    pub(super) fn position(&self, words: &str) -> Option<usize> {
        let wanted: Vec<&str> = words.split(' ').collect();
        self.words
            .windows(wanted.len())
            .position(|own| own.iter().zip(&wanted).all(|(own, wanted)| own == wanted))
    }

    /// The word after these words, after an optional `IF EXISTS`, `IF NOT EXISTS` or `ONLY`.
    pub(super) fn name_after(&self, words: &str) -> Option<&str> {
        let start = self.position(words)? + words.split(' ').count();
        let mut rest = self.words[start..].iter().map(String::as_str);
        rest.find(|word| !["IF", "NOT", "EXISTS", "ONLY"].contains(word))
    }
}

/// The statements of a file. The body of a function or of a `DO` block is one word.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let mut found = Vec::new();
    let mut current = Statement {
        line: 1,
        words: Vec::new(),
        comment: String::new(),
    };
    while let Some((line, piece)) = reader.next() {
        match piece {
            Piece::Comment(words) if current.words.is_empty() => {
                current.comment = format!("{} {words}", current.comment).trim().to_owned();
            }
            Piece::Comment(_) => {}
            Piece::Word(word) if word == ";" => found.push(std::mem::replace(
                &mut current,
                Statement {
                    line,
                    words: Vec::new(),
                    comment: String::new(),
                },
            )),
            Piece::Word(word) => {
                if current.words.is_empty() {
                    current.line = line;
                }
                current.words.push(word);
            }
        }
    }
    found.push(current);
    found.retain(|statement| !statement.words.is_empty());
    found
}

enum Piece {
    Word(String),
    Comment(String),
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(usize, Piece)> {
        let blank = self.rest.len() - self.rest.trim_start().len();
        self.take(blank);
        let line = self.line;
        let first = self.rest.chars().next()?;
        let length = self.length_of_piece(first);
        let text = self.take(length);
        let piece = if text.starts_with("--") || text.starts_with("/*") {
            Piece::Comment(text.trim_matches(['-', '/', '*', ' ']).to_owned())
        } else if "'$\"".contains(first) {
            Piece::Word(text.to_owned())
        } else {
            Piece::Word(text.to_uppercase())
        };
        Some((line, piece))
    }

    fn length_of_piece(&self, first: char) -> usize {
        let rest = self.rest;
        let until = |start: usize, end: &str| {
            let found = rest[start..].find(end);
            found.map_or(rest.len(), |position| start + position + end.len())
        };
        match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => until(2, "*/"),
            '\'' | '"' => until(1, &first.to_string()),
            '$' => match rest[1..].find('$').map(|end| &rest[..end + 2]) {
                Some(tag) => until(tag.len(), tag),
                None => 1,
            },
            _ if is_part_of_word(first) => rest.find(|c| !is_part_of_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// A qualified name is one word.
fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_lines_words_and_the_comment_above() {
        let text = "-- first\nSET LOCAL lock_timeout = '5s';\n\n-- why\n-- so\nALTER TABLE orders.orders\n  ADD x int; -- after\n";
        let found = statements(text);
        let brief: Vec<(usize, String, &str)> = found
            .iter()
            .map(|it| (it.line, it.words.join(" "), it.comment.as_str()))
            .collect();
        assert_eq!(
            brief,
            [
                (2, "SET LOCAL LOCK_TIMEOUT = '5s'".to_owned(), "first"),
                (
                    6,
                    "ALTER TABLE ORDERS.ORDERS ADD X INT".to_owned(),
                    "why so"
                ),
            ]
        );
    }

    #[test]
    fn quotes_comments_and_bodies_hide_semicolons() {
        let text = "INSERT INTO a VALUES ('x;''y', \"b;c\") /* ; */;\nDO $body$ BEGIN UPDATE a; END $body$;\nSELECT 1";
        let found = statements(text);
        assert_eq!(found.len(), 3);
        assert!(found[1].begins("DO"));
        assert_eq!((found[1].words.len(), found[2].line), (2, 3));
    }

    #[test]
    fn names_are_found_after_the_words_that_introduce_them() {
        let found = statements(
            "CREATE TABLE IF NOT EXISTS orders.a (b int); ALTER TABLE ONLY orders.c DROP d",
        );
        assert_eq!(found[0].name_after("CREATE TABLE"), Some("ORDERS.A"));
        assert_eq!(found[1].name_after("ALTER TABLE"), Some("ORDERS.C"));
        assert!(found[1].has("DROP D"));
        assert!(!found[1].has("D DROP"));
    }
}
