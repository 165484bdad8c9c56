use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use chat_proto::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// Hashes and verifies passwords, a few at a time: each takes 19 MiB and some 25 ms of a core, so a flood of sign-ins
/// must neither fill the memory nor starve the messages.
///
/// It has threads of its own, one per core. On a pool of many threads the allocator would keep those 19 MiB once for each
/// of them: after a thousand sign-ins that was 1.6 GB.
#[derive(Debug)]
pub(crate) struct Passwords {
    entropy: Arc<dyn Entropy>,
    /// What waits; when it is full, sign-ins are told to come back.
    waiting: mpsc::Sender<Work>,
}

type Work = Box<dyn FnOnce(&Argon2<'_>) + Send>;

/// How hard a hash is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cost {
    /// Argon2id with 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat Sheet.
    Owasp,
    /// As little as the algorithm allows, for tests that are not about passwords.
    #[cfg(any(test, feature = "testing"))]
    Least,
}

const WAITING_PER_CORE: usize = 32;
const COME_BACK: Duration = Duration::from_secs(2);

impl Passwords {
    /// The threads end when this is dropped.
    pub(crate) fn start(entropy: Arc<dyn Entropy>, cost: Cost) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (waiting, work) = mpsc::channel(cores * WAITING_PER_CORE);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..cores {
            let work = Arc::clone(&work);
            std::thread::Builder::new().name("chat-passwords".to_owned()).spawn(move || hash_on(&work, cost))?;
        }
        Ok(Self { entropy, waiting })
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        let salt: [u8; 16] = self.entropy.bytes();
        let password = Zeroizing::new(password);
        self.run(move |argon2| {
            let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| {
                Error::new(ErrorCode::Internal, "The password could not be processed.").caused_by(error.to_string())
            })
        })
        .await?
    }

    /// Whether it is the password of this PHC string. Without one it takes as long and says no, so that nobody learns
    /// from the clock which addresses have accounts.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let salt: [u8; 16] = self.entropy.bytes();
        let password = Zeroizing::new(password);
        self.run(move |argon2| match stored.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => argon2.verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                let _ = argon2.hash_password_with_salt(password.as_bytes(), &salt);
                false
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static) -> Result<T> {
        let (answer, done) = oneshot::channel();
        // A client that hangs up has its hash made all the same: it was waited for.
        let work: Work = Box::new(move |argon2| drop(answer.send(work(argon2))));
        let busy = |_| Error::new(ErrorCode::Unavailable, "Too many sign-ins at once.").retry_in(COME_BACK);
        self.waiting.try_send(work).map_err(busy)?;
        done.await.map_err(|error| Error::new(ErrorCode::Internal, "The sign-in was broken off.").caused_by(error))
    }
}

fn hash_on(work: &Mutex<mpsc::Receiver<Work>>, cost: Cost) {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
    loop {
        // The others wait for the lock while this one waits for work.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(work) = next else { return };
        work(&argon2);
    }
}

impl Cost {
    fn params(self) -> Params {
        match self {
            Self::Owasp => Params::default(),
            #[cfg(any(test, feature = "testing"))]
            Self::Least => Params::new(Params::MIN_M_COST, 1, 1, None).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_cost_is_what_owasp_asks_for() {
        let params = Cost::Owasp.params();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
    }

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let passwords = Passwords::start(Arc::new(crate::clock::SystemEntropy), Cost::Least).unwrap();
        let stored = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(passwords.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), None).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), Some("$damaged$".to_owned())).await.unwrap());
    }
}
