//! What a client has said and what is not looked at yet: bounded in number and in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// So much may wait.
const MOST: usize = 256;
const MOST_BYTES: usize = 512 << 10;

/// Something that a client has said in one namespace.
#[derive(Debug)]
pub(super) enum Heard {
    /// An event, as JSON.
    Event { ack: Option<u64>, json: String },
    /// An event that is not text.
    Binary { ack: Option<u64> },
    /// Nothing that could be made out.
    Malformed,
}

impl Heard {
    /// Under which number it is to be answered.
    pub(super) fn ack(&self) -> Option<u64> {
        match self {
            Self::Event { ack, .. } | Self::Binary { ack } => *ack,
            Self::Malformed => None,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Event { json, .. } => json.len(),
            Self::Binary { .. } | Self::Malformed => 0,
        }
    }
}

/// Where it is put in. Once this is dropped nothing more comes out.
#[derive(Debug)]
pub(super) struct Inbox {
    put: mpsc::Sender<(Heard, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// Where it comes out.
#[derive(Debug)]
pub(super) struct Mail(mpsc::Receiver<(Heard, OwnedSemaphorePermit)>);

pub(super) fn inbox() -> (Inbox, Mail) {
    let (put, mail) = mpsc::channel(MOST);
    (Inbox { put, room: Arc::new(Semaphore::new(MOST_BYTES)) }, Mail(mail))
}

impl Inbox {
    /// Gives it back when there is no room.
    pub(super) fn put(&self, heard: Heard) -> Result<(), Heard> {
        let bytes = u32::try_from(heard.bytes()).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else { return Err(heard) };
        self.put.try_send((heard, permit)).map_err(|error| error.into_inner().0)
    }
}

impl Mail {
    /// The next; `None`: there will be none.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await.map(|(heard, _)| heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(bytes: usize) -> Heard {
        Heard::Event { ack: Some(7), json: "x".repeat(bytes) }
    }

    #[tokio::test]
    async fn it_is_bounded_in_number_and_in_bytes() {
        let (inbox, mut mail) = inbox();
        assert_eq!((0..1_000).filter(|_| inbox.put(saying(1)).is_ok()).count(), MOST);
        assert_eq!(inbox.put(saying(1)).unwrap_err().ack(), Some(7));
        while !mail.0.is_empty() {
            mail.next().await.unwrap();
        }
        assert_eq!((0..100).filter(|_| inbox.put(saying(64 << 10)).is_ok()).count(), MOST_BYTES / (64 << 10));
        mail.next().await.unwrap();
        inbox.put(saying(1)).unwrap();
        drop(inbox);
        while mail.next().await.is_some() {}
    }
}
