//! Lists of entity tags in the headers `If-Match` and `If-None-Match`.

use actix_web::http::header::HeaderValue;

/// Suffixes that proxies append to a tag when they compress the answer.
const CODINGS: [&str; 4] = ["gzip", "br", "deflate", "zstd"];

/// The tags of one header (RFC 9110, section 8.8.3), without their quotes. It is not recorded whether a tag is weak,
/// because tags stand for versions here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`
    Any,
    /// One or more tags.
    OneOf(Vec<String>),
}

impl EntityTags {
    /// Parses all values of a header. The outer option is `None` if a value is not a list of tags, the inner one if
    /// there are no values.
    pub fn read<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Option<Option<Self>> {
        let mut tags = Vec::new();
        let mut is_there = false;
        for value in values {
            let text = value.to_str().ok()?.trim();
            if text == "*" && !is_there {
                return Some(Some(Self::Any));
            }
            is_there = true;
            tags_of(text, &mut tags)?;
        }
        match (is_there, tags.is_empty()) {
            (false, _) => Some(None),
            (true, true) => None,
            (true, false) => Some(Some(Self::OneOf(tags))),
        }
    }

    /// Whether one of them equals the tag of an answer, by weak comparison (RFC 9110, section 8.8.3.2).
    pub fn have(&self, tag: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => {
                let mut of_answer = Vec::new();
                let is_tag = tag
                    .to_str()
                    .ok()
                    .and_then(|tag| tags_of(tag, &mut of_answer));
                is_tag.is_some() && of_answer.iter().any(|tag| tags.contains(tag))
            }
        }
    }
}

fn tags_of(mut text: &str, tags: &mut Vec<String>) -> Option<()> {
    loop {
        // Empty list elements are ignored (RFC 9110, section 5.6.1.2).
        text = text.trim_start_matches([',', ' ', '\t']);
        if text.is_empty() {
            return Some(());
        }
        let opaque = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"')?;
        let (tag, rest) = opaque.split_once('"')?;
        tags.push(as_sent(tag).to_owned());
        text = rest.trim_start();
        if !(text.is_empty() || text.starts_with(',')) {
            return None;
        }
    }
}

/// The tag as oms sent it, without the suffix of a proxy.
fn as_sent(tag: &str) -> &str {
    let end = CODINGS.iter().find_map(|coding| tag.strip_suffix(coding));
    let sent = end.and_then(|tag| {
        let sent = tag.trim_end_matches(['-', ';', ':']);
        (sent.len() < tag.len()).then_some(sent)
    });
    sent.unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<Option<EntityTags>> {
        let values: Vec<_> = values
            .iter()
            .map(|value| HeaderValue::from_static(value))
            .collect();
        EntityTags::read(values.iter())
    }

    #[test]
    fn tags_are_read_without_their_quotes() {
        let tags = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            Some(Some(EntityTags::OneOf(tags)))
        };
        assert_eq!(read(&["\"1\""]), tags(&["1"]));
        assert_eq!(read(&["W/\"1\", \"2\""]), tags(&["1", "2"]));
        assert_eq!(
            read(&[", \"1\",,W/\"a,b\" ,", "\"3\""]),
            tags(&["1", "a,b", "3"])
        );
        assert_eq!(
            read(&["\"1-gzip\", \"2;br\", \"3--gzip\""]),
            tags(&["1", "2", "3"])
        );
        assert_eq!(read(&["\"gzip\""]), tags(&["gzip"]));
        assert_eq!(read(&["*"]), Some(Some(EntityTags::Any)));
        assert_eq!(read(&[]), Some(None));
        for wrong in [
            "",
            "1",
            "\"1",
            "W/1",
            "w/\"1\"",
            "\"1\"\"2\"",
            "*, \"1\"",
            "\"1\", *",
        ] {
            assert_eq!(read(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn weak_and_strong_tags_of_a_version_are_equal() {
        let tags = read(&["W/\"1\", \"2\""]).flatten().unwrap();
        for (tag, is_among) in [
            ("\"1\"", true),
            ("W/\"2\"", true),
            ("\"3\"", false),
            ("1", false),
        ] {
            assert_eq!(tags.have(&HeaderValue::from_static(tag)), is_among, "{tag}");
        }
        assert!(EntityTags::Any.have(&HeaderValue::from_static("\"9\"")));
    }
}
