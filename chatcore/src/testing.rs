//! For tests: a clock that is turned by hand, randomness that repeats, and a notifier that remembers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_proto::{ConversationId, Timestamp, UserId};
use tokio::sync::watch;

use crate::chat::Chat;
use crate::clock::{Clock, Entropy};
use crate::letters::Letter;
use crate::notify::{Channel, Delivering, News, Notification, Notifier, Undelivered, UnreadConversation, made_up};
use crate::state::LetterKind;

/// A clock that stands still until it is turned.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(watch::Sender::new(moment))
    }

    /// Turns it on; whoever waited for a moment that has passed now is woken.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.after(by));
    }

    /// Sets it, also back: clocks of machines are set.
    pub fn set(&self, moment: Timestamp) {
        self.0.send_replace(moment);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut now = self.0.subscribe();
            // The sender lives as long as the clock.
            let _ = now.wait_for(|now| *now >= moment).await;
        })
    }
}

/// Randomness that follows from a seed (`SplitMix64`, Steele et al., OOPSLA 2014). Never for secrets.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A notifier that keeps what it is given, and fails as it is told to. Clones are the same one.
#[derive(Clone, Debug)]
pub struct MemoryNotifier(Arc<Remembered>);

#[derive(Debug)]
struct Remembered {
    channel: Channel,
    tried: watch::Sender<Vec<Notification>>,
    /// To whom, or to anybody.
    answers: Mutex<VecDeque<(Option<UserId>, Answer)>>,
}

#[derive(Debug)]
enum Answer {
    Fails(Undelivered),
    Hangs,
}

impl MemoryNotifier {
    /// One for this channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self(Arc::new(Remembered { channel, tried: watch::Sender::new(Vec::new()), answers: Mutex::default() }))
    }

    /// The next attempt that nothing else was said of fails like this.
    pub fn fail(&self, undelivered: Undelivered) {
        self.answers().push_back((None, Answer::Fails(undelivered)));
    }

    /// The same, of the next attempt that goes to this person.
    pub fn fail_for(&self, user: UserId, undelivered: Undelivered) {
        self.answers().push_back((Some(user), Answer::Fails(undelivered)));
    }

    /// The next attempt that nothing else was said of never ends.
    pub fn hang(&self) {
        self.answers().push_back((None, Answer::Hangs));
    }

    /// All attempts so far, in their order.
    #[must_use]
    pub fn tried(&self) -> Vec<Notification> {
        self.0.tried.borrow().clone()
    }

    /// The so-manieth attempt, from 1, as soon as there is one.
    ///
    /// # Panics
    /// When there is none within 20 seconds.
    pub async fn attempt(&self, number: usize) -> Notification {
        let mut tried = self.0.tried.subscribe();
        let enough = tried.wait_for(|tried| tried.len() >= number);
        let enough = tokio::time::timeout(Duration::from_secs(20), enough).await;
        enough.expect("an attempt in time").expect("the notifier is there")[number - 1].clone()
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, VecDeque<(Option<UserId>, Answer)>> {
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notifier for MemoryNotifier {
    fn channel(&self) -> Channel {
        self.0.channel
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let is_for = |user: &Option<UserId>| user.is_none() || *user == notification.user;
            let answer = {
                let mut answers = self.answers();
                let place = answers.iter().position(|(user, _)| is_for(user));
                place.and_then(|place| answers.remove(place)).map(|(_, answer)| answer)
            };
            self.0.tried.send_modify(|tried| tried.push(notification.clone()));
            match answer {
                None => Ok(()),
                Some(Answer::Fails(undelivered)) => Err(undelivered),
                Some(Answer::Hangs) => std::future::pending().await,
            }
        })
    }
}

/// Something to hand to a [`Notifier`], of nothing that happened. It goes by mail to Ana.
#[must_use]
pub fn notification(id: [u8; 16], news: News) -> Notification {
    made_up::notification(id, news)
}

/// A conversation of which these messages are unread, each with the name of who wrote it.
#[must_use]
pub fn unread(id: ConversationId, title: &str, messages: &[(&str, &str)]) -> UnreadConversation {
    made_up::unread(id, title, messages)
}

/// A letter with a link that leads nowhere.
#[must_use]
pub fn letter(kind: LetterKind, to: &str, expires_at: Timestamp) -> Letter {
    Letter::made_up(kind, to, expires_at)
}

/// How many hashes of passwords were made until now, right ones and wrong ones: what a sign-in costs, without a clock.
#[must_use]
pub fn password_hashes(chat: &Chat) -> u64 {
    chat.engine().passwords.made()
}
