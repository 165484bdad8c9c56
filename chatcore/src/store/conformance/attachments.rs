use std::time::Duration;

use chat_proto::{AttachmentId, ErrorCode, MessageId, Role, UserId};

use super::cases;
use super::shop::{Acting, Shop, client_id};
use crate::attachments::Accepted;
use crate::clock::Clock;
use crate::state::{
    AttachmentRow, Command, FileRow, Origin, Outcome, Post, RecordKey, ThumbnailRow, attachments, row_number,
};

const LATE: Duration = Duration::from_hours(24);

/// A file of this content, whose small picture has another one.
fn file(n: u8, content: u8, small: Option<u8>) -> FileRow {
    FileRow {
        id: AttachmentId::from_bytes([n; 16]),
        name: format!("{n}.png"),
        media_type: "image/png".to_owned(),
        size: 1_000,
        sha256: [content; 32],
        width: Some(4),
        height: Some(3),
        thumbnail: small.map(|small| ThumbnailRow {
            media_type: "image/png".to_owned(),
            width: 2,
            height: 1,
            size: 10,
            sha256: [small; 32],
        }),
    }
}

fn keep(by: UserId, file: &FileRow) -> Command {
    Command::KeepAttachment { by: by.author(), file: Box::new(file.clone()) }
}

fn send(shop: &Shop, by: UserId, to: UserId, name: &str, files: &[&FileRow]) -> Command {
    let no = shop.view().direct(shop.no(by), shop.no(to)).expect("readable").expect("a conversation");
    let conversation = shop.view().conversation(no).expect("readable").expect("a conversation").id;
    let attachments = files.iter().map(|file| file.id).collect();
    let post = Post { attachments, ..Post::new(client_id(name), "") };
    Command::Send { by: by.author(), conversation, post }
}

fn row(shop: &Shop, file: &FileRow) -> Option<AttachmentRow> {
    attachments::found(&*shop.view(), file.id).expect("readable")
}

/// How often a content is needed, and whether there is a note that it can go.
fn content(shop: &Shop, content: u8) -> (u64, bool) {
    let record = |key| shop.view().record(&key).expect("readable");
    let needed = record(RecordKey::content(&[content; 32])).as_deref().and_then(row_number);
    (needed.unwrap_or(0), record(RecordKey::content_gone(&[content; 32])).is_some())
}

fn due(shop: &Shop) -> Vec<RecordKey> {
    let (from, before) = RecordKey::attachments_due_before(shop.clock.now());
    let due = shop.view().records(&from, &before, 100).expect("readable");
    due.into_iter().map(|(key, _)| key).collect()
}

/// The two, who have a conversation.
fn two(shop: &mut Shop) -> (UserId, UserId) {
    let (ana, leo) = (shop.person(Role::Customer, "ana"), shop.person(Role::Agent, "leo"));
    shop.direct(ana, leo);
    (ana, leo)
}

fn sent(outcome: Outcome) -> MessageId {
    let Outcome::Sent { message, .. } = outcome else { panic!("{outcome:?} instead of a message") };
    message.id
}

fn a_file_goes_with_its_message(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    let (one, other) = (file(1, 11, Some(12)), file(2, 11, None));
    for file in [&one, &other] {
        assert_eq!(shop.one(keep(ana, file)), Outcome::Attachment(Box::new(file.shown())));
    }
    assert_eq!(content(shop, 11), (2, false));
    let command = send(shop, ana, leo, "m1", &[&other, &one]);
    let Outcome::Sent { message, .. } = shop.one(command) else { panic!("no message") };
    assert_eq!(message.attachments, [other.shown(), one.shown()]);
    let conversation = message.conversation_id;
    shop.in_every_state(|shop| {
        assert_eq!(shop.timeline(conversation, 1, 1)[0].attachments(), [other.clone(), one.clone()]);
        let place = row(shop, &one).and_then(|row| row.sent).expect("it was sent");
        assert_eq!((place.conversation, place.seq), (shop.conversation(conversation).no, message.seq));
        let again = send(shop, ana, leo, "m2", &[&one]);
        assert_eq!(shop.refused(again), ErrorCode::Conflict);
        let back = Command::DeleteAttachment { by: ana.author(), attachment: one.id };
        assert_eq!(shop.refused(back), ErrorCode::Conflict);
    });
    // What was sent is not forgotten with time.
    shop.clock.advance(LATE);
    assert!(due(shop).is_empty());

    let (message, by) = (message.id, ana.author());
    shop.one(Command::DeleteMessage { by, conversation, message, if_version: None, origin: Origin::default() });
    shop.in_every_state(|shop| {
        assert!(row(shop, &one).is_none() && row(shop, &other).is_none());
        assert!(shop.timeline(conversation, 1, 1)[0].attachments().is_empty());
        assert_eq!((content(shop, 11), content(shop, 12)), ((0, true), (0, true)));
    });
    shop.one(Command::ContentsRemoved { contents: vec![[11; 32], [12; 32], [13; 32]] });
    shop.in_every_state(|shop| assert_eq!(content(shop, 11), (0, false)));
}

fn a_content_stays_while_somebody_needs_it(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    let (of_ana, of_leo) = (file(1, 11, Some(11)), file(2, 11, None));
    shop.commit(vec![keep(ana, &of_ana), keep(leo, &of_leo)]);
    assert_eq!(content(shop, 11), (3, false));
    shop.one(Command::DeleteAttachment { by: ana.author(), attachment: of_ana.id });
    assert_eq!(content(shop, 11), (1, false));
    shop.one(Command::DeleteAttachment { by: leo.author(), attachment: of_leo.id });
    assert_eq!(content(shop, 11), (0, true));
    // It comes again before it was removed: the note goes.
    shop.one(keep(ana, &of_ana));
    shop.in_every_state(|shop| assert_eq!(content(shop, 11), (2, false)));
}

fn only_who_uploaded_it_sends_it(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    let (one, absent) = (file(1, 11, None), file(9, 19, None));
    shop.one(keep(ana, &one));
    for (by, to, file) in [(leo, ana, &one), (ana, leo, &absent)] {
        let command = send(shop, by, to, "m1", &[file]);
        assert_eq!(shop.refused(command), ErrorCode::Invalid);
        let back = Command::DeleteAttachment { by: by.author(), attachment: file.id };
        assert_eq!(shop.refused(back), ErrorCode::NotFound);
    }
    // Of two messages in one commit the first one has it.
    let batch = vec![send(shop, ana, leo, "m1", &[&one]), send(shop, ana, leo, "m2", &[&one])];
    let outcomes = shop.commit(batch).outcomes;
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1].as_ref().expect_err("it was sent").code, ErrorCode::Conflict);
    let again = send(shop, ana, leo, "m1", &[&one]);
    assert!(matches!(shop.one(again), Outcome::Sent { duplicate: true, .. }));
    let other = send(shop, ana, leo, "m1", &[]);
    assert_eq!(shop.refused(other), ErrorCode::IdempotencyMismatch);
}

fn what_was_not_sent_is_forgotten(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    let (early, late, kept) = (file(1, 11, None), file(2, 12, None), file(3, 13, None));
    shop.commit(vec![keep(ana, &early), keep(ana, &kept)]);
    let command = send(shop, ana, leo, "m1", &[&kept]);
    sent(shop.one(command));
    shop.clock.advance(LATE / 2);
    shop.one(keep(ana, &late));
    assert!(due(shop).is_empty());
    shop.clock.advance(LATE / 2);
    let keys = due(shop);
    assert_eq!(keys.iter().filter_map(RecordKey::due_attachment).collect::<Vec<_>>(), [early.id]);
    shop.one(Command::CollectAttachments { due: keys.clone() });
    shop.in_every_state(|shop| {
        assert!(row(shop, &early).is_none() && row(shop, &late).is_some() && row(shop, &kept).is_some());
        assert_eq!((content(shop, 11), content(shop, 12)), ((0, true), (1, false)));
    });
    // Doing it again does nothing, also with what is not due.
    let position = shop.view().position();
    shop.one(Command::CollectAttachments { due: keys });
    assert_eq!(shop.view().position(), position);
}

fn a_day_has_a_limit_and_ends(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    shop.rules.attachments.bytes_per_day = 2_010;
    shop.one(keep(ana, &file(1, 11, Some(12))));
    shop.one(keep(ana, &file(2, 11, None)));
    let third = keep(ana, &file(3, 11, None));
    assert_eq!(shop.refused(third.clone()), ErrorCode::RateLimited);
    shop.one(keep(leo, &file(4, 11, None)));
    shop.clock.advance(LATE);
    shop.one(third);
    // What was uploaded on days that are over is forgotten.
    let keys = due(shop);
    shop.one(Command::CollectAttachments { due: keys });
    let (from, _) = RecordKey::uploaded_before(0);
    let (_, to) = RecordKey::uploaded_before(u32::MAX);
    assert_eq!(shop.view().records(&from, &to, 10).expect("readable").len(), 1);
}

fn kinds_are_taken_by_role(shop: &mut Shop) {
    let (ana, leo) = two(shop);
    shop.rules.attachments.accepted = Accepted::default().of_role(Role::Customer, ["text/plain"]);
    assert_eq!(shop.refused(keep(ana, &file(1, 11, None))), ErrorCode::UnsupportedMediaType);
    shop.one(keep(leo, &file(1, 11, None)));
}

cases![
    a_file_goes_with_its_message,
    a_content_stays_while_somebody_needs_it,
    only_who_uploaded_it_sends_it,
    what_was_not_sent_is_forgotten,
    a_day_has_a_limit_and_ends,
    kinds_are_taken_by_role,
];
