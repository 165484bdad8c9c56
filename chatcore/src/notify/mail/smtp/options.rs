use std::net::IpAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::notify::mail::MailError;

/// A mail server, and how it is spoken to.
#[derive(Clone)]
pub struct SmtpOptions {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: SmtpTls,
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
    pub(super) trusted: Option<Vec<u8>>,
    pub(super) timeout: Duration,
    pub(super) connections: usize,
}

/// How a connection is kept from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From its first byte on: `smtps://`.
    Implicit,
    /// By STARTTLS, or nothing is sent: `smtp://`, also `?tls=required`.
    Required,
    /// By STARTTLS if the server offers it, so that whoever stands between can take the offer away:
    /// `smtp://…?tls=opportunistic`.
    Opportunistic,
    /// Not at all: `smtp://…?tls=none`.
    Off,
}

impl SmtpOptions {
    /// Reads `smtp://host`, `smtps://host:port`, `smtp://host?tls=none` and so on. Without a port it is 465 for `smtps`, 587
    /// where STARTTLS is required, 25 otherwise. A password does not stand in an address.
    ///
    /// # Errors
    /// [`MailError::Url`].
    pub fn parse(url: &str) -> Result<Self, MailError> {
        // Somebody may have put a password into it.
        let shown = if url.contains('@') { "smtp://…@…" } else { url };
        let refuse = |why| MailError::Url { text: shown.to_owned(), why };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("it begins with smtp:// or smtps://"))?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.trim_end_matches('/');
        if authority.contains('@') {
            return Err(refuse("name and password are given apart from it"));
        }
        let tls = match (scheme, query) {
            ("smtps", "") => SmtpTls::Implicit,
            ("smtp", "" | "tls=required") => SmtpTls::Required,
            ("smtp", "tls=opportunistic") => SmtpTls::Opportunistic,
            ("smtp", "tls=none") => SmtpTls::Off,
            ("smtp" | "smtps", _) => {
                return Err(refuse("behind smtp://host may stand ?tls=required, ?tls=opportunistic or ?tls=none"));
            }
            _ => return Err(refuse("it begins with smtp:// or smtps://")),
        };
        let (host, port) = split_port(authority).ok_or_else(|| refuse("the port is a number from 1 to 65535"))?;
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !is_name(host) && host.parse::<IpAddr>().is_err() {
            return Err(refuse("the host is a name or an address"));
        }
        let usual = match tls {
            SmtpTls::Implicit => 465,
            SmtpTls::Required => 587,
            SmtpTls::Opportunistic | SmtpTls::Off => 25,
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            tls,
            user: String::new(),
            password: Zeroizing::default(),
            trusted: None,
            timeout: Duration::from_secs(30),
            connections: 2,
        })
    }

    /// Name and password at the server. Both empty, as by default: nobody signs in.
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        user.clone_into(&mut self.user);
        self.password = Zeroizing::new(password.to_owned());
        self
    }

    /// Certificates (PEM) by which the server may prove itself too. Default: none but the public ones.
    #[must_use]
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trusted = Some(pem.into());
        self
    }

    /// How long connecting and sending one mail may take in all. Default: 30 s; more than 50 s help nothing, since what is
    /// not delivered within a minute is tried again.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// So many connections at a time, one at the least. Default: 2.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }
}

/// Host and port, of which the host may be an IPv6 address in brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (host, behind.strip_prefix(':').or_else(|| behind.is_empty().then_some(""))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    if port.is_empty() {
        return Some((host, None));
    }
    Some((host, Some(port.parse().ok().filter(|port| *port != 0)?)))
}

/// Whether what is sent there leaves the machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl std::fmt::Debug for SmtpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, tls, timeout, connections, .. } = self;
        f.debug_struct("SmtpOptions")
            .field("host", host)
            .field("port", port)
            .field("tls", tls)
            .field("timeout", timeout)
            .field("connections", connections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_the_connection_is_kept_from_being_read() {
        for (url, host, port, tls) in [
            ("smtp://mail.shop.example", "mail.shop.example", 587, SmtpTls::Required),
            ("smtp://mail.shop.example:2525?tls=required", "mail.shop.example", 2525, SmtpTls::Required),
            ("smtp://mail.shop.example/?tls=opportunistic", "mail.shop.example", 25, SmtpTls::Opportunistic),
            ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1", 1025, SmtpTls::Off),
            ("smtps://[::1]", "::1", 465, SmtpTls::Implicit),
            ("smtps://[::1]:4650/", "::1", 4650, SmtpTls::Implicit),
        ] {
            let options = SmtpOptions::parse(url).unwrap();
            assert_eq!((options.host.as_str(), options.port, options.tls), (host, port, tls), "{url}");
        }
        for url in [
            "mail.shop.example",
            "http://mail.shop.example",
            "smtp://",
            "smtp://mail:0",
            "smtp://mail:smtp",
            "smtp://ma il",
            "smtp://mail?tls=maybe",
            "smtps://mail?tls=none",
            "smtp://[::1]x",
        ] {
            assert!(matches!(SmtpOptions::parse(url), Err(MailError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn a_password_stands_in_no_address_and_in_no_message() {
        let error = SmtpOptions::parse("smtp://me:hunter2@mail.shop.example").unwrap_err().to_string();
        assert!(error.contains("apart") && !error.contains("hunter2"), "{error}");
        let options = SmtpOptions::parse("smtp://mail.shop.example").unwrap().credentials("me", "hunter2");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
