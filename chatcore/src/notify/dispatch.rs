//! Who is to be told of what, and when: one task, which hears of each message and decides when its time has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_proto::Timestamp;
use chat_proto::model::PresenceState;
use tokio::sync::mpsc;

use super::Channel;
use super::pending::{Candidate, Pending};
use super::verdict::{Circumstances, Verdict, verdict};
use crate::chat::Engine;
use crate::error::Result;
use crate::state::{
    Audience, Change, Command, ConversationNo, DeliveryId, Envelope, Event, Held, Members, Notice, Position, RecordKey,
    Telling, Unread, UserNo, row_number,
};
use crate::store::View;

/// Commits that wait for the dispatcher; when there are more it reads the log instead.
const QUEUE: usize = 256;
/// Lines of the log that are read at a time; with the longest messages that is a MiB.
const LINES: usize = 64;
/// People and conversations about which it is decided at a time, …
const AT_ONCE: usize = 256;
/// … and people of whom something was held back.
const HELD_AT_ONCE: usize = 32;
/// Conversations of one person that are put together, at the most; the others come with the next one.
const TOGETHER: usize = 100;
/// People and conversations that may wait in memory. With more, nothing new is heard before some are decided.
const MOST_PENDING: usize = 200_000;
/// What waits longer than this becomes a row: the log is not kept in mind for its sake.
const IN_MEMORY: Duration = Duration::from_mins(2);
/// Decisions are put together for so long: each is a commit into the tables, which sends wait for. Nobody sees the difference
/// in a mail or a push; what comes after a while of silence is decided at once.
const TOGETHER_FOR: Duration = Duration::from_millis(500);
/// How often it is kept how far everything is decided.
const KEEP_EVERY: Duration = Duration::from_mins(1);
/// When something could not be stored it is tried again after this long.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What the dispatcher wants to know of a commit: no texts, so that what waits for it is small.
#[derive(Debug)]
struct Commit {
    /// The last position of it.
    last: Position,
    messages: Vec<NewMessage>,
    has_letters: bool,
}

#[derive(Debug)]
struct NewMessage {
    position: Position,
    at: Timestamp,
    conversation: ConversationNo,
    writer: UserNo,
    members: Arc<Members>,
}

/// How the writer tells the dispatcher of commits: never waiting for it.
#[derive(Debug)]
pub(crate) struct Feed {
    commits: mpsc::Sender<Commit>,
    /// Something was not told; it stands in the log.
    missed: Arc<AtomicBool>,
}

/// Its other end.
#[derive(Debug)]
pub(crate) struct Heard {
    commits: mpsc::Receiver<Commit>,
    missed: Arc<AtomicBool>,
}

pub(crate) fn feed() -> (Feed, Heard) {
    let (sender, commits) = mpsc::channel(QUEUE);
    let missed = Arc::new(AtomicBool::new(false));
    (Feed { commits: sender, missed: Arc::clone(&missed) }, Heard { commits, missed })
}

impl Feed {
    /// What was committed just now; for the writer alone.
    pub(crate) fn saw(&self, events: &[Arc<Envelope>]) {
        let Some(last) = events.last().map(|event| event.position) else { return };
        let messages: Vec<NewMessage> = events.iter().filter_map(|event| NewMessage::of(event)).collect();
        let has_letters = events.iter().any(|event| matches!(event.event, Event::LetterWritten(_)));
        if has_letters || !messages.is_empty() {
            self.tell(Commit { last, messages, has_letters });
        }
    }

    /// After one that was not told none is, before the dispatcher has begun to read the log: it would take the later one
    /// for all there is.
    fn tell(&self, commit: Commit) {
        if !self.missed.load(Ordering::Acquire) && self.commits.try_send(commit).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl NewMessage {
    fn of(event: &Envelope) -> Option<Self> {
        match (&event.event, &event.audience, event.conversation, event.writer) {
            (Event::MessageCreated(_), Audience::Conversation { members, .. }, Some(conversation), Some(writer)) => {
                let (position, at, members) = (event.position, event.at, Arc::clone(members));
                Some(Self { position, at, conversation, writer, members })
            }
            _ => None,
        }
    }
}

/// Runs as long as the chat is open.
pub(crate) async fn dispatch(engine: Arc<Engine>, heard: Heard) {
    let start = loop {
        match start(&engine).await {
            Ok(start) => break start,
            Err(error) => {
                tracing::warn!(code = %error.code(), "nobody is told of anything yet; trying on");
                engine.clock.sleep_until(engine.clock.now().after(TRY_AGAIN)).await;
            }
        }
    };
    let pending = Pending::new(engine.notices.delays.clone(), start);
    let start_at = engine.clock.now();
    Dispatcher {
        kept: start,
        keep_at: engine.clock.now().after(KEEP_EVERY),
        engine,
        heard,
        pending,
        held_at: Some(start_at),
        decide_at: start_at,
        behind: true,
    }
    .run()
    .await;
}

/// Where the log is read on: with the first notifier that there is, from now on.
async fn start(engine: &Arc<Engine>) -> Result<Position> {
    let read = engine.read(|view| {
        let kept = view.record(&RecordKey::noticed())?.and_then(|row| row_number(&row)).map(Position);
        let oldest = Position(view.oldest()?.0.saturating_sub(1));
        Ok((kept.map(|kept| kept.max(oldest)), view.position()))
    });
    let (kept, head) = read.await?;
    if kept.is_none() {
        engine.writer.carry(Command::Notice(Box::new(Notice::Reached(head)))).await?;
    }
    Ok(kept.unwrap_or(head))
}

struct Dispatcher {
    engine: Arc<Engine>,
    heard: Heard,
    pending: Pending,
    /// How far it is kept that everything is decided, and when to keep it again.
    kept: Position,
    keep_at: Timestamp,
    /// When the next of those is to be looked at for whom something was held back.
    held_at: Option<Timestamp>,
    /// Nothing is decided before this moment: not long ago something was written.
    decide_at: Timestamp,
    /// The log has to be read before anything that is told can be heard.
    behind: bool,
}

impl Dispatcher {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.step().await {
                tracing::warn!(code = %error.code(), "who is to be told of what could not be decided; trying again");
                self.engine.clock.sleep_until(self.now().after(TRY_AGAIN)).await;
            }
            let next_due = self.pending.next_due().map(|due| due.max(self.decide_at));
            let wake = [next_due, self.held_at, Some(self.keep_at)].into_iter().flatten().min();
            let wake = wake.unwrap_or(self.keep_at);
            let has_room = self.pending.len() < MOST_PENDING;
            let commit = tokio::select! {
                commit = self.heard.commits.recv(), if has_room => match commit {
                    Some(commit) => commit,
                    None => return,
                },
                () = self.engine.clock.sleep_until(wake) => continue,
            };
            self.hear(commit);
        }
    }

    async fn step(&mut self) -> Result<()> {
        // From here on commits are told again; those before are in the log.
        self.behind |= self.heard.missed.swap(false, Ordering::AcqRel);
        if self.behind {
            self.read_on().await?;
        }
        // All that was acknowledged by now is decided together.
        while self.pending.len() < MOST_PENDING
            && let Ok(commit) = self.heard.commits.try_recv()
        {
            self.hear(commit);
        }
        let now = self.now();
        // A clock may be set back.
        if self.decide_at <= now || self.decide_at.since(now) > TOGETHER_FOR {
            while self.decide().await? {}
        }
        // Not with each commit: a look is a reading of the store.
        if self.held_at.is_some_and(|at| at <= now) {
            while self.look_at_held().await? {}
        }
        if now >= self.keep_at {
            self.keep_at = now.after(KEEP_EVERY);
            self.keep().await?;
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    fn hear(&mut self, commit: Commit) {
        if self.behind {
            return;
        }
        for NewMessage { position, at, conversation, writer, members } in commit.messages {
            if position > self.pending.reached() {
                for reader in members.iter().map(|member| member.user).filter(|user| *user != writer) {
                    self.pending.message(position, at, reader, conversation);
                }
            }
        }
        if commit.has_letters {
            self.engine.notices.ring(Channel::Mail);
        }
        self.pending.reach(commit.last);
    }

    /// Hears from the log what was not told.
    async fn read_on(&mut self) -> Result<()> {
        while self.pending.len() < MOST_PENDING {
            let after = self.pending.reached();
            let (messages, reached, is_all) = self.engine.read(move |view| messages_after(view, after)).await?;
            for (position, at, conversation, readers) in messages {
                for user in readers {
                    self.pending.message(position, at, user, conversation);
                }
            }
            self.pending.reach(reached);
            self.engine.notices.ring(Channel::Mail);
            if is_all {
                self.behind = false;
                break;
            }
        }
        Ok(())
    }

    /// Decides about some whose time has come. `true`: there are more.
    async fn decide(&mut self) -> Result<bool> {
        let now = self.now();
        let candidates = self.pending.due(now, AT_ONCE);
        if candidates.is_empty() {
            return Ok(false);
        }
        let decided = self.verdicts(candidates, now).await?;
        let mut together: BTreeMap<(UserNo, Channel), Vec<(Timestamp, Unread)>> = BTreeMap::new();
        let mut tellings = Vec::new();
        let mut held = Vec::new();
        for (candidate, verdict) in &decided {
            let Candidate { channel, user, conversation } = *candidate;
            match *verdict {
                Verdict::Tell { unread, since, together: true } => {
                    together.entry((user, channel)).or_default().push((since, unread));
                }
                Verdict::Tell { unread, .. } => tellings.push(self.telling(channel, user, vec![unread], false)),
                Verdict::Later(due) if due.since(now) > IN_MEMORY => {
                    held.push(Held { channel, user, conversation, due });
                }
                Verdict::Nothing | Verdict::Later(_) => {}
            }
        }
        for ((user, channel), mut unread) in together {
            unread.sort_unstable_by_key(|(since, unread)| (*since, unread.conversation));
            let unread = unread.into_iter().map(|(_, unread)| unread).collect();
            tellings.push(self.telling(channel, user, unread, true));
        }
        let held = self.not_held_yet(held).await?;
        if !held.is_empty() || !tellings.is_empty() {
            self.decide_at = now.after(TOGETHER_FOR);
        }
        self.hold(held).await?;
        self.tell(tellings).await?;
        for (candidate, verdict) in decided {
            match verdict {
                Verdict::Later(at) if at.since(now) <= IN_MEMORY => self.pending.again(&candidate, at),
                _ => self.pending.settle(&candidate),
            }
        }
        Ok(true)
    }

    /// Decides about some of whom something was held back. `true`: there are more.
    async fn look_at_held(&mut self) -> Result<bool> {
        let now = self.now();
        let read = self.engine.read(move |view| {
            let (from, before) = RecordKey::held_due_until(Timestamp::from_millis(i64::MAX - 1));
            let due = view.records(&from, &before, HELD_AT_ONCE)?;
            let due: Vec<_> = due.iter().filter_map(|(key, _)| key.due_held()).collect();
            let next = due.iter().map(|(at, ..)| *at).find(|at| *at > now);
            let mut held = Vec::new();
            for (at, channel, user) in due.into_iter().filter(|(at, ..)| *at <= now) {
                let (from, before) = RecordKey::all_held(channel, user);
                let rows = view.records(&from, &before, TOGETHER)?;
                let conversations: Vec<_> = rows.iter().filter_map(|(key, _)| key.of_conversation()).collect();
                held.push((at, channel, user, conversations));
            }
            Ok((held, next))
        });
        let (fired, next) = read.await?;
        self.held_at = next;
        let more = !fired.is_empty();
        for (at, channel, user, conversations) in fired {
            let is_full = conversations.len() == TOGETHER;
            let candidates = conversations.into_iter().map(|conversation| Candidate { channel, user, conversation });
            let decided = self.verdicts(candidates.collect(), now).await?;
            let (mut unread, mut settled, mut held) = (Vec::new(), Vec::new(), Vec::new());
            let mut is_together = false;
            for (candidate, verdict) in decided {
                let conversation = candidate.conversation;
                match verdict {
                    Verdict::Tell { unread: news, since, together } => {
                        is_together |= together;
                        unread.push((since, news));
                    }
                    Verdict::Nothing => settled.push(conversation),
                    Verdict::Later(due) => held.push(Held { channel, user, conversation, due }),
                }
            }
            // What found no place is looked at right after this, as long as that makes place.
            let looked_at = Some(at).filter(|_| !is_full || (unread.is_empty() && settled.is_empty()));
            unread.sort_unstable_by_key(|(since, unread)| (*since, unread.conversation));
            let unread: Vec<Unread> = unread.into_iter().map(|(_, unread)| unread).collect();
            let together = is_together || unread.len() > 1;
            let telling = self.telling(channel, user, unread, together);
            self.hold(held).await?;
            self.tell(vec![Telling { settled, looked_at, ..telling }]).await?;
        }
        Ok(more)
    }

    async fn verdicts(&self, candidates: Vec<Candidate>, now: Timestamp) -> Result<Vec<(Candidate, Verdict)>> {
        let notices = Arc::clone(&self.engine.notices);
        let rooms = Arc::clone(&self.engine.rooms);
        self.engine
            .read(move |view| {
                let decide = |candidate: Candidate| {
                    let delay = notices.delay(candidate.channel);
                    let is_here = rooms.state_of(candidate.user) == PresenceState::Online;
                    let needs_device = notices.need_device(candidate.channel);
                    let circumstances = Circumstances { now, delay, is_here, needs_device };
                    Ok((candidate, verdict(view, &candidate, circumstances)?))
                };
                candidates.into_iter().map(decide).collect()
            })
            .await
    }

    fn telling(&self, channel: Channel, user: UserNo, of: Vec<Unread>, together: bool) -> Telling {
        let id = chat_proto::MessageId::new(self.now(), self.engine.entropy.bytes());
        let id = DeliveryId(id.to_bytes());
        Telling { id, channel, user, of, settled: Vec::new(), together, looked_at: None }
    }

    async fn tell(&self, tellings: Vec<Telling>) -> Result<()> {
        if tellings.is_empty() {
            return Ok(());
        }
        let channels: Vec<Channel> = tellings.iter().map(|telling| telling.channel).collect();
        self.engine.writer.carry(Command::Notice(Box::new(Notice::Tell(tellings)))).await?;
        for channel in channels {
            self.engine.notices.ring(channel);
        }
        Ok(())
    }

    async fn hold(&mut self, held: Vec<Held>) -> Result<()> {
        let Some(first) = held.iter().map(|held| held.due).min() else { return Ok(()) };
        self.engine.writer.carry(Command::Notice(Box::new(Notice::Hold(held)))).await?;
        self.held_at = Some(self.held_at.map_or(first, |at| at.min(first)));
        Ok(())
    }

    /// Those of which a row does not say so already: of a lively conversation each message would write the same again.
    async fn not_held_yet(&self, held: Vec<Held>) -> Result<Vec<Held>> {
        if held.is_empty() {
            return Ok(held);
        }
        self.engine
            .read(move |view| {
                let mut new = Vec::with_capacity(held.len());
                for Held { channel, user, conversation, due } in held {
                    let rows = [RecordKey::held(channel, user, conversation), RecordKey::held_due(due, channel, user)];
                    let [waits, is_looked_at] = rows.map(|key| view.record(&key));
                    if waits?.is_none() || is_looked_at?.is_none() {
                        new.push(Held { channel, user, conversation, due });
                    }
                }
                Ok(new)
            })
            .await
    }

    /// Keeps how far everything is decided.
    async fn keep(&mut self) -> Result<()> {
        let decided = self.pending.decided();
        if decided > self.kept {
            self.engine.writer.carry(Command::Notice(Box::new(Notice::Reached(decided)))).await?;
            self.kept = decided;
        }
        Ok(())
    }
}

/// Messages with those who may have to be told of them, how far the log was read, and whether that was all of it.
type Messages = (Vec<(Position, Timestamp, ConversationNo, Vec<UserNo>)>, Position, bool);

fn messages_after(view: &dyn View, after: Position) -> Result<Messages> {
    let lines = view.lines_after(after, LINES)?;
    let is_all = lines.len() < LINES;
    let reached = if is_all { view.position() } else { lines.last().map_or(after, |line| line.position) };
    let mut messages = Vec::new();
    for line in lines {
        if let (Change::MessageCreated { conversation, .. }, Some(message)) = (&line.entry.change, &line.message)
            && let Some(row) = view.conversation(*conversation)?
        {
            let readers = row.members.iter().map(|member| member.user).filter(|user| *user != message.author);
            messages.push((line.position, line.entry.at, *conversation, readers.collect()));
        }
    }
    Ok((messages, reached, is_all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(position: u64) -> Commit {
        Commit { last: Position(position), messages: Vec::new(), has_letters: true }
    }

    #[test]
    fn after_a_gap_nothing_is_told_until_the_log_is_read() {
        let (feed, mut heard) = feed();
        let queue = QUEUE as u64;
        for position in 1..=queue + 1 {
            feed.tell(commit(position));
        }
        // There is room again, but what is told now would hide what is missing.
        assert!(heard.commits.try_recv().is_ok_and(|first| first.last == Position(1)));
        feed.tell(commit(queue + 2));
        let told = std::iter::from_fn(|| heard.commits.try_recv().ok()).map(|commit| commit.last.0);
        assert_eq!(told.last(), Some(queue));
        assert!(heard.missed.swap(false, Ordering::AcqRel));
        feed.tell(commit(queue + 3));
        assert!(heard.commits.try_recv().is_ok_and(|commit| commit.last == Position(queue + 3)));
    }
}
