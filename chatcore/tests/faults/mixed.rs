//! The same with all kinds of changes, from the first account on.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::model::Message;
use chat_proto::{ConversationId, ErrorCode, MessageId, Seq, UserId};
use chatcore::testing::ManualClock;
use chatcore::{Chat, Draft, Health, NewPerson, Result, Span};

use crate::disk::{Disk, Fault};
use crate::{CACHE, every_call, is_clear, name, open};

const ROUNDS: usize = 4;

/// What is certain: it was acknowledged, and nobody has tried to change it since.
#[derive(Default)]
struct Known {
    leo: Option<UserId>,
    ana: Option<UserId>,
    group: Option<ConversationId>,
    /// What the agent is called, one of these.
    names: Vec<String>,
    renamed: bool,
    sent: Vec<(ConversationId, Arc<Message>)>,
    /// Of each message that was tried to be changed: what it says, one of these.
    edited: Vec<(MessageId, Vec<String>)>,
    deleted: Vec<MessageId>,
    reacted: Vec<MessageId>,
    /// Who is in a group, or out of it.
    inside: Vec<(ConversationId, UserId, bool)>,
    read: Vec<(ConversationId, Seq)>,
}

struct Mixed {
    chat: Chat,
    known: Known,
    fault: Fault,
    says: String,
}

impl Mixed {
    /// What was answered; a refusal has to say what is wrong.
    fn told<T>(&self, what: &str, answer: Result<T>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            // It was there all the same.
            Err(error) if what == "register" && error.code() == ErrorCode::EmailTaken => None,
            Err(error) => {
                assert!(is_clear(self.fault, error.code()), "{}: {what}: {error:?}", self.says);
                assert!(error.is_retryable() && error.retry_after().is_some(), "{}: {what}: {error:?}", self.says);
                None
            }
        }
    }

    async fn register(&self, person: NewPerson) -> Option<UserId> {
        self.told("register", self.chat.people().create(person).await).map(|user| user.id)
    }

    async fn round(&mut self, i: usize) {
        if self.known.leo.is_none() {
            self.known.leo = self.register(NewPerson::agent(format!("leo{i}@shop.example"))).await;
        }
        if self.known.ana.is_none() {
            self.known.ana = self.register(NewPerson::customer(format!("ana{i}@shop.example"))).await;
        }
        let bo = self.register(NewPerson::customer(format!("bo{i}@shop.example"))).await;
        let (Some(leo), Some(ana)) = (self.known.leo, self.known.ana) else { return };
        let (leo, ana) = (self.chat.as_user(leo), self.chat.as_user(ana));
        let called = format!("Leo {i}");
        if self.told("rename", leo.rename(&called).await).is_some() {
            self.known.names.clear();
            self.known.renamed = true;
        }
        self.known.names.push(called);
        let made = self.told("group", leo.create_group(Some(&format!("Group {i}")), vec![ana.user_id()]).await);
        self.known.group = made.map(|group| group.id).or(self.known.group);
        let Some(group) = self.known.group else { return };
        let (leos, anas) = (leo.conversation(group), ana.conversation(group));
        if let Some(bo) = bo
            && self.told("add", leos.add(bo).await).is_some()
        {
            let stays = i.is_multiple_of(2);
            if stays || self.told("remove", leos.remove(bo).await).is_some() {
                self.known.inside.push((group, bo, stays));
            }
        }
        for j in 0..3 {
            let text = format!("message {j} {}", "x".repeat(i * 1_500));
            let draft = Draft::text(text).client_id(name(i * 3 + j));
            let Some(sent) = self.told("send", anas.send(draft).await) else { continue };
            let id = sent.message.id;
            match j {
                0 => self.edit(group, id, i).await,
                1 => {
                    let deleted = self.told("delete", anas.delete(id, None).await);
                    self.known.deleted.extend(deleted.map(|_| id));
                }
                _ => {
                    self.known.sent.push((group, sent.message));
                    let reacted = self.told("react", leos.react(id, "🎉", true).await);
                    self.known.reacted.extend(reacted.map(|_| id));
                }
            }
        }
        let read = self.told("read", leos.mark_read(Seq(2)).await);
        self.known.read.extend(read.map(|()| (group, Seq(2))));
    }

    async fn edit(&mut self, group: ConversationId, id: MessageId, i: usize) {
        let ana = self.chat.as_user(self.known.ana.expect("she wrote"));
        let mut says = Vec::new();
        for k in 0..2 {
            let text = format!("edited {i} {k}");
            if self.told("edit", ana.conversation(group).edit(id, &text, None).await).is_some() {
                says.clear();
            } else if says.is_empty() {
                // It may be as it was sent still.
                return;
            }
            says.push(text);
        }
        self.known.edited.push((id, says));
    }

    /// All that is certain is there.
    async fn check(&self) {
        let (Known { leo: Some(leo), .. }, says) = (&self.known, &self.says) else { return };
        let leo = self.chat.as_user(*leo);
        let called = leo.me().await.unwrap_or_else(|error| panic!("{says}: {error:?}")).name;
        assert!(
            !self.known.renamed || self.known.names.contains(&called),
            "{says}: {called}, of {:?}",
            self.known.names
        );
        for (group, message) in &self.known.sent {
            let found = leo.conversation(*group).message(message.id).await;
            let found = found.unwrap_or_else(|error| panic!("{says}: {message:?}: {error:?}"));
            assert_eq!((found.seq, &found.text), (message.seq, &message.text), "{says}");
        }
        for (group, user, inside) in &self.known.inside {
            let seen = self.chat.as_user(*user).conversation(*group).get().await;
            assert_eq!(seen.is_ok(), *inside, "{says}: {seen:?}");
        }
        for (group, seq) in &self.known.read {
            let seen = leo.conversation(*group).get().await.unwrap_or_else(|error| panic!("{says}: {error:?}"));
            assert!(seen.item.read_seq >= *seq, "{says}");
        }
        let mut rows = Vec::new();
        for row in leo.conversations(50, None).await.expect("the disk works").items {
            let history = leo.conversation(row.id).history(Span::Newest, 50).await.expect("the disk works").items;
            let seqs: Vec<u64> = history.iter().map(|message| message.seq.0).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "{says}");
            rows.extend(history);
        }
        let find = |id: &MessageId| rows.iter().find(|row| row.id == *id).unwrap_or_else(|| panic!("{says}: {id}"));
        for (id, texts) in &self.known.edited {
            assert!(texts.contains(&find(id).text), "{says}: {:?}, of {texts:?}", find(id).text);
        }
        for id in &self.known.deleted {
            assert!(find(id).deleted_at.is_some() && find(id).text.is_empty(), "{says}");
        }
        for id in &self.known.reacted {
            assert!(!find(id).reactions.is_empty(), "{says}");
        }
    }

    async fn close(self) -> Known {
        let says = self.says;
        self.chat.close(Duration::from_mins(1)).await.unwrap_or_else(|error| panic!("{says}: {error:?}"));
        self.known
    }
}

async fn begin(disk: &Disk, known: Known, n: usize) -> (Mixed, Arc<ManualClock>) {
    let fault = disk.state().fault;
    let says = format!("{fault:?} at call {n}");
    let store = disk.open().unwrap_or_else(|error| panic!("{says}: {error:?}"));
    let (chat, clock) = open(store).await;
    (Mixed { chat, known, fault, says }, clock)
}

async fn fails_at(n: usize, disk: &Disk) -> bool {
    let (mut mixed, clock) = begin(disk, Known::default(), n).await;
    disk.fail_after(n);
    for i in 0..ROUNDS {
        mixed.round(i).await;
    }
    let failed = disk.mend();
    clock.advance(Duration::from_secs(5));
    let person = NewPerson::customer("after@shop.example");
    let after = mixed.chat.people().create(person).await;
    let after = after.unwrap_or_else(|error| panic!("{}: mended, and still {error:?}", mixed.says)).id;
    assert_eq!(mixed.chat.health(), Health::Ready, "{}", mixed.says);
    mixed.check().await;
    let known = mixed.close().await;
    // The next start of the program.
    let (mixed, _) = begin(disk, known, n).await;
    mixed.check().await;
    assert!(mixed.chat.people().get(after).await.expect("the disk works").is_some(), "{}", mixed.says);
    mixed.close().await;
    failed
}

async fn fails_everywhere(step: usize, disk: impl Fn() -> Disk) {
    every_call(step, disk, fails_at).await;
}

#[tokio::test]
async fn whatever_is_changed_a_call_that_fails_once_costs_nothing_acknowledged() {
    fails_everywhere(7, || Disk::new(Fault::Once, CACHE)).await;
}

#[tokio::test]
async fn whatever_is_changed_a_dead_disk_costs_nothing_acknowledged() {
    fails_everywhere(11, || Disk::new(Fault::Dead, CACHE)).await;
}

#[tokio::test]
async fn whatever_is_changed_a_full_disk_costs_nothing_acknowledged_and_is_told_as_full() {
    fails_everywhere(1, || Disk::new(Fault::Full, CACHE)).await;
    fails_everywhere(11, || Disk::new(Fault::FullForGood, CACHE)).await;
}

/// Which call fails is another one each time.
#[tokio::test]
async fn whatever_is_changed_a_full_disk_is_told_as_full_though_another_thread_met_it() {
    fails_everywhere(1, || Disk::new(Fault::Full, CACHE).folding_beside()).await;
}
