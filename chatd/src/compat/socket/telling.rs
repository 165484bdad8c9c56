//! What happens, as the dialect of one client has it.

use std::collections::{BTreeSet, HashMap};

use chat_proto::model::{self, Person, PresenceState, User};
use chat_proto::{ConversationId, ErrorCode, Role, Seq, UserId};
use chatcore::{Actor, Event, Incoming, MessageChange, Signal, Told};
use serde_json::{Value, json};

use super::dialect::{Dialect, Form};
use super::packet;
use super::session::{End, Session};
use crate::compat::ids::shown;
use crate::compat::shape;
use crate::problem::Refused;

/// Of so many people it is known that they are there.
const MOST_ONLINE: usize = 1_024;
/// So much is told before the client is listened to again.
const AT_ONCE: usize = 64;
/// Of so many the name is remembered.
const MOST_NAMES: usize = 256;

/// The people around somebody.
#[derive(Debug)]
pub(super) struct Around {
    online: BTreeSet<UserId>,
    names: HashMap<UserId, (String, Role)>,
    /// Somebody came or went since it was told who is there.
    changed: bool,
}

impl Around {
    pub(super) fn new(me: &User) -> Self {
        // I am there, since I ask.
        let names = [(me.id, (me.name.clone(), me.role))].into();
        Self { online: [me.id].into(), names, changed: false }
    }

    fn name(&mut self, user: UserId, name: &str, role: Role) {
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        self.names.insert(user, (name.to_owned(), role));
    }

    /// Who is there is to be said once more.
    pub(super) fn tell_again(&mut self) {
        self.changed = true;
    }

    fn see(&mut self, user: UserId, state: PresenceState) {
        self.changed |= match state {
            PresenceState::Online => self.online.len() < MOST_ONLINE && self.online.insert(user),
            _ => self.online.remove(&user),
        };
    }
}

impl Session {
    pub(super) async fn say_hello(&mut self) -> Result<(), End> {
        if let Some(name) = self.spoken.lead().connected {
            self.emit(name, &json!({ "userId": shown(self.actor.user_id()) })).await?;
        }
        self.tell_online().await
    }

    pub(super) async fn tell(&mut self, incoming: Option<chatcore::Result<Incoming>>) -> Result<(), End> {
        let first = match incoming {
            Some(Ok(incoming)) => incoming,
            Some(Err(error)) => {
                let refused = Refused::from(&error);
                refused.log("an event stream broke off");
                return Err(if refused.code.status() == 401 { End::SignedOut(refused.code) } else { End::Reconnect });
            }
            None => return Err(End::SignedOut(ErrorCode::TokenRevoked)),
        };
        self.pass_on(first).await?;
        // What else is there comes before it is told who is there, since most comings and goings come several at once.
        for _ in 1..AT_ONCE {
            let Some(next) = self.stream.try_next() else { break };
            self.pass_on(next).await?;
        }
        self.tell_changes().await
    }

    async fn pass_on(&mut self, incoming: Incoming) -> Result<(), End> {
        match incoming {
            Incoming::Event(told) => self.tell_event(&told).await,
            Incoming::Signal(signal) => self.tell_signal(&signal).await,
            // So much was missed that only a new start helps, which every page makes when it is connected anew.
            Incoming::Reset => Err(End::Reconnect),
            _ => Ok(()),
        }
    }

    /// Who is there, when that is not what was told last.
    pub(super) async fn tell_changes(&mut self) -> Result<(), End> {
        if std::mem::take(&mut self.around.changed) { self.tell_online().await } else { Ok(()) }
    }

    async fn tell_event(&mut self, told: &Told) -> Result<(), End> {
        match told.event() {
            Event::MessageCreated(message) => {
                let Person { id, name, role, .. } = &message.author;
                self.around.name(*id, name, *role);
                self.tell_message(|dialect| dialect.message, &message).await?;
                if message.author.id == self.actor.user_id() {
                    let sent: Vec<_> = self.spoken.by_name(|dialect| dialect.sent).collect();
                    for (name, dialect) in sent {
                        self.emit(name, &self::message(dialect.form, &message, &self.actor)).await?;
                    }
                    return Ok(());
                }
                self.tell_unread(message.conversation_id, "unreadDelta", 1).await
            }
            Event::MessageChanged { message, how: MessageChange::Edited } => {
                self.tell_message(|dialect| dialect.edited, &message).await
            }
            Event::MessageChanged { message, how: MessageChange::Deleted } => {
                self.tell_message(|dialect| dialect.deleted, &message).await
            }
            Event::ReadMoved { conversation, user, seq } => self.tell_read(conversation, user, seq).await,
            Event::UserChanged(user) => {
                self.around.name(user.id, &user.name, user.role);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn tell_message(
        &mut self,
        name: impl Fn(&Dialect) -> &'static str,
        message: &model::Message,
    ) -> Result<(), End> {
        let names: Vec<_> = self.spoken.by_name(|dialect| Some(name(dialect))).collect();
        for (name, dialect) in names {
            self.emit(name, &self::message(dialect.form, message, &self.actor)).await?;
        }
        Ok(())
    }

    async fn tell_read(&mut self, conversation: ConversationId, user: UserId, seq: Seq) -> Result<(), End> {
        let body = json!({"conversationId": shown(conversation), "userId": shown(user), "seq": seq});
        let names: Vec<_> = self.spoken.by_name(|dialect| Some(dialect.read)).collect();
        for (name, _) in names {
            self.emit(name, &body).await?;
        }
        if user != self.actor.user_id() || self.spoken.by_name(|dialect| dialect.unread).next().is_none() {
            return Ok(());
        }
        // Since then somebody may have written, or put me out.
        match self.actor.conversation(conversation).get().await {
            Ok(now) => self.tell_unread(conversation, "unreadCount", now.item.unread).await,
            Err(_) => Ok(()),
        }
    }

    async fn tell_unread(&mut self, conversation: ConversationId, field: &str, number: u64) -> Result<(), End> {
        let names: Vec<_> = self.spoken.by_name(|dialect| dialect.unread).collect();
        for (name, _) in names {
            let me = shown(self.actor.user_id());
            self.emit(name, &json!({"conversationId": shown(conversation), "userId": me, field: number})).await?;
        }
        Ok(())
    }

    async fn tell_signal(&mut self, signal: &Signal) -> Result<(), End> {
        match *signal {
            Signal::Typing { conversation, user, on, .. } => self.tell_typing(conversation, user, on).await,
            Signal::Presence { user, state, .. } => {
                self.around.see(user, state);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn tell_typing(&mut self, conversation: ConversationId, user: UserId, on: bool) -> Result<(), End> {
        let (name, role) = self.name_of(user).await;
        let body = json!({
            "conversationId": shown(conversation),
            "userId": shown(user),
            "userName": name,
            "user": person(user, &name, role),
            "isTyping": on,
            "typing": on,
        });
        let lead = self.spoken.lead();
        let stopped: Vec<_> = self.spoken.by_name(|dialect| dialect.stopped).map(|(name, _)| name).collect();
        if on || lead.stopped.is_none() {
            self.emit(lead.typing, &body).await?;
        }
        for name in stopped.into_iter().filter(|_| !on) {
            self.emit(name, &body).await?;
        }
        Ok(())
    }

    async fn tell_online(&mut self) -> Result<(), End> {
        let ids: Vec<Value> = self.around.online.iter().map(|user| Value::String(shown(*user))).collect();
        let names: Vec<_> = self.spoken.by_name(|dialect| Some(dialect.online)).collect();
        for (event, dialect) in names {
            if dialect.online_people {
                let mut people = Vec::with_capacity(ids.len());
                for user in self.around.online.clone() {
                    let (name, role) = self.name_of(user).await;
                    people.push(person(user, &name, role));
                }
                self.emit(event, &people).await?;
            } else {
                self.emit(event, &ids).await?;
            }
        }
        Ok(())
    }

    /// Somebody whom the engine has told this person of.
    async fn name_of(&mut self, user: UserId) -> (String, Role) {
        if let Some(known) = self.around.names.get(&user) {
            return known.clone();
        }
        let account = self.link.app.chat.people().get(user).await.ok().flatten();
        let (name, role) =
            account.map_or_else(|| (String::new(), Role::Customer), |account| (account.name, account.role));
        self.around.name(user, &name, role);
        (name, role)
    }

    async fn emit(&mut self, name: &str, payload: &impl serde::Serialize) -> Result<(), End> {
        Ok(self.link.emit(packet::event(self.link.namespace, name, payload)).await?)
    }
}

fn person(user: UserId, name: &str, role: Role) -> Value {
    json!({"_id": shown(user), "id": shown(user), "name": name, "role": role})
}

/// A message in one of the forms; `tempId` stands beside `clientId`, since both were seen.
pub(super) fn message(form: Form, message: &model::Message, me: &Actor) -> Value {
    let mut shape = serde_json::to_value(shape::Message::of(message, false, me)).unwrap_or_default();
    let Value::Object(fields) = &mut shape else { return shape };
    if let Some(client_id) = &message.client_id {
        fields.insert("tempId".to_owned(), json!(client_id));
    }
    if form == Form::Original {
        return shape;
    }
    let Person { id, name, role, .. } = &message.author;
    for (field, value) in [
        ("conversationId", json!(shown(message.conversation_id))),
        ("senderId", json!(shown(*id))),
        ("text", json!(message.text)),
        ("body", json!(message.text)),
        ("status", json!("sent")),
        ("readBy", json!([shown(*id)])),
        ("edited", json!(message.edited_at.is_some())),
        ("deleted", json!(message.deleted_at.is_some())),
    ] {
        fields.insert(field.to_owned(), value);
    }
    if form == Form::WithPerson {
        fields.insert("sender".to_owned(), person(*id, name, *role));
    }
    if form == Form::Wrapped { json!({ "message": shape }) } else { shape }
}
