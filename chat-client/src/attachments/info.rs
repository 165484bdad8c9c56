use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};

use crate::Error;

/// What the server says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// What it is called; hostile to terminals and file systems until cleaned there.
    pub name: String,
    /// What its content is.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl FileInfo {
    /// From the head of an answer that has all of it.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Error> {
        let text = |name: HeaderName| {
            let value = headers.get(&name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| Error::Protocol(format!("a file without {name}")))
        };
        let size = text(CONTENT_LENGTH)?.parse().map_err(|_| Error::Protocol("a file without a size".to_owned()))?;
        let sha256 = text(ETAG)?.trim_matches('"').to_owned();
        if sha256.len() != 64 {
            return Err(Error::Protocol("a file without its digest".to_owned()));
        }
        let media_type = text(CONTENT_TYPE)?.split(';').next().unwrap_or_default().trim().to_owned();
        Ok(Self { name: file_name(text(CONTENT_DISPOSITION)?).unwrap_or_default(), media_type, size, sha256 })
    }
}

/// The name as RFC 8187 writes it.
fn file_name(disposition: &str) -> Option<String> {
    let (_, value) = disposition.split_once("filename*=")?;
    let value = value.split(';').next()?.trim();
    let encoded = value.get(..7).filter(|start| start.eq_ignore_ascii_case("utf-8''")).map(|_| &value[7..])?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (rest.next()?, rest.next()?);
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(high)? << 4 | digit(low)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_are_read_as_rfc_8187_writes_them() {
        let name = |disposition| file_name(disposition);
        assert_eq!(name("attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A9%20a.txt").as_deref(), Some("é a.txt"));
        assert_eq!(name("inline; filename*=utf-8''a%2Fb; x=y").as_deref(), Some("a/b"));
        for broken in [
            "",
            "attachment",
            "filename*=",
            "filename*=UTF-8",
            "filename*=UTF-8''%",
            "filename*=UTF-8''%FF",
            "filename*=é''x",
        ] {
            assert_eq!(name(broken), None, "{broken}");
        }
    }
}
