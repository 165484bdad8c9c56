use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use chat_proto::ErrorCode;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// Hashes and verifies passwords, a few at a time: each takes 19 MiB and some 25 ms of a core, so a flood of sign-ins
/// must neither fill the memory nor starve the messages.
#[derive(Debug)]
pub(crate) struct Passwords {
    entropy: Arc<dyn Entropy>,
    /// One hash per core.
    running: Arc<Semaphore>,
    /// Running and waiting; beyond it sign-ins are told to come back.
    admitted: Arc<Semaphore>,
    cost: Cost,
}

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
    pub(crate) fn new(entropy: Arc<dyn Entropy>, cost: Cost) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running = Arc::new(Semaphore::new(cores));
        let admitted = Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE)));
        Self { entropy, running, admitted, cost }
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
        let busy = || Error::new(ErrorCode::Unavailable, "Too many sign-ins at once.").retry_in(COME_BACK);
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        let params = self.cost.params();
        let done = tokio::task::spawn_blocking(move || {
            // The permits go with the work: a client that hangs up must not make room while its hash still runs.
            let _permits = (admitted, running);
            work(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        });
        done.await.map_err(|error| Error::new(ErrorCode::Internal, "The sign-in was broken off.").caused_by(error))
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
        let passwords = Passwords::new(Arc::new(crate::clock::SystemEntropy), Cost::Least);
        let stored = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(passwords.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), None).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), Some("$damaged$".to_owned())).await.unwrap());
    }
}
