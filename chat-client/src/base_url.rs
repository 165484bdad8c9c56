use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::Error;

/// Where the daemon is met: `http[s]://host[:port][/prefix]`, taken apart once.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl {
    /// `https` and `wss`, not `http` and `ws`.
    secure: bool,
    authority: Authority,
    /// Without a slash at its end.
    prefix: String,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::InvalidUrl(format!("{text:?}: {why}"));
        let uri: Uri = text.parse().map_err(|_| refuse("not a URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(refuse("a base URL begins with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("the host is missing"))?;
        if authority.host().is_empty() {
            return Err(refuse("the host is missing"));
        }
        if authority.as_str().contains('@') {
            // Not repeated: what stands before the @ may be a password.
            return Err(Error::InvalidUrl("a base URL carries no user or password".into()));
        }
        if uri.query().is_some() {
            return Err(refuse("a base URL has no query"));
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { secure, authority: authority.clone(), prefix })
    }

    /// Whether it is `https`.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host is the machine that this runs on.
    pub(crate) fn is_this_machine(&self) -> bool {
        let host = self.host().to_ascii_lowercase();
        let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
        address.is_ok_and(|address| address.is_loopback()) || host == "localhost" || host.ends_with(".localhost")
    }

    /// The host alone: where connections are made to.
    pub(crate) fn origin(&self) -> Result<Uri, Error> {
        let uri = Uri::builder().scheme(self.http()).authority(self.authority.clone()).path_and_query("/").build();
        uri.map_err(|error| Error::InvalidUrl(error.to_string()))
    }

    /// The address of a route of the API, such as `/me`.
    pub(crate) fn route(&self, path_and_query: &str) -> Result<Uri, Error> {
        self.uri(self.http(), &format!("/api/v1{path_and_query}"))
    }

    /// The address of a page beside the API, such as `/readyz`.
    pub(crate) fn beside(&self, path: &str) -> Result<Uri, Error> {
        self.uri(self.http(), path)
    }

    /// The address of the WebSocket.
    pub(crate) fn socket(&self) -> Result<Uri, Error> {
        self.uri(if self.secure { "wss" } else { "ws" }, "/api/v1/ws")
    }

    /// The host as certificates name it: IPv6 addresses without their brackets.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    fn http(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    fn uri(&self, scheme: &str, path_and_query: &str) -> Result<Uri, Error> {
        Uri::builder()
            .scheme(scheme)
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
            .map_err(|error| Error::InvalidUrl(error.to_string()))
    }
}

/// Whether somebody on the way can read what is sent to the server at this base URL, passwords too: it is `http`, to
/// another machine. For programs to warn of.
pub fn is_in_clear(base_url: &str) -> bool {
    BaseUrl::parse(base_url).is_ok_and(|base| !base.is_secure() && !base.is_this_machine())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_stand_under_the_base() {
        for (base, expected, socket) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/me", "ws://127.0.0.1:8080/api/v1/ws"),
            ("http://chat.test/", "http://chat.test/api/v1/me", "ws://chat.test/api/v1/ws"),
            ("http://[::1]:80/shop/", "http://[::1]:80/shop/api/v1/me", "ws://[::1]:80/shop/api/v1/ws"),
            ("https://shop.test/chat", "https://shop.test/chat/api/v1/me", "wss://shop.test/chat/api/v1/ws"),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(
                (base.route("/me").unwrap(), base.socket().unwrap()),
                (expected.parse().unwrap(), socket.parse().unwrap())
            );
        }
        let v6 = BaseUrl::parse("https://[::1]:8443/chat").unwrap();
        assert_eq!((v6.host(), v6.origin().unwrap().to_string().as_str()), ("::1", "https://[::1]:8443/"));
    }

    #[test]
    fn other_urls_are_refused_with_a_reason() {
        for (base, reason) in [
            ("ftp://chat.test", "begins with http:// or https://"),
            ("chat.test", "begins with http://"),
            ("/api", "begins with http://"),
            ("http://", "not a URL"),
            ("http://chat.test/?a=b", "no query"),
            ("https://me:secret@chat.test", "no user or password"),
        ] {
            let error = BaseUrl::parse(base).unwrap_err().to_string();
            assert!(error.contains(reason), "{base}: {error}");
            assert!(!error.contains("secret"));
        }
    }

    #[test]
    fn http_to_another_machine_is_in_clear() {
        for base in ["http://shop.test", "http://192.0.2.7:9000/chat", "http://[2001:db8::1]", "http://localhost.test"]
        {
            assert!(is_in_clear(base), "{base}");
        }
        for base in [
            "https://shop.test",
            "http://127.0.0.1:9000",
            "http://127.8.8.8",
            "http://[::1]:80",
            "http://[::ffff:127.0.0.1]",
            "http://LOCALHOST",
            "http://chat.localhost:80",
            "shop.test",
        ] {
            assert!(!is_in_clear(base), "{base}");
        }
    }
}
