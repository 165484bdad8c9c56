use std::fmt::{Display, Write as _};

use chat_proto::Seq;
use chat_proto::model::Cursor;

/// Which part of a list to get. The default is the first, as long as the server likes (50 rows).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

impl PageQuery {
    /// The first part.
    #[must_use]
    pub fn first() -> Self {
        Self::default()
    }

    /// The part that begins where another ended: its `next_cursor`.
    #[must_use]
    pub fn after(cursor: Cursor) -> Self {
        Self { limit: None, cursor: Some(cursor) }
    }

    /// At most so many rows; the server clamps it to its own limit (200).
    #[must_use]
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    pub(crate) fn to_query(&self) -> Query {
        Query::default().with("limit", self.limit.as_ref()).with("cursor", self.cursor.as_ref())
    }
}

/// Which part of a conversation's history to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The end of it.
    Newest,
    /// What stands right before this message.
    Before(Seq),
    /// What stands right after this message.
    After(Seq),
    /// This message and what stands on both sides of it.
    Around(Seq),
}

impl Part {
    pub(crate) fn to_query(self) -> Query {
        match self {
            Self::Newest => Query::default(),
            Self::Before(seq) => Query::default().with("before", Some(&seq)),
            Self::After(seq) => Query::default().with("after", Some(&seq)),
            Self::Around(seq) => Query::default().with("around", Some(&seq)),
        }
    }
}

/// The part of a URL from its `?` on; empty without values.
#[derive(Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    pub(crate) fn with(mut self, name: &str, value: Option<&impl Display>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&encoded(&value.to_string()));
        }
        self
    }
}

/// Keeps the unreserved characters of RFC 3986, section 2.3, and encodes every other byte.
pub(crate) fn encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        let page = PageQuery::after(Cursor::from_text("a+/=&é".into())).limit(20);
        assert_eq!(page.to_query().to_string(), "?limit=20&cursor=a%2B%2F%3D%26%C3%A9");
        assert_eq!(PageQuery::first().to_query().to_string(), "");
    }
}
