//! Who is at the far end of a request: the peer, or whom a trusted proxy names.
//!
//! Anybody can write `X-Forwarded-For`. It is believed only as far as the proxies that the operator named have written
//! it: from the right, each hop is taken while the one that named it is trusted, and the first that is not trusted is
//! the client.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::config::ForwardedHeader;
use crate::listener::PeerAddr;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A chain that is longer than any real one says nothing.
const HOPS: usize = 32;

/// Where a request comes from; in the extensions of every request, and a parameter that every handler can take.
///
/// None when the router is part of a program that does not say who its peers are (as
/// [`PeerAddr`] or axum's `ConnectInfo<SocketAddr>`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientAddress {
    ip: Option<IpAddr>,
    through_proxy: bool,
}

/// The proxies in front of the server, and where they write whom they speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Their addresses. None of them: whoever connects is the client.
    pub networks: Vec<IpNet>,
    /// The header that they write. Only this one is read: the other comes through them as the client made it.
    pub header: ForwardedHeader,
}

impl ClientAddress {
    /// The address; never an IPv4 address in the form of IPv6.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        self.ip
    }

    /// Whether a trusted proxy stands between the client and this server.
    #[must_use]
    pub fn through_proxy(self) -> bool {
        self.through_proxy
    }

    /// What the connection and the headers of a request say.
    pub(crate) fn find(proxies: &TrustedProxies, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<PeerAddr>().map(|peer| peer.0);
        let peer = peer.or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
        let Some(peer) = peer.map(|peer| peer.ip().to_canonical()) else { return Self::default() };
        if !proxies.trust(peer) {
            return Self { ip: Some(peer), through_proxy: false };
        }
        let mut client = peer;
        for hop in proxies.hops(headers).into_iter().rev() {
            // What is no address was not told by it: the proxy itself has to stand for those behind it.
            let Some(ip) = hop else { break };
            client = ip;
            if !proxies.trust(ip) {
                break;
            }
        }
        Self { ip: Some(client), through_proxy: true }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

impl TrustedProxies {
    /// Whether this is the address of one.
    pub(crate) fn trust(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Who is named, the nearest last; at most [`HOPS`] of them.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self.header {
            ForwardedHeader::XForwardedFor => &X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => &header::FORWARDED,
        };
        let mut hops = Vec::new();
        // Several headers are one list (RFC 9110, 5.3).
        for value in headers.get_all(name) {
            let Ok(value) = value.to_str() else {
                hops.push(None);
                continue;
            };
            match self.header {
                ForwardedHeader::XForwardedFor => hops.extend(value.split(',').map(node)),
                ForwardedHeader::Forwarded => hops.extend(split(value, ',').map(|element| {
                    let mut pairs = split(element, ';').filter_map(|pair| pair.trim().split_once('='));
                    let named = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"));
                    named.and_then(|(_, value)| node(value.trim_matches('"')))
                })),
            }
        }
        let first = hops.len().saturating_sub(HOPS);
        hops.split_off(first)
    }
}

/// The address of a hop, with or without a port: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7`, `[2001:db8::7]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip: Option<IpAddr> = text.parse().ok().or_else(bare);
    ip.or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip())).map(|ip| ip.to_canonical())
}

/// The parts between separators that stand outside of quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: ForwardedHeader, peer: &str, lines: &[&str]) -> (String, bool) {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
        let proxies = TrustedProxies { networks, header };
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddr(SocketAddr::new(peer.parse().unwrap(), 1)));
        let address = ClientAddress::find(&proxies, &headers, &extensions);
        (address.ip().unwrap().to_string(), address.through_proxy())
    }

    #[test]
    fn the_header_of_a_stranger_is_ignored() {
        let spoofed = ["X-Forwarded-For: 192.0.2.1"];
        let found = found(ForwardedHeader::XForwardedFor, "203.0.113.9", &spoofed);
        assert_eq!(found, ("203.0.113.9".to_owned(), false));
    }

    #[test]
    fn the_client_is_the_nearest_hop_that_is_not_trusted() {
        for (peer, lines, client) in [
            ("10.0.0.1", &[] as &[&str], "10.0.0.1"),
            ("10.0.0.1", &["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
            ("fd00::1", &["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["X-Forwarded-For: [2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["X-Forwarded-For: 192.0.2.1:5050 , 10.0.0.2"], "192.0.2.1"),
            // What the client wrote itself stands to the left.
            ("10.0.0.1", &["X-Forwarded-For: 127.0.0.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["X-Forwarded-For: 10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("10.0.0.1", &["X-Forwarded-For: unknown"], "10.0.0.1"),
            ("10.0.0.1", &["X-Forwarded-For: 192.0.2.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["X-Forwarded-For: "], "10.0.0.1"),
            ("10.0.0.1", &["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"),
            // Proxies that write the one pass the other on as it came.
            ("10.0.0.1", &["Forwarded: for=127.0.0.1", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        ] {
            let found = found(ForwardedHeader::XForwardedFor, peer, lines);
            assert_eq!(found, (client.to_owned(), true), "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes() {
        for (line, client) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=127.0.0.1, for=192.0.2.43;proto=https;by=203.0.113.43", "192.0.2.43"),
            ("for=\"127.0.0.1, for=192.0.2.9\", proto=http;for=192.0.2.43, for=10.0.0.2", "192.0.2.43"),
            ("for=_hidden", "10.0.0.1"),
            ("for=192.0.2.43, proto=https", "10.0.0.1"),
            ("for=\"192.0.2.43", "192.0.2.43"),
        ] {
            let line = format!("Forwarded: {line}");
            let lines = [line.as_str(), "X-Forwarded-For: 127.0.0.1"];
            assert_eq!(found(ForwardedHeader::Forwarded, "10.0.0.1", &lines), (client.to_owned(), true), "{line}");
        }
    }

    #[test]
    fn of_an_endless_chain_only_the_near_end_counts() {
        let chain = format!("X-Forwarded-For: 192.0.2.1{}", ", 10.0.0.2".repeat(500));
        let found = found(ForwardedHeader::XForwardedFor, "10.0.0.1", &[&chain]);
        assert_eq!(found.0, "10.0.0.2");
    }
}
