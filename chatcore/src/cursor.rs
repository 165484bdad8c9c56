//! Cursors that tell nothing: sealed, so that a customer cannot read the shop's activity from a position, nor make
//! one up.
//!
//! AES-256-GCM-SIV ([RFC 8452](https://www.rfc-editor.org/rfc/rfc8452)) with a fixed nonce: the same place always
//! gives the same cursor, which lets all sockets share an encoded event and reveals no more than that equality.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use chat_proto::model::Cursor;
use data_encoding::BASE64URL_NOPAD;

use crate::state::Position;

/// Seals and opens cursors with a key of the server's.
pub(crate) struct Seal(Aes256GcmSiv);

const EVENTS: &[u8] = b"events";

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(key.into()))
    }

    /// A place in the events, as it is handed out in this epoch.
    pub(crate) fn event(&self, epoch: u64, position: Position) -> Cursor {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&epoch.to_be_bytes());
        place[8..].copy_from_slice(&position.0.to_be_bytes());
        self.page(EVENTS, &place)
    }

    /// The place that an event cursor names, and in which epoch it was handed out; `None`: it was not made by this
    /// server for this purpose.
    pub(crate) fn open_event(&self, cursor: &Cursor) -> Option<(u64, Position)> {
        let place = self.open_page(EVENTS, cursor)?;
        let (epoch, position) = (place.first_chunk::<8>()?, place.get(8..)?.first_chunk::<8>()?);
        Some((u64::from_be_bytes(*epoch), Position(u64::from_be_bytes(*position))))
    }

    /// A place in a list; `list` names the list and everything that it was filtered by.
    pub(crate) fn page(&self, list: &[u8], place: &[u8]) -> Cursor {
        // Sealing short texts in memory does not fail; an empty cursor would be refused when it comes back.
        let sealed = self.0.encrypt(&Nonce::default(), Payload { msg: place, aad: list }).unwrap_or_default();
        Cursor::from_text(BASE64URL_NOPAD.encode(&sealed))
    }

    /// The place that a page cursor of this list names.
    pub(crate) fn open_page(&self, list: &[u8], cursor: &Cursor) -> Option<Vec<u8>> {
        let sealed = BASE64URL_NOPAD.decode(cursor.as_str().as_bytes()).ok()?;
        self.0.decrypt(&Nonce::default(), Payload { msg: &sealed, aad: list }).ok()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_for_its_own_purpose_and_server() {
        let seal = Seal::new(&[7; 32]);
        let cursor = seal.event(1, Position(42));
        assert_eq!(seal.open_event(&cursor), Some((1, Position(42))));
        assert_eq!(Seal::new(&[8; 32]).open_event(&cursor), None);
        assert_eq!(seal.open_page(b"inbox", &cursor), None);
        for text in ["", "x", "AAAA", "…", &cursor.as_str()[1..]] {
            assert_eq!(seal.open_event(&Cursor::from_text(text.to_owned())), None, "{text:?}");
        }
    }

    #[test]
    fn neighbouring_places_look_unrelated() {
        let seal = Seal::new(&[7; 32]);
        let (one, other) = (seal.event(1, Position(1)), seal.event(1, Position(2)));
        assert_eq!(one.as_str().len(), 43);
        let same = one.as_str().bytes().zip(other.as_str().bytes()).filter(|(a, b)| a == b).count();
        assert!(same < 10, "{same} of 43 characters are the same");
    }
}
