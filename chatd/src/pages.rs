//! Which page of the web a request comes from, and whether it is one of the shop's.

use http::{HeaderMap, HeaderValue, header};

use crate::app::RouterConfig;
use crate::client_address::ClientAddress;
use crate::config::PublicUrl;

/// The page that a browser names in `Origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// No page is named: another program asks, or a browser that goes to its own origin.
    Unnamed,
    /// A configured one, or one of this server itself.
    OfTheShop,
    /// Anybody's, or several at once.
    Foreign,
}

impl Page {
    /// The page that these headers name.
    pub(crate) fn of(config: &RouterConfig, headers: &HeaderMap, address: ClientAddress) -> Self {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Self::Unnamed,
            (Some(origin), None)
                if config.allowed_origins.contains(origin) || is_own_page(origin, headers, address) =>
            {
                Self::OfTheShop
            }
            _ => Self::Foreign,
        }
    }
}

/// A page of this server itself, as on one's own machine: by its name, at its port, over plain HTTP, which is all that
/// this server speaks. Behind a proxy nobody can know what the page's address was, and a name other than the machine's own
/// can be anybody's (DNS rebinding): those pages have to be configured.
fn is_own_page(origin: &HeaderValue, headers: &HeaderMap, address: ClientAddress) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let (Ok(origin), Some(host), Some(ip)) = (origin.to_str(), host, address.ip()) else { return false };
    ip.is_loopback()
        && !address.through_proxy()
        && origin.strip_prefix("http://") == Some(host)
        && origin.parse().is_ok_and(|page: PublicUrl| page.is_loopback())
}
