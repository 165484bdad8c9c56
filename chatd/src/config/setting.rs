//! The types of values: what each accepts, and how it is written back.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;

use super::{FileKind, Frequency, Origin, Period, PublicUrl, Secret, Size};

/// A value as someone wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// From a flag or a variable, where everything is text.
    Word(String),
    /// A string in TOML.
    Text(String),
    /// A whole number in TOML that is not negative.
    Number(u64),
    /// `true` or `false` in TOML.
    Switch(bool),
    /// A list of strings in TOML.
    List(Vec<String>),
    /// Anything else in TOML; no key takes it.
    Other,
}

/// A field that a key fills.
pub trait Setting {
    /// What it accepts, to follow the word "expected".
    fn expected(&self) -> &'static str;

    /// Takes a value; `None` if it is not one of the expected ones.
    fn set(&mut self, given: &Given) -> Option<()>;

    /// The value as TOML. A secret gives stars.
    fn to_toml(&self) -> String;
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text in a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For machines: an object a line.
    Json,
}

impl LogFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Auto, Self::Text, Self::Json].into_iter().find(|format| format.as_str() == text).ok_or(())
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a proxy writes for whom it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which most write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    const fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl FromStr for ForwardedHeader {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let lower = text.to_ascii_lowercase();
        [Self::XForwardedFor, Self::Forwarded].into_iter().find(|header| header.as_str() == lower).ok_or(())
    }
}

impl fmt::Display for ForwardedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Given {
    /// The text, from wherever it came.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Word(text) | Self::Text(text) => Some(text),
            Self::Number(_) | Self::Switch(_) | Self::List(_) | Self::Other => None,
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Text(text) => f.write_str(&quote(&without_credentials(text))),
            Self::Number(number) => number.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::List(items) => f.write_str(&quote_list(items)),
            Self::Other => f.write_str("something else"),
        }
    }
}

/// A TOML string on one line, whatever is in it.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text as it may be shown: of an address, without who signs in there and with which password.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://***@{rest}").into(),
        None => text.into(),
    }
}

fn quote_list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// A setting whose value is a text that parses.
macro_rules! parsed_setting {
    ($type:ty, $expected:literal) => {
        impl Setting for $type {
            fn expected(&self) -> &'static str {
                $expected
            }

            fn set(&mut self, given: &Given) -> Option<()> {
                *self = given.text()?.parse().ok()?;
                Some(())
            }

            fn to_toml(&self) -> String {
                quote(&self.to_string())
            }
        }
    };
}

parsed_setting!(SocketAddr, "an IP address and a port such as \"127.0.0.1:9000\" or \"[::1]:9000\"");
parsed_setting!(PublicUrl, "an address such as \"https://chat.shop.example\"");
parsed_setting!(Period, "a duration such as \"30s\", \"12h\" or \"7d\"");
parsed_setting!(Frequency, "so many in so long such as \"600/m\" or \"5/10s\", or \"off\"");
parsed_setting!(Size, "a size such as \"16KiB\" or \"64MiB\"");
parsed_setting!(LogFormat, "\"auto\", \"text\" or \"json\"");
parsed_setting!(ForwardedHeader, "\"x-forwarded-for\" or \"forwarded\"");

impl Setting for String {
    fn expected(&self) -> &'static str {
        "a text"
    }

    fn set(&mut self, given: &Given) -> Option<()> {
        given.text()?.clone_into(self);
        Some(())
    }

    fn to_toml(&self) -> String {
        quote(&without_credentials(self))
    }
}

impl Setting for PathBuf {
    fn expected(&self) -> &'static str {
        "a path"
    }

    fn set(&mut self, given: &Given) -> Option<()> {
        *self = Self::from(given.text()?);
        Some(())
    }

    fn to_toml(&self) -> String {
        quote(&self.to_string_lossy())
    }
}

impl Setting for usize {
    fn expected(&self) -> &'static str {
        "a whole number from 1 to 1000000000"
    }

    fn set(&mut self, given: &Given) -> Option<()> {
        let number = match given {
            Given::Word(text) => text.parse().ok()?,
            Given::Number(number) => *number,
            Given::Text(_) | Given::Switch(_) | Given::List(_) | Given::Other => return None,
        };
        *self = Self::try_from(number).ok().filter(|number| (1..=1_000_000_000).contains(number))?;
        Some(())
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    fn expected(&self) -> &'static str {
        "true or false"
    }

    fn set(&mut self, given: &Given) -> Option<()> {
        *self = match given {
            Given::Word(text) => text.parse().ok()?,
            Given::Switch(on) => *on,
            Given::Text(_) | Given::Number(_) | Given::List(_) | Given::Other => return None,
        };
        Some(())
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

/// A setting whose value is a list of texts, each of which parses; in a variable they stand between commas.
macro_rules! list_setting {
    ($type:ty, $parse:expr, $expected:literal) => {
        impl Setting for Vec<$type> {
            fn expected(&self) -> &'static str {
                $expected
            }

            fn set(&mut self, given: &Given) -> Option<()> {
                let parse: fn(&str) -> Option<$type> = $parse;
                let items: Option<Self> = match given {
                    Given::Word(text) => {
                        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
                    }
                    Given::List(items) => items.iter().map(|item| parse(item)).collect(),
                    Given::Text(_) | Given::Number(_) | Given::Switch(_) | Given::Other => None,
                };
                *self = items?;
                Some(())
            }

            fn to_toml(&self) -> String {
                quote_list(self)
            }
        }
    };
}

list_setting!(
    Origin,
    |text| text.parse().ok(),
    "origins such as \"https://shop.example\": scheme, host and port, without a path or a star"
);
list_setting!(IpNet, network, "addresses or networks such as \"10.0.0.5\" or \"fd00::/8\"");

list_setting!(
    FileKind,
    |text| text.parse().ok(),
    "media types such as \"image/png\", of those that stand in the reference"
);

list_setting!(String, host, "host names such as \"fcm.googleapis.com\" or \"*.push.apple.com\"");

/// The name of a host, or with a star those of all below it.
fn host(text: &str) -> Option<String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.split('.').all(is_part).then(|| text.to_ascii_lowercase())
}

/// A network, or an address alone. One with bits behind its prefix is refused, since one of the two is a slip.
fn network(text: &str) -> Option<IpNet> {
    let address = |text: &str| text.parse().ok().map(|ip: IpAddr| IpNet::from(ip.to_canonical()));
    let network = text.parse().ok().or_else(|| address(text))?;
    (network.addr() == network.network()).then_some(network)
}

impl Setting for Secret {
    fn expected(&self) -> &'static str {
        "a text"
    }

    fn set(&mut self, given: &Given) -> Option<()> {
        *self = Self::new(given.text()?);
        Some(())
    }

    fn to_toml(&self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_may_hold_a_number_or_a_list() {
        let mut count = 0_usize;
        assert_eq!(count.set(&Given::Word("12".to_owned())), Some(()));
        assert_eq!(count, 12);
        let mut origins = Vec::<Origin>::new();
        assert_eq!(origins.set(&Given::Word("https://a.example, http://b.example:81".to_owned())), Some(()));
        assert_eq!(origins.to_toml(), r#"["https://a.example", "http://b.example:81"]"#);
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        let mut proxies = Vec::<IpNet>::new();
        assert_eq!(proxies.set(&Given::Word("10.0.0.5, fd00::/8,::ffff:192.0.2.1".to_owned())), Some(()));
        assert_eq!(proxies.to_toml(), r#"["10.0.0.5/32", "fd00::/8", "192.0.2.1/32"]"#);
        for wrong in ["10.0.0.5/8", "10.0.0.0/33", "proxy.example", "*"] {
            assert_eq!(proxies.set(&Given::List(vec![wrong.to_owned()])), None, "{wrong}");
        }
    }

    #[test]
    fn hosts_are_names() {
        let mut hosts = Vec::<String>::new();
        assert_eq!(hosts.set(&Given::Word("FCM.googleapis.com, *.push.apple.com,127.0.0.1".to_owned())), Some(()));
        assert_eq!(hosts.to_toml(), r#"["fcm.googleapis.com", "*.push.apple.com", "127.0.0.1"]"#);
        for wrong in ["https://push.example", "push.example:443", "a.*.example", "*", "a..b", ""] {
            assert_eq!(hosts.set(&Given::List(vec![wrong.to_owned()])), None, "{wrong}");
        }
    }

    #[test]
    fn a_number_in_quotes_or_out_of_range_is_no_number() {
        let mut count = 7_usize;
        for given in [Given::Text("12".to_owned()), Given::Number(0), Given::Number(u64::MAX), Given::Other] {
            assert_eq!(count.set(&given), None);
        }
        assert_eq!(count, 7);
    }

    #[test]
    fn quoting_survives_the_parser() {
        for text in ["", "plain", "a\"b\\c", "line\nbreak\u{7f}\u{1b}[0m", "ü🎈"] {
            let table: toml::Table = format!("x = {}", quote(text)).parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
            assert!(!quote(text).contains('\n'));
        }
    }
}
