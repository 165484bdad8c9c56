//! Addresses of servers: which of them are the same, and what they are called.

/// Whether both lead to the same server. A session is used for no other.
pub(crate) fn same(one: &str, other: &str) -> bool {
    spelled(one) == spelled(other)
}

/// What a server is called: its host, with the port unless that goes without saying, and the path if there is one.
pub(crate) fn name(url: &str) -> String {
    spelled(url).1
}

/// An address in one spelling: the scheme, and host and path behind it. Without the port that goes without saying, and
/// without a slash at the end.
fn spelled(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let unsaid = match &*scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = host.strip_suffix(unsaid).unwrap_or(&host);
    let place = host.to_owned() + path.trim_end_matches('/');
    (scheme, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_however_it_is_spelled() {
        for (one, other) in [
            ("http://chat.test", "HTTP://Chat.Test:80/"),
            ("https://chat.test:443", "https://chat.test"),
            ("http://[::1]:9000/shop/", "http://[::1]:9000/shop"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("http://chat.test", "https://chat.test"),
            ("http://chat.test:443", "http://chat.test"),
            ("http://chat.test:9000", "http://chat.test:9001"),
            ("http://chat.test/one", "http://chat.test/One"),
            ("http://chat.test", "http://chat.test.evil.test"),
            ("http://[::80]", "http://[:]"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_server_is_called_by_its_host_and_what_else_tells_it_from_others() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("https://Chat.Test/", "chat.test"),
            ("https://chat.test:443/shop/", "chat.test/shop"),
            ("http://chat.test:443", "chat.test:443"),
        ] {
            assert_eq!(name(url), expected);
        }
    }
}
