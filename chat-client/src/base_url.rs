use http::Uri;
use http::uri::{Authority, Scheme};

use crate::Error;

/// Where the daemon listens: `http://host[:port][/prefix]`, taken apart once.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl {
    authority: Authority,
    /// Without a slash at its end.
    prefix: String,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::InvalidUrl(format!("{text:?}: {why}"));
        let uri: Uri = text.parse().map_err(|_| refuse("not a URL"))?;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(scheme) if *scheme == Scheme::HTTPS => {
                return Err(refuse(
                    "https is not supported yet; use http to a daemon on this machine or behind a local proxy",
                ));
            }
            _ => return Err(refuse("a base URL begins with http://")),
        }
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
        Ok(Self { authority: authority.clone(), prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The address of a route of the API, such as `/me`.
    pub(crate) fn route(&self, path_and_query: &str) -> Result<Uri, Error> {
        self.uri("http", &format!("/api/v1{path_and_query}"))
    }

    /// The address of a page beside the API, such as `/readyz`.
    pub(crate) fn beside(&self, path: &str) -> Result<Uri, Error> {
        self.uri("http", path)
    }

    /// The address of the WebSocket.
    pub(crate) fn socket(&self) -> Result<Uri, Error> {
        self.uri("ws", "/api/v1/ws")
    }

    /// The host as the resolver wants it: IPv6 addresses without their brackets.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
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

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[test]
    fn routes_stand_under_the_base() {
        for (base, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/me"),
            ("http://chat.test/", "http://chat.test/api/v1/me"),
            ("http://[::1]:80/shop/", "http://[::1]:80/shop/api/v1/me"),
        ] {
            assert_eq!(BaseUrl::parse(base).unwrap().route("/me").unwrap(), expected);
        }
        let v6 = BaseUrl::parse("http://[::1]").unwrap();
        assert_eq!((v6.host(), v6.port()), ("::1", 80));
    }

    #[test]
    fn other_urls_are_refused_with_a_reason() {
        for (base, reason) in [
            ("https://chat.test", "https is not supported yet"),
            ("ftp://chat.test", "begins with http://"),
            ("chat.test", "begins with http://"),
            ("/api", "begins with http://"),
            ("http://", "not a URL"),
            ("http://chat.test/?a=b", "no query"),
            ("http://me:secret@chat.test", "no user or password"),
        ] {
            let error = BaseUrl::parse(base).unwrap_err().to_string();
            assert!(error.contains(reason), "{base}: {error}");
            assert!(!error.contains("secret"));
        }
    }
}
