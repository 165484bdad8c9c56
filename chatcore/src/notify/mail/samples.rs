//! Notifications of each kind, with which templates are tried before anybody gets a mail.

use chat_proto::{ConversationId, Timestamp};

use crate::letters::Letter;
use crate::notify::{News, Notification, UnreadConversation, made_up};
use crate::state::LetterKind;

pub(super) fn all(now: Timestamp) -> Vec<Notification> {
    let order = |messages: &[_]| made_up::unread(ConversationId::from_bytes([1; 16]), "Order 1001", messages);
    let nothing_shown = UnreadConversation {
        count: 3,
        ..made_up::unread(ConversationId::from_bytes([2; 16]), "Mug order, 40 pieces", &[])
    };
    let some_shown = UnreadConversation {
        count: 9,
        ..order(&[
            ("Leo Marsh", "Hello Ana,\n\nyour order left our house."),
            ("Dana Kerr", "The <b>mugs</b> & plates."),
        ])
    };
    let unread = |conversations, together| News::Unread { conversations, together };
    let letter = |kind: LetterKind| {
        let lasts = std::time::Duration::from_hours(if kind == LetterKind::EmailVerification { 24 } else { 1 });
        News::Letter(Letter::made_up(kind, "ana@mail.example", now.after(lasts)))
    };
    let mut samples: Vec<Notification> = [
        unread(vec![order(&[("Leo Marsh", "It left our house this morning.")])], false),
        unread(vec![some_shown.clone(), nothing_shown], true),
        letter(LetterKind::Invitation),
        letter(LetterKind::PasswordReset),
        letter(LetterKind::EmailVerification),
        // Nobody to greet, nothing to end it with, a link that is nearly over.
        unread(vec![some_shown], false),
        News::Letter(Letter::made_up(LetterKind::PasswordReset, "ana@mail.example", now.after(MINUTE))),
    ]
    .map(|news| made_up::notification([7; 16], news))
    .into();
    for bare in &mut samples[5..] {
        (bare.user, bare.name, bare.unsubscribe) = (None, None, None);
    }
    // Of an invitation nobody knows who that is.
    (samples[2].user, samples[2].name) = (None, None);
    samples
}

const MINUTE: std::time::Duration = std::time::Duration::from_mins(1);
