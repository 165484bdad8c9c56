//! TLS: who is trusted, how long a handshake may take, and in which words it fails.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::Error;
use crate::connector::Stream;

/// A server that takes a connection and does not finish the handshake in this time is given up.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// More of the names that a certificate is for are not told.
const NAMES_TOLD: usize = 3;

/// Makes connections to one host secret, and sure that it is this host.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl Tls {
    /// With the certificates that this machine trusts.
    pub(crate) fn of_this_machine(host: &str) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(Error::transport)?;
        Self::new(host, config.with_root_certificates(trusted()?).with_no_client_auth())
    }

    pub(crate) fn new(host: &str, mut config: ClientConfig) -> Result<Self, Error> {
        let refuse = |_| Error::InvalidUrl(format!("{host:?}: no certificate can be for this host"));
        let host = ServerName::try_from(host.to_owned()).map_err(refuse)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), host })
    }

    pub(crate) async fn shake_hands(&self, stream: TcpStream) -> Result<Stream, Error> {
        match timeout(HANDSHAKE_WITHIN, self.connector.connect(self.host.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(Error::transport(self.words(&error))),
            Err(_) => Err(Error::transport(format!(
                "the server took the connection, and no TLS handshake came about in {} s",
                HANDSHAKE_WITHIN.as_secs()
            ))),
        }
    }

    /// Why there was no handshake, as one sentence.
    fn words(&self, error: &io::Error) -> String {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(fault)) => self.distrust(fault),
            // What it said is no TLS.
            Some(rustls::Error::InvalidMessage(_)) => {
                "the server does not speak TLS; its URL may be one with http://".to_owned()
            }
            Some(error) => format!("no TLS with the server: {error}"),
            None => format!("the connection broke in the TLS handshake: {error}"),
        }
    }

    fn distrust(&self, fault: &CertificateError) -> String {
        let host = self.host.to_str();
        match fault {
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                format!("the server's certificate is for {}, not for {host}", names(presented))
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the server's certificate is not for {host}")
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("the server's certificate has expired, on {}", day(not_after.as_secs()))
            }
            CertificateError::Expired => "the server's certificate has expired".to_owned(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet, or the clock of this machine is wrong".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "the server's certificate is from an unknown issuer, whom nothing on this machine vouches for"
                    .to_owned()
            }
            CertificateError::BadSignature => {
                "the server's certificate was not signed by the issuer that it names".to_owned()
            }
            fault => format!("the server's certificate is not accepted: {fault}"),
        }
    }
}

/// The certificates that this machine trusts. What of them cannot be read is left out: the others are as good as before.
fn trusted() -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(Error::transport(format!(
        "this machine trusts no certificates{why}: install its package of them, such as ca-certificates, or name a file of \
         them in SSL_CERT_FILE"
    )))
}

/// The names as people write them; rustls gives `DnsName("shop.example")`.
fn names(presented: &[String]) -> String {
    let told = presented.iter().take(NAMES_TOLD).map(|name| name.split('"').nth(1).unwrap_or(name));
    let told = told.collect::<Vec<_>>().join(", ");
    if presented.len() > NAMES_TOLD { format!("{told}, …") } else { told }
}

fn day(seconds: u64) -> String {
    let moment = Timestamp::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)).to_string();
    moment.split('T').next().unwrap_or_default().to_owned()
}
