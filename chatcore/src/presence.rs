//! Who is online: whoever has at least one device that listens. Never stored; told only to people who share a
//! conversation.

use std::collections::HashSet;
use std::sync::Arc;

use chat_proto::UserId;

use crate::chat::{Chat, Engine};
use crate::rooms::Mailbox;
use crate::state::UserNo;
use crate::store::{StoreError, View};

/// Presence reaches the people of this many conversations, those with the newest activity …
const CONVERSATIONS: usize = 200;
/// … with at most this many participants: in larger ones it would be noise.
const PARTICIPANTS: usize = 50;

/// A device began to listen: it learns who is there, and, if it is their first, the others learn of them.
pub(crate) fn arrived(chat: &Chat, mailbox: &Arc<Mailbox>, first: bool) {
    let (engine, mailbox) = (Arc::clone(chat.engine()), Arc::clone(mailbox));
    chat.engine().tasks.spawn(async move {
        let rooms = Arc::clone(&engine.rooms);
        let user = mailbox.user;
        let Some((contacts, online)) = people_around(&engine, user).await else {
            return;
        };
        rooms.show_presence(&mailbox, &online);
        if first {
            rooms.signal_presence(contacts.into_iter(), &mailbox, true);
        }
    });
}

/// Somebody's last device is gone.
pub(crate) fn left(chat: &Chat, mailbox: &Arc<Mailbox>) {
    // Without a runtime the program is ending, and nobody is left to be told.
    if tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    let (engine, mailbox) = (Arc::clone(chat.engine()), Arc::clone(mailbox));
    chat.engine().tasks.spawn(async move {
        let Some((contacts, _)) = people_around(&engine, mailbox.user).await else {
            return;
        };
        engine.rooms.signal_presence(contacts.into_iter(), &mailbox, false);
    });
}

/// The people who share a conversation with this one, and the ids of those who are online.
async fn people_around(engine: &Arc<Engine>, user: UserNo) -> Option<(Vec<UserNo>, Vec<(UserNo, UserId)>)> {
    let rooms = Arc::clone(&engine.rooms);
    let around = engine.read(move |view| {
        let contacts = contacts(view, user)?;
        let mut online = Vec::new();
        for contact in contacts.iter().filter(|contact| rooms.is_online(**contact)) {
            if let Some(account) = view.account(*contact)? {
                online.push((*contact, account.id));
            }
        }
        Ok((contacts, online))
    });
    // Presence is lossy: when the store cannot be read there are better places to say so.
    around.await.ok()
}

fn contacts(view: &dyn View, user: UserNo) -> Result<Vec<UserNo>, StoreError> {
    let mut contacts = HashSet::new();
    for (_, no) in view.inbox(user, None, CONVERSATIONS)? {
        if let Some(conversation) = view.conversation(no)?
            && conversation.members.len() <= PARTICIPANTS
        {
            contacts.extend(conversation.members.iter().map(|member| member.user));
        }
    }
    contacts.remove(&user);
    Ok(contacts.into_iter().collect())
}
