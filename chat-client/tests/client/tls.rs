use std::sync::Arc;

use chat_client::{Client, Error, rustls};
use tokio::net::TcpListener;

fn trusting_nobody() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.expect("a provider").with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let client = Client::with_tls(&url, trusting_nobody()).unwrap().authenticated("token");
    for error in [client.me().await.unwrap_err(), client.live().await.unwrap_err()] {
        let says = "the connection failed: the server took the connection, and no TLS handshake came about in 10 s";
        assert_eq!(error.to_string(), says);
        assert!(error.is_retryable());
    }
}

#[test]
fn hosts_that_no_certificate_can_be_for_are_refused_at_once() {
    let error = Client::with_tls("https://a..b", trusting_nobody()).unwrap_err();
    assert_matches!(error, Error::InvalidUrl(why) if why.contains("no certificate"));
}
