use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chat_proto::ErrorCode;
use data_encoding::BASE64_NOPAD;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use super::bcrypt::{Bcrypt, toil};
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
    /// How many hashes of Argon2 were made.
    #[cfg(any(test, feature = "testing"))]
    made: Arc<AtomicU64>,
}

type Work = Box<dyn FnOnce(&mut Hasher) + Send>;

/// What a hash is made with.
struct Hasher {
    params: Params,
    /// The memory that the algorithm fills; kept from hash to hash.
    blocks: Vec<Block>,
    made: Arc<AtomicU64>,
}

/// What came of looking at a password.
#[derive(Debug)]
pub(crate) enum Verdict {
    Wrong,
    /// `renewed`: how it is to be stored from now on, where it was stored in another way than it is by now.
    Right {
        renewed: Option<String>,
    },
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
        let made = Arc::new(AtomicU64::new(0));
        for _ in 0..threads {
            let (work, made) = (Arc::clone(&work), Arc::clone(&made));
            let hash = move || hash_on(&work, cost, made);
            std::thread::Builder::new().name("chat-passwords".to_owned()).spawn(hash)?;
        }
        Ok(Self {
            entropy,
            waiting,
            #[cfg(any(test, feature = "testing"))]
            made,
        })
    }

    /// How many hashes were made until now.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
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

    /// Whether it is the password that is stored like this.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        Ok(matches!(self.sign_in(password, stored, None).await?, Verdict::Right { .. }))
    }

    /// The same, of somebody who wants to sign in. Without anything stored it takes as long and says no, so that nobody
    /// learns from the clock which addresses have accounts. `bcrypt`: the highest cost of those hashes that come from
    /// elsewhere, if there are any left: then whatever is wrong takes as long as both kinds of hash together.
    pub(crate) async fn sign_in(
        &self,
        password: String,
        stored: Option<String>,
        bcrypt: Option<u32>,
    ) -> Result<Verdict> {
        let salt: [u8; 16] = self.entropy.bytes();
        let password = Zeroizing::new(password);
        self.run(move |hasher| {
            let (password, stored) = (password.as_bytes(), stored.as_deref());
            if !hasher.is_right(password, stored, &salt) {
                hasher.take_as_long(password, &salt, stored, bcrypt);
                return Verdict::Wrong;
            }
            let outdated = stored.is_some_and(|stored| !hasher.makes(stored));
            Verdict::Right { renewed: outdated.then(|| hasher.hash(password, &salt).ok()).flatten() }
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

fn hash_on(work: &Mutex<mpsc::Receiver<Work>>, cost: Cost, made: Arc<AtomicU64>) {
    step_back();
    let mut hasher = Hasher { params: cost.params(), blocks: Vec::new(), made };
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

    fn is_right(&mut self, password: &[u8], stored: Option<&str>, salt: &[u8]) -> bool {
        if let Some(bcrypt) = stored.and_then(Bcrypt::parse) {
            return bcrypt.verify(password);
        }
        match stored.map(PasswordHash::new) {
            Some(Ok(stored)) => self.verify(password, &stored),
            _ => {
                let _ = self.hash(password, salt);
                false
            }
        }
    }

    /// Does what was not done yet of one hash of each kind, the one of bcrypt with the highest cost.
    fn take_as_long(&mut self, password: &[u8], salt: &[u8], stored: Option<&str>, highest: Option<u32>) {
        let Some(highest) = highest else { return };
        match stored.and_then(Bcrypt::parse) {
            Some(done) => {
                // A step doubles the work, so 2^c and 2^c + 2^(c+1) + … + 2^(h-1) are 2^h.
                (done.cost()..highest).for_each(toil);
                let _ = self.hash(password, salt);
            }
            None => toil(highest),
        }
    }

    /// Whether hashes are made like this one now.
    fn makes(&self, stored: &str) -> bool {
        let Ok(stored) = PasswordHash::new(stored) else { return false };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str());
        let params = Params::try_from(&stored);
        algorithm == Ok(Algorithm::Argon2id)
            && stored.version == Some(Version::V0x13.into())
            && params.is_ok_and(|params| {
                let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
                cost(&params) == cost(&self.params)
            })
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
        self.made.fetch_add(1, Ordering::Relaxed);
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

    #[tokio::test]
    async fn what_was_hashed_otherwise_is_hashed_anew_when_it_is_right() {
        let passwords = Passwords::start(Arc::new(crate::clock::SystemEntropy), Cost::Least).unwrap();
        let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let other_cost = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (password, stored) in [("U*U", bcrypt), ("password", other_cost)] {
            for highest in [None, Some(5), Some(7)] {
                let sign_in = |password: &str| passwords.sign_in(password.to_owned(), Some(stored.to_owned()), highest);
                assert!(matches!(sign_in("U*V").await.unwrap(), Verdict::Wrong));
                let Verdict::Right { renewed: Some(renewed) } = sign_in(password).await.unwrap() else {
                    panic!("not renewed: {stored}")
                };
                assert!(renewed.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{renewed}");
                let again = passwords.sign_in(password.to_owned(), Some(renewed), highest).await.unwrap();
                assert!(matches!(again, Verdict::Right { renewed: None }));
            }
        }
        assert!(matches!(passwords.sign_in("U*U".to_owned(), None, Some(5)).await.unwrap(), Verdict::Wrong));
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
