use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chat_proto::ErrorCode;
use data_encoding::BASE64_NOPAD;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// Hashes and verifies passwords, a few at a time: each takes 19 MiB and some 25 ms of a core, so a flood of sign-ins
/// must neither fill the memory nor starve the messages.
///
/// It has threads of its own, one less than there are cores, and each keeps its memory. Asked for anew with each hash, on a pool of many
/// threads, the allocator kept it once for each of them: after a thousand sign-ins that was 1.6 GB.
#[derive(Debug)]
pub(crate) struct Passwords {
    entropy: Arc<dyn Entropy>,
    /// What waits; when it is full, sign-ins are told to come back.
    waiting: mpsc::Sender<Work>,
}

type Work = Box<dyn FnOnce(&mut Hasher) + Send>;

/// What a hash is made with.
struct Hasher {
    params: Params,
    /// The memory that the algorithm fills; kept from hash to hash.
    blocks: Vec<Block>,
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

const WAITING_PER_THREAD: usize = 64;
const COME_BACK: Duration = Duration::from_secs(2);

impl Passwords {
    /// The threads end when this is dropped.
    pub(crate) fn start(entropy: Arc<dyn Entropy>, cost: Cost) -> std::io::Result<Self> {
        // One core stays free of them: what they leave of its caches to others is little, and under a flood they never rest.
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().max(2) - 1);
        let (waiting, work) = mpsc::channel(threads * WAITING_PER_THREAD);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..threads {
            let work = Arc::clone(&work);
            std::thread::Builder::new().name("chat-passwords".to_owned()).spawn(move || hash_on(&work, cost))?;
        }
        Ok(Self { entropy, waiting })
    }

    /// Refuses when there is no room for one more, before anything else is done for it.
    pub(crate) fn admit(&self) -> Result<()> {
        if self.waiting.capacity() == 0 { Err(busy()) } else { Ok(()) }
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        let salt: [u8; 16] = self.entropy.bytes();
        let password = Zeroizing::new(password);
        self.run(move |hasher| {
            hasher.hash(password.as_bytes(), &salt).map_err(|error| {
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
        self.run(move |hasher| match stored.as_deref().map(PasswordHash::new) {
            Some(Ok(stored)) => hasher.verify(password.as_bytes(), &stored),
            _ => {
                let _ = hasher.hash(password.as_bytes(), &salt);
                false
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Hasher) -> T + Send + 'static) -> Result<T> {
        let (answer, done) = oneshot::channel();
        // A client that hangs up has its hash made all the same: it was waited for.
        let work: Work = Box::new(move |hasher| drop(answer.send(work(hasher))));
        self.waiting.try_send(work).map_err(|_| busy())?;
        done.await.map_err(|error| Error::new(ErrorCode::Internal, "The sign-in was broken off.").caused_by(error))
    }
}

fn busy() -> Error {
    Error::new(ErrorCode::Unavailable, "Too many sign-ins at once.").retry_in(COME_BACK)
}

fn hash_on(work: &Mutex<mpsc::Receiver<Work>>, cost: Cost) {
    step_back();
    let mut hasher = Hasher { params: cost.params(), blocks: Vec::new() };
    loop {
        // The others wait for the lock while this one waits for work.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(work) = next else { return };
        work(&mut hasher);
    }
}

/// Lets everything else of this process go first where there are not cores enough for all: who signs in waits a moment
/// anyway, who writes to somebody does not like to.
fn step_back() {
    /// An ordinary thread gets nine times as much of a core that both want.
    #[cfg(target_os = "linux")]
    const NICENESS: i32 = 10;
    // On Linux, and there only, this is of the calling thread and not of its process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "signing in has the same priority as everything else");
    }
}

impl Hasher {
    fn hash(&mut self, password: &[u8], salt: &[u8]) -> Result<String, argon2::Error> {
        let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
        let params = self.params.clone();
        self.fill(params, Algorithm::Argon2id, Version::V0x13, password, salt, &mut hash)?;
        let (m, t, p) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let [salt, hash] = [salt, &hash].map(|bytes| BASE64_NOPAD.encode(bytes));
        Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
    }

    /// The string says itself how it was made, so that hashes outlive a change of the cost.
    fn verify(&mut self, password: &[u8], stored: &PasswordHash) -> bool {
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return false };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str());
        let version = stored.version.map_or(Ok(Version::default()), Version::try_from);
        let (Ok(algorithm), Ok(version), Ok(params)) = (algorithm, version, Params::try_from(stored)) else {
            return false;
        };
        let mut hash = vec![0; expected.len()];
        let made = self.fill(params, algorithm, version, password, salt.as_ref(), &mut hash);
        // `Output` compares in constant time.
        made.is_ok() && Output::new(&hash).is_ok_and(|hash| hash == *expected)
    }

    fn fill(
        &mut self,
        params: Params,
        algorithm: Algorithm,
        version: Version,
        password: &[u8],
        salt: &[u8],
        hash: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let needed = params.block_count();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, Block::default());
        }
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, salt, hash, &mut self.blocks[..needed])
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
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

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

    #[tokio::test]
    async fn beyond_what_may_wait_nothing_is_taken_in() {
        let passwords = Passwords::start(Arc::new(crate::clock::SystemEntropy), Cost::Owasp).unwrap();
        let most = passwords.waiting.max_capacity();
        let (mut hold, mut refused) = (Vec::new(), 0);
        for _ in 0..most * 2 {
            let mut hash = Box::pin(passwords.verify("correct horse".to_owned(), None));
            // Queued by the first poll, or refused by it.
            match hash.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Err(error)) => {
                    assert_eq!((error.code(), error.retry_after()), (ErrorCode::Unavailable, Some(COME_BACK)));
                    refused += 1;
                }
                _ => hold.push(hash),
            }
        }
        assert!(refused >= most / 2 && passwords.admit().is_err(), "{refused} of {}", most * 2);
    }

    /// Made by another implementation (the reference's `argon2` command) with another cost.
    #[tokio::test]
    async fn a_hash_that_was_made_elsewhere_verifies() {
        let passwords = Passwords::start(Arc::new(crate::clock::SystemEntropy), Cost::Least).unwrap();
        let stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(passwords.verify("password".to_owned(), Some(stored.to_owned())).await.unwrap());
        assert!(!passwords.verify("passwore".to_owned(), Some(stored.to_owned())).await.unwrap());
    }
}
