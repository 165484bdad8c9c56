//! The addresses of web pages: our own and those that may call us.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// The origin of a web page as a browser sends it: scheme, host and, if it is not the usual one, the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// The address under which people reach the server, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrl(Option<Address>);

/// A text that is no address of the asked kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAddress;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    https: bool,
    host: String,
    origin: Origin,
    /// Without the slash at the end; empty for the root.
    path: String,
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let uri: Uri = text.parse().map_err(|_| NoAddress)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NoAddress),
        };
        let authority = uri.authority().ok_or(NoAddress)?;
        let host = authority.host().to_ascii_lowercase();
        // `Uri` takes a name and password in the authority, and drops a fragment silently.
        if host.is_empty() || host.contains('*') || authority.as_str().contains('@') || text.contains(['?', '#']) {
            return Err(NoAddress);
        }
        let scheme = if https { "https" } else { "http" };
        let usual = if https { 443 } else { 80 };
        let port = match authority.port_u16() {
            Some(port) if port != usual => format!(":{port}"),
            None if authority.as_str().len() > host.len() => return Err(NoAddress),
            _ => String::new(),
        };
        let origin = Origin(format!("{scheme}://{host}{port}"));
        Ok(Self { https, host, origin, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl Origin {
    /// As the header `Origin` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of an address that may have a path.
    pub(super) fn of(url: &str) -> Result<Self, NoAddress> {
        url.parse().map(|address: Address| address.origin)
    }
}

impl FromStr for Origin {
    type Err = NoAddress;

    /// Refuses a path, even `/`: what is compared exactly should be written exactly.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let after_scheme = text.split_once("://").ok_or(NoAddress)?.1;
        if after_scheme.contains('/') { Err(NoAddress) } else { Self::of(text) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PublicUrl {
    /// Whether none is set: the server is for this machine only.
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The origin of our own pages, if an address is set.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.as_ref().map(|address| &address.origin)
    }

    /// Whether it is https; false without an address.
    pub fn is_https(&self) -> bool {
        self.0.as_ref().is_some_and(|address| address.https)
    }

    /// Whether it names this machine; false without an address.
    pub fn is_loopback(&self) -> bool {
        let Some(Address { host, .. }) = &self.0 else {
            return false;
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.ends_with(".localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl FromStr for PublicUrl {
    type Err = NoAddress;

    /// The empty text is none.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|address| Self(Some(address))) }
    }
}

impl fmt::Display for PublicUrl {
    /// Without a slash at the end, so that a path can be put after it; nothing without an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(address) => write!(f, "{}{}", address.origin, address.path),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for (text, origin) in [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example:443", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), origin, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://*.shop.example",
            "ftp://shop.example",
            "https://me:pw@shop.example",
            "https://shop.example?x",
            "https://shop.example:99999",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NoAddress), "{text}");
        }
    }

    #[test]
    fn the_public_address_knows_this_machine() {
        for (text, https, loopback) in [
            ("https://chat.shop.example/desk/", true, false),
            ("http://localhost:9000", false, true),
            ("http://127.0.0.1", false, true),
            ("http://[::1]:9000/", false, true),
            ("http://localhost.evil.example", false, false),
            ("", false, false),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.is_https(), url.is_loopback()), (https, loopback), "{text}");
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
    }
}
