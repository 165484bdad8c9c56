//! Certificates, made for one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Somebody who vouches for servers.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// One of this name.
    ///
    /// # Panics
    /// When there is no randomness.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let signed = parameters.self_signed(&key).expect("a certificate");
        Self { pem: signed.pem(), issuer: Issuer::new(parameters, key) }
    }

    /// Its own certificate, for `SSL_CERT_FILE`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Clients that trust nobody else.
    ///
    /// # Panics
    /// Never.
    pub fn trusted(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate")).expect("an authority");
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        config.expect("a provider").with_root_certificates(roots).with_no_client_auth()
    }

    /// What a server of these names, or addresses, shows.
    pub fn vouches_for(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.signed(&parameters(names))
    }

    /// The same, some years ago.
    pub fn vouched_for(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut parameters = parameters(names);
        parameters.not_after = rcgen::date_time_ymd(2020, 2, 29);
        self.signed(&parameters)
    }

    fn signed(&self, parameters: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let signed = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.expect("a provider").with_no_client_auth();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let mut config = config.with_single_cert(vec![signed.der().clone()], key).expect("they belong together");
        // As those do that stand before servers.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

fn parameters(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
