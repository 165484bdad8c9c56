//! What there is without the feature `tls`: a reason.

use tokio::net::TcpStream;

use crate::Error;
use crate::connector::Stream;

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn of_this_machine(_: &str) -> Result<Self, Error> {
        Err(Error::InvalidUrl("https:// needs the feature `tls` of chat-client".to_owned()))
    }

    #[expect(clippy::unused_async, reason = "it stands for one that waits")]
    pub(crate) async fn shake_hands(&self, _: TcpStream) -> Result<Stream, Error> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use crate::Client;

    #[test]
    fn https_is_refused_with_what_it_needs() {
        let error = Client::new("https://shop.test").unwrap_err().to_string();
        assert!(error.contains("the feature `tls`"), "{error}");
    }
}
