//! What a client asks for, carried out by the same [`Actor`](chatcore::Actor) as everywhere else.

use chat_proto::model::Message;
use chat_proto::{ErrorCode, Seq};
use chatcore::{Draft, Submitted};
use serde_json::{Value, json};

use super::asked::{Ask, Asked};
use super::inbox::Heard;
use super::packet;
use super::session::{End, Session};
use super::telling;
use crate::compat::ids::shown;
use crate::problem::Refused;

/// What is said to who sends bytes.
const BINARY: &str = "Nothing here is binary: upload files by `POST /api/v1/attachments` and send their ids, or send the \
    message with its file by `POST /api/chat/messages`.";

/// What a request came to.
pub(super) struct Answer {
    ack: Option<u64>,
    /// The event that asked.
    of: String,
    result: Result<Done, Refused>,
}

/// What was done.
pub(super) enum Done {
    /// Nothing that would have to be shown.
    Plain(Value),
    /// A message is stored. `told`: everybody it concerns is told so anyway.
    Message { message: Box<Message>, told: bool },
}

impl Done {
    fn plain() -> Self {
        Self::Plain(json!({ "ok": true }))
    }

    fn message(message: &Message, told: bool) -> Self {
        Self::Message { message: Box::new(message.clone()), told }
    }
}

impl Session {
    pub(super) async fn hear(&mut self, heard: Heard) -> Result<(), End> {
        let (ack, json) = match heard {
            Heard::Event { ack, json } => (ack, json),
            Heard::Binary { ack } => {
                let refused = Refused::new(ErrorCode::Unsupported, BINARY);
                return self.refuse(ack, None, &refused).await;
            }
            Heard::Malformed => {
                return self.refuse(None, None, &Refused::invalid("", "This is no packet of Socket.IO.")).await;
            }
        };
        let asked = match Asked::parse(&json) {
            Ok(asked) => asked,
            Err(refused) => return self.refuse(ack, None, &refused).await,
        };
        if self.spoken.hear(&asked.name, |field| asked.has(field)) {
            self.around.tell_again();
        }
        let result = self.carry_out(&asked, ack).await;
        if let Some(result) = result.transpose() {
            self.answer(Answer { ack, of: asked.name, result }).await?;
        }
        self.tell_changes().await
    }

    /// `None`: the answer comes when it is on disk.
    async fn carry_out(&mut self, asked: &Asked, ack: Option<u64>) -> Result<Option<Done>, Refused> {
        match asked.ask()? {
            Ask::Hello => {
                self.around.tell_again();
                Ok(Some(Done::plain()))
            }
            Ask::Join => self.join(asked).await.map(Some),
            // Nobody is told less for having left a room: they are in the conversation as before.
            Ask::Leave => Ok(Some(Done::plain())),
            Ask::Send => self.send(asked, ack).await,
            Ask::Typing => self.typing(asked, asked.is_on()).await,
            Ask::StopTyping => self.typing(asked, false).await,
            Ask::Read => {
                let seq = self.read_up_to(asked).await?;
                let submitted = self.actor.conversation(asked.conversation()?).submit_read(seq).await?;
                self.answer_when_done(asked, ack, submitted, |()| Done::plain());
                Ok(None)
            }
            Ask::Edit => {
                asked.sent_by(self.actor.user_id())?;
                let conversation = self.actor.conversation(asked.conversation()?);
                let submitted = conversation.submit_edit(asked.message()?, &asked.text()?, None).await?;
                self.answer_when_done(asked, ack, submitted, |message| Done::message(&message, true));
                Ok(None)
            }
            Ask::Delete => {
                asked.sent_by(self.actor.user_id())?;
                let conversation = self.actor.conversation(asked.conversation()?);
                let submitted = conversation.submit_delete(asked.message()?, None).await?;
                self.answer_when_done(asked, ack, submitted, |message| Done::message(&message, true));
                Ok(None)
            }
            Ask::Renew => {
                let token = asked.token().ok_or_else(|| Refused::invalid("/1/token", "Show a token."))?;
                self.renew(token).await?;
                Ok(Some(Done::plain()))
            }
        }
    }

    /// Only asks whether one may: one is told of one's conversations either way, and of no other.
    async fn join(&mut self, asked: &Asked) -> Result<Done, Refused> {
        let conversation = self.actor.conversation(asked.conversation()?);
        conversation.get().await?;
        if self.spoken.lead().joining_reads {
            conversation.mark_read(Seq(u64::MAX)).await?;
        }
        Ok(Done::Plain(json!({ "ok": true, "conversationId": shown(conversation.id()) })))
    }

    async fn send(&mut self, asked: &Asked, ack: Option<u64>) -> Result<Option<Done>, Refused> {
        asked.sent_by(self.actor.user_id())?;
        let conversation = self.actor.conversation(asked.conversation()?);
        if let Some(id) = asked.stored() {
            // A page of the replaced backend's posts a message over REST and then says it again here.
            let message = conversation.message(id).await?;
            if message.author.id != self.actor.user_id() {
                return Err(Refused::new(ErrorCode::Forbidden, "You can only write as yourself."));
            }
            return Ok(Some(Done::message(&message, false)));
        }
        let files = asked.files()?;
        let text = if files.is_empty() { asked.text()? } else { asked.caption()? };
        let mut draft = Draft::text(text).attachments(files);
        draft = asked.client_id()?.into_iter().fold(draft, Draft::client_id);
        let submitted = conversation.submit(draft).await?;
        self.answer_when_done(asked, ack, submitted, |sent| Done::message(&sent.message, !sent.duplicate));
        Ok(None)
    }

    async fn typing(&mut self, asked: &Asked, on: bool) -> Result<Option<Done>, Refused> {
        self.actor.conversation(asked.conversation()?).typing(on).await?;
        Ok(Some(Done::plain()))
    }

    /// The message that somebody has read up to; without one, all of them.
    async fn read_up_to(&mut self, asked: &Asked) -> Result<Seq, Refused> {
        if !asked.has("messageId") {
            return Ok(Seq(u64::MAX));
        }
        let message = self.actor.conversation(asked.conversation()?).message(asked.message()?).await?;
        Ok(message.seq)
    }

    fn answer_when_done<T: Send + 'static>(
        &mut self,
        asked: &Asked,
        ack: Option<u64>,
        submitted: Submitted<T>,
        done: fn(T) -> Done,
    ) {
        let of = asked.name.clone();
        self.pending.push_back(Box::pin(async move {
            let result = submitted.done().await.map(done).map_err(Refused::from);
            Answer { ack, of, result }
        }));
    }

    /// Who waits for no answer is told by events: what went wrong, and what is stored if nothing else would say so.
    pub(super) async fn answer(&mut self, answer: Answer) -> Result<(), End> {
        let Answer { ack, of, result } = answer;
        let namespace = self.link.namespace;
        let done = match result {
            Ok(done) => done,
            Err(refused) => return self.refuse(ack, Some(&of), &refused).await,
        };
        let lead = self.spoken.lead();
        let (shown, event) = match done {
            Done::Plain(shown) => {
                let joined = lead.joined.filter(|_| shown.get("conversationId").is_some());
                (shown, joined)
            }
            // Its author is told by the feed.
            Done::Message { told: true, .. } if ack.is_none() => return Ok(()),
            Done::Message { message, .. } => {
                let sent = lead.sent.unwrap_or("messageSent");
                (telling::message(lead.form, &message, &self.actor), Some(sent).filter(|_| ack.is_none()))
            }
        };
        if let Some(name) = event {
            self.link.emit(packet::event(namespace, name, &shown)).await?;
        }
        if let Some(ack) = ack {
            self.link.emit(packet::answer(namespace, ack, &shown)).await?;
        }
        Ok(())
    }
}
