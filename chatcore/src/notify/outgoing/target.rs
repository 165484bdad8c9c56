//! Where a request goes to that somebody else chose, as far as the text of the address tells.

use std::net::{IpAddr, Ipv4Addr};

use http::Uri;

use super::public::is_public;

/// The longest address, bytes.
const MOST_BYTES: usize = 2_048;

/// What may be sent to.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    /// Addresses of this machine and of private networks too, every port, and without TLS: for tests, and for services of
    /// one's own. Default: no.
    pub allow_private: bool,
    /// The hosts; `*.push.example` stands for all below `push.example`. Default, empty: all on the open Internet.
    pub hosts: Vec<String>,
}

/// An address whose text is in order. Where its name leads to is looked at when it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
}

/// Why nothing is sent to an address; for who chose it, and safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwelcome {
    NotAnAddress,
    NotHttps,
    Credentials,
    OtherPort,
    NotPublic,
    OtherHost,
}

impl Unwelcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnAddress => "This is not an address that can be sent to.",
            Self::NotHttps => "The address must begin with https://.",
            Self::Credentials => "The address must hold no name or password.",
            Self::OtherPort => "The address must use port 443.",
            Self::NotPublic => "The address is not on the open Internet.",
            Self::OtherHost => "The address is not of a service that this server sends to.",
        }
    }
}

impl Target {
    pub(crate) fn parse(text: &str, rules: &AddressRules) -> Result<Self, Unwelcome> {
        use Unwelcome as No;
        // Browsers and libraries read these in different ways, so nobody gets them.
        let is_odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>' | b'`');
        if text.len() > MOST_BYTES || text.bytes().any(is_odd) {
            return Err(No::NotAnAddress);
        }
        let uri: Uri = text.parse().map_err(|_| No::NotAnAddress)?;
        let authority = uri.authority().ok_or(No::NotAnAddress)?;
        if authority.as_str().contains('@') {
            return Err(No::Credentials);
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if rules.allow_private => {}
            _ => return Err(No::NotHttps),
        }
        // An address that ends in a colon has an empty port.
        let port = authority.as_str().strip_prefix(authority.host()).ok_or(No::NotAnAddress)?;
        if !rules.allow_private && !matches!(port, "" | ":443") || port == ":" {
            return Err(No::OtherPort);
        }
        host(authority.host(), rules)?;
        Ok(Self { uri })
    }

    /// For whom a token is good (RFC 6454): with the port, unless it is the usual one.
    #[cfg(any(feature = "push", test))]
    pub(crate) fn origin(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or("https");
        let host = self.uri.host().unwrap_or_default().to_ascii_lowercase();
        match (scheme, self.uri.port_u16()) {
            (_, None) | ("https", Some(443)) | ("http", Some(80)) => format!("{scheme}://{host}"),
            (_, Some(port)) => format!("{scheme}://{host}:{port}"),
        }
    }
}

fn host(host: &str, rules: &AddressRules) -> Result<(), Unwelcome> {
    let lower = host.to_ascii_lowercase();
    let is_named = |rule: &String| match rule.strip_prefix("*.") {
        Some(above) => lower.strip_suffix(above).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => lower == *rule,
    };
    if !rules.hosts.is_empty() && !rules.hosts.iter().any(is_named) {
        return Err(Unwelcome::OtherHost);
    }
    let literal = match lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => Some(IpAddr::V6(inside.parse().map_err(|_| Unwelcome::NotAnAddress)?)),
        None => numeric(&lower)?,
    };
    match literal {
        Some(address) if rules.allow_private || is_public(address) => Ok(()),
        Some(_) => Err(Unwelcome::NotPublic),
        None => name(&lower, rules),
    }
}

/// The IPv4 address that stands there as a number, in the one way that everybody reads alike. Any other, such as
/// `0x7f.1` or `2130706433`, is none.
fn numeric(host: &str) -> Result<Option<IpAddr>, Unwelcome> {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_number(last) && !is_hex {
        return Ok(None);
    }
    let address: Ipv4Addr = host.parse().map_err(|_| Unwelcome::NotAnAddress)?;
    Ok(Some(address.into()))
}

/// A name with a dot in it, of the letters that names are made of.
fn name(host: &str, rules: &AddressRules) -> Result<(), Unwelcome> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(Unwelcome::NotAnAddress);
    }
    // Names that only a network of one's own knows.
    let is_local = !host.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa"].iter().any(|suffix| host.ends_with(suffix));
    if is_local && !rules.allow_private { Err(Unwelcome::NotPublic) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> Option<Unwelcome> {
        Target::parse(text, &AddressRules::default()).err()
    }

    #[test]
    fn addresses_of_the_open_internet_are_taken() {
        for good in [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAA_-",
            "https://web.push.apple.com/QGuQyavXutnMH",
            "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d%3d",
            "HTTPS://FCM.GoogleAPIs.com/x",
            "https://push.example:443/x",
            "https://8.8.8.8/x",
            "https://[2606:4700::1111]/x",
            "https://xn--bcher-kva.example/x",
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
    }

    #[test]
    fn others_are_not() {
        use Unwelcome as No;
        for (text, why) in [
            ("", No::NotAnAddress),
            ("https://", No::NotAnAddress),
            ("push.example", No::NotHttps),
            ("/x", No::NotAnAddress),
            ("https:///x", No::NotAnAddress),
            ("http://push.example/x", No::NotHttps),
            ("ftp://push.example/x", No::NotHttps),
            ("file:///etc/passwd", No::NotAnAddress),
            ("gopher://push.example/x", No::NotHttps),
            ("https://user@push.example/x", No::Credentials),
            ("https://user:word@push.example/x", No::Credentials),
            ("https://push.example@10.0.0.1/x", No::Credentials),
            ("https://push.example:8443/x", No::OtherPort),
            ("https://push.example:80/x", No::OtherPort),
            ("https://push.example:/x", No::OtherPort),
            ("https://push.example:0443/x", No::OtherPort),
            ("https://localhost/x", No::NotPublic),
            ("https://LOCALHOST/x", No::NotPublic),
            ("https://intranet/x", No::NotPublic),
            ("https://db.internal/x", No::NotPublic),
            ("https://printer.local/x", No::NotPublic),
            ("https://a.localhost/x", No::NotPublic),
            ("https://127.0.0.1/x", No::NotPublic),
            ("https://169.254.169.254/latest/meta-data", No::NotPublic),
            ("https://[::1]/x", No::NotPublic),
            ("https://[::ffff:127.0.0.1]/x", No::NotPublic),
            ("https://[::ffff:7f00:1]/x", No::NotPublic),
            ("https://[0:0:0:0:0:ffff:10.0.0.1]/x", No::NotPublic),
            ("https://[fe80::1]/x", No::NotPublic),
            ("https://[fd00::1]/x", No::NotPublic),
            ("https://[64:ff9b::10.0.0.1]/x", No::NotPublic),
            // Other ways to write 127.0.0.1, which some resolvers take.
            ("https://2130706433/x", No::NotAnAddress),
            ("https://0x7f000001/x", No::NotAnAddress),
            ("https://0x7f.0.0.1/x", No::NotAnAddress),
            ("https://0X7F.1/x", No::NotAnAddress),
            ("https://0177.0.0.1/x", No::NotAnAddress),
            ("https://017700000001/x", No::NotAnAddress),
            ("https://127.1/x", No::NotAnAddress),
            ("https://127.0.1/x", No::NotAnAddress),
            ("https://127.0.0.1./x", No::NotAnAddress),
            ("https://127.0.0.0x1/x", No::NotAnAddress),
            ("https://0/x", No::NotAnAddress),
            ("https://10.0.0.256/x", No::NotAnAddress),
            ("https://localhost./x", No::NotAnAddress),
            ("https://push.example./x", No::NotAnAddress),
            ("https://.push.example/x", No::NotAnAddress),
            ("https://push..example/x", No::NotAnAddress),
            ("https://push.example/x#y", No::NotAnAddress),
            ("https://push.example\\@10.0.0.1/x", No::NotAnAddress),
            ("https://push.example/x y", No::NotAnAddress),
            ("https://push.example/x\r\nX: y", No::NotAnAddress),
            ("https://１２７.0.0.1/x", No::NotAnAddress),
            ("https://ⓛocalhost/x", No::NotAnAddress),
            ("https://[fe80::1%25eth0]/x", No::NotAnAddress),
            ("https://[v1.fe80]/x", No::NotAnAddress),
            ("https://%31%32%37.0.0.1/x", No::NotAnAddress),
        ] {
            assert_eq!(refused(text), Some(why), "{text}");
        }
        assert_eq!(refused(&format!("https://push.example/{}", "x".repeat(MOST_BYTES))), Some(No::NotAnAddress));
    }

    #[test]
    fn hosts_can_be_named_and_tests_may_go_anywhere() {
        let rules = AddressRules { hosts: vec!["fcm.example".into(), "*.push.example".into()], ..Default::default() };
        for (host, taken) in [
            ("fcm.example", true),
            ("FCM.example", true),
            ("a.push.example", true),
            ("a.b.push.example", true),
            ("push.example", false),
            ("evilpush.example", false),
            (".push.example", false),
            ("fcm.example.evil.test", false),
            ("x.fcm.example", false),
        ] {
            assert_eq!(Target::parse(&format!("https://{host}/x"), &rules).is_ok(), taken, "{host}");
        }
        let anywhere = AddressRules { allow_private: true, ..Default::default() };
        let at = |text: &str| Target::parse(text, &anywhere).unwrap().origin();
        assert_eq!(at("http://127.0.0.1:8080/x"), "http://127.0.0.1:8080");
        assert_eq!(at("https://Push.Example:443/x"), "https://push.example");
        assert_eq!(at("https://push.example:8443/x"), "https://push.example:8443");
        assert_eq!(at("http://localhost/x"), "http://localhost");
    }

    proptest! {
        /// However an address of this machine or of a private network is written, nothing is sent there.
        #[test]
        fn no_spelling_leads_inside(
            first in prop::sample::select(vec![0_u8, 10, 127]),
            rest in any::<[u8; 3]>(),
            radix in prop::sample::select(vec![8, 10, 16]),
            parts in 1_usize..=4,
        ) {
            let bytes = [first, rest[0], rest[1], rest[2]];
            let whole = u32::from_be_bytes(bytes);
            let written = |number: u32| match radix {
                8 => format!("0{number:o}"),
                16 => format!("0x{number:x}"),
                _ => number.to_string(),
            };
            // Of an address in fewer than four parts the last one holds all that is left.
            let mut host: Vec<String> = bytes[..parts - 1].iter().map(|byte| written((*byte).into())).collect();
            let left = 8 * (5 - u32::try_from(parts).unwrap());
            host.push(written(u32::try_from(u64::from(whole) & ((1_u64 << left) - 1)).unwrap()));
            let host = host.join(".");
            let is_refused = refused(&format!("https://{host}/x")).is_some();
            prop_assert!(is_refused, "{}", host);
        }

        #[test]
        fn anything_is_read_without_a_panic(text in "\\PC{0,60}", host in "[a-z0-9.:@\\[\\]%-]{0,30}") {
            let _ = refused(&text);
            let _ = refused(&format!("https://{host}/x"));
        }
    }
}
