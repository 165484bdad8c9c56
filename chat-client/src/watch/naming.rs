//! My own name and picture, which stand in messages and lists of participants as they are now.

use chat_proto::model::{Conversation, Message, Person};

use super::{Diff, Inbox};

impl Inbox {
    pub(super) fn call_me_by_name(&self, message: &mut Message) {
        if let Some(me) = self.me_as_a_person() {
            rename(message, &me);
        }
    }

    pub(super) fn call_me_by_name_in(&self, conversation: &mut Conversation) {
        if let Some(me) = self.me_as_a_person() {
            rename_in(conversation, &me);
        }
    }

    pub(super) fn call_me_by_name_everywhere(&mut self, diffs: &mut Vec<Diff>) {
        let Some(me) = self.me_as_a_person() else { return };
        for conversation in self.conversations.iter_mut() {
            if rename_in(conversation, &me) {
                diffs.push(Diff::changed(conversation));
            }
        }
        for thread in self.threads.values_mut() {
            thread.rename(|message| rename(message, &me), diffs);
        }
    }

    fn me_as_a_person(&self) -> Option<Person> {
        self.me.as_ref().map(|me| Person {
            id: me.id,
            name: me.name.clone(),
            role: me.role,
            anonymous: me.anonymous,
            verified: me.verified,
            bot: me.bot,
            avatar: me.avatar.clone(),
        })
    }
}

fn rename(message: &mut Message, me: &Person) -> bool {
    let renamed = message.author.id == me.id && message.author != *me;
    if renamed {
        message.author.clone_from(me);
    }
    renamed
}

fn rename_in(conversation: &mut Conversation, me: &Person) -> bool {
    let mut renamed = conversation.last_message.as_mut().is_some_and(|message| rename(message, me));
    for participant in &mut conversation.participants {
        let is_old = (&participant.name, participant.role, &participant.avatar) != (&me.name, me.role, &me.avatar);
        if participant.id == me.id && is_old {
            participant.name.clone_from(&me.name);
            participant.role = me.role;
            participant.avatar.clone_from(&me.avatar);
            renamed = true;
        }
    }
    renamed
}
