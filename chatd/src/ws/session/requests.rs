//! What a client asks for on its socket.

use std::sync::Arc;

use chat_proto::ErrorCode;
use chat_proto::wire::{ClientFrame, Renewed, SendFrame, ServerFrame};
use chatcore::model::Message;
use chatcore::{Draft, Submitted};
use serde::Serialize;
use tokio::time::Instant;

use super::super::outbox::{End, Socket, feed, feed_frame, refusal};
use super::Session;
use crate::live;
use crate::problem::Refused;

impl Session {
    pub(super) async fn carry_out(&mut self, socket: &mut Socket, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Send(send) => {
                let SendFrame { re, conv, client_id, text, attachments, reply_to, mentions, if_last_seq } = send;
                let mut draft = Draft::text(text).client_id(client_id).attachments(attachments).mentions(mentions);
                draft = reply_to.into_iter().fold(draft, Draft::reply_to);
                draft = if_last_seq.into_iter().fold(draft, Draft::if_last_seq);
                let submitted = self.actor.conversation(conv).submit(draft).await;
                self.answer_when_done(Some(re), submitted, |sent| Some(sent.message));
                Ok(())
            }
            ClientFrame::Edit(edit) => {
                let conversation = self.actor.conversation(edit.conv);
                let submitted = conversation.submit_edit(edit.id, &edit.text, edit.if_version).await;
                self.answer_when_done(Some(edit.re), submitted, Some);
                Ok(())
            }
            ClientFrame::Delete(delete) => {
                let submitted = self.actor.conversation(delete.conv).submit_delete(delete.id, delete.if_version).await;
                self.answer_when_done(Some(delete.re), submitted, Some);
                Ok(())
            }
            ClientFrame::React(react) => {
                let conversation = self.actor.conversation(react.conv);
                let submitted = conversation.submit_reaction(react.id, &react.emoji, react.on).await;
                self.answer_when_done(Some(react.re), submitted, Some);
                Ok(())
            }
            ClientFrame::Read(read) => {
                let submitted = self.actor.conversation(read.conv).submit_read(read.seq).await;
                self.answer_when_done(read.re, submitted, |()| None);
                Ok(())
            }
            ClientFrame::Unread(unread) => {
                let submitted = self.actor.conversation(unread.conv).submit_unread(unread.seq).await;
                self.answer_when_done(unread.re, submitted, |()| None);
                Ok(())
            }
            ClientFrame::Delivered(delivered) => {
                let submitted = self.actor.conversation(delivered.conv).submit_delivered(delivered.seq).await;
                self.answer_when_done(delivered.re, submitted, |()| None);
                Ok(())
            }
            ClientFrame::Typing(typing) => {
                let told = self.actor.conversation(typing.conv).typing(typing.on).await;
                self.reply(socket, done(typing.re, &told)).await
            }
            ClientFrame::Viewing(viewing) => {
                let told = self.stream.viewing(viewing.conv, viewing.on).await;
                self.reply(socket, done(viewing.re, &told)).await
            }
            ClientFrame::Presence(presence) => {
                self.signs.again()?;
                self.stream.appear(presence.state);
                self.reply(socket, done(presence.re, &Ok(()))).await
            }
            ClientFrame::Ping(_) => {
                self.signs.again()?;
                self.last_out = Instant::now();
                let c = self.stream.idle_cursor().unwrap_or_else(|| self.stream.cursor());
                feed_frame(socket, &ServerFrame::Ping { c: c.as_str().to_owned() }).await
            }
            ClientFrame::Auth(auth) => {
                let renewed = self.renew(&auth.token).await;
                self.reply(socket, answer(Some(auth.re), renewed.as_ref().map(Some))).await
            }
            ClientFrame::Hello(_) => {
                let refused = Refused::new(ErrorCode::Conflict, "You have said hello already.");
                feed_frame(socket, &refusal(None, &refused)).await
            }
        }
    }

    pub(super) async fn reply(&mut self, socket: &mut Socket, reply: Reply) -> Result<(), End> {
        if reply.is_rate_limited {
            self.refused.again()?;
        }
        match reply.text {
            Some(text) => feed(socket, text).await,
            None => Ok(()),
        }
    }

    /// Answers in the order of the requests, when it is on disk. `shown`: the message that the answer shows.
    fn answer_when_done<T: Send + 'static>(
        &mut self,
        re: Option<u64>,
        submitted: chatcore::Result<Submitted<T>>,
        shown: fn(T) -> Option<Arc<Message>>,
    ) {
        self.pending.push_back(Box::pin(async move {
            let done = match submitted {
                Ok(submitted) => submitted.done().await,
                Err(error) => Err(error),
            };
            let shown = done.map(shown);
            answer(re, shown.as_ref().map(Option::as_deref))
        }));
    }

    /// From here on the socket lives as long as this token.
    async fn renew(&mut self, token: &str) -> chatcore::Result<Renewed> {
        let actor = self.app.chat.recognise(token).await?;
        self.stream.renew(&actor).await?;
        self.expires_at = live::expires_at(&self.app, &actor);
        let renewed = live::renewed(&self.app, &actor);
        self.actor = actor;
        Ok(renewed)
    }
}

/// What a request is answered with.
pub(super) struct Reply {
    /// None: nothing.
    text: Option<String>,
    is_rate_limited: bool,
}

/// Most answers take no more than this.
const USUAL_BYTES: usize = 768;

/// What a request that makes nothing is answered with: an error always, success only when the request has a number.
fn done(re: Option<u64>, result: &chatcore::Result<()>) -> Reply {
    answer(re, result.as_ref().map(|()| None::<&()>))
}

/// The same, with what was made.
fn answer<D: Serialize>(re: Option<u64>, result: Result<Option<&D>, &chatcore::Error>) -> Reply {
    /// An `ok` frame that borrows what it shows.
    #[derive(Serialize)]
    struct Ok<'a, D> {
        t: &'static str,
        re: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        d: Option<&'a D>,
    }
    match result {
        Result::Ok(d) => {
            let text = re.and_then(|re| live::json(&Ok { t: "ok", re, d }, USUAL_BYTES));
            Reply { text, is_rate_limited: false }
        }
        Err(error) => {
            let refused = Refused::from(error);
            refused.log("a frame could not be carried out");
            let is_rate_limited = refused.code == ErrorCode::RateLimited;
            Reply { text: serde_json::to_string(&refusal(re, &refused)).ok(), is_rate_limited }
        }
    }
}
