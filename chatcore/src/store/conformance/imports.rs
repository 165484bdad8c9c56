use std::time::Duration;

use chat_proto::model::ConversationKind;
use chat_proto::{AttachmentId, ConversationId, ErrorCode, MessageId, ObjectId, Role, Timestamp, UserId};

use super::cases;
use super::shop::{Acting, Shop, client_id};
use crate::clock::Clock;
use crate::state::{
    AccountState, AuditAction, AuditRow, Change, Command, FileRow, ForeignHashes, Imported, ImportedConversation,
    ImportedMessage, ImportedUser, Origin, Outcome, Position, RecordKey, attachments, row_number,
};

/// Long before the shop's clock.
const THEN: i64 = 1_700_000_000_000;
const BCRYPT: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// An id as the other system made them: in this second, the how many-th.
fn old(second: u32, number: u8) -> ObjectId {
    let mut bytes = [number; 12];
    bytes[..4].copy_from_slice(&(1_700_000_000 + second).to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn at(second: u32) -> Timestamp {
    Timestamp::from_millis(THEN + i64::from(second) * 1_000)
}

fn person(number: u8, name: &str, role: Role) -> ImportedUser {
    ImportedUser {
        id: old(0, number).into(),
        email: format!("{name}@shop.example"),
        name: name.to_owned(),
        role,
        state: AccountState::Active,
        password: None,
        email_verified: false,
        created_at: at(0),
    }
}

fn direct(number: u8, one: UserId, other: UserId) -> ImportedConversation {
    ImportedConversation {
        id: old(1, number).into(),
        kind: ConversationKind::Direct,
        subject: None,
        participants: vec![one, other],
        owner: None,
        created_at: at(1),
    }
}

fn message(second: u32, number: u8, author: UserId, text: &str) -> ImportedMessage {
    ImportedMessage {
        id: old(second, number).into(),
        client_id: client_id(&old(second, number).to_string()),
        author,
        text: text.to_owned(),
        created_at: at(second),
        edited_at: None,
        deleted_at: None,
        files: Vec::new(),
    }
}

fn import(conversation: ConversationId, messages: Vec<ImportedMessage>) -> Command {
    Command::ImportMessages { conversation, messages, read: Vec::new() }
}

fn came(shop: &mut Shop, command: Command) -> usize {
    match shop.one(command) {
        Outcome::Imported(count) => count,
        other => panic!("{other:?} instead of a count"),
    }
}

/// Two people from elsewhere, and their conversation.
fn brought(shop: &mut Shop) -> (UserId, UserId, ConversationId) {
    let (ana, leo) = (person(1, "ana", Role::Customer), person(2, "leo", Role::Agent));
    let (one, other) = (ana.id, leo.id);
    let chat = direct(3, one, other);
    let id = chat.id;
    let batch = vec![
        Command::ImportUser(Box::new(ana)),
        Command::ImportUser(Box::new(leo)),
        Command::ImportConversation(Box::new(chat)),
    ];
    assert!(shop.commit(batch).outcomes.into_iter().all(|outcome| outcome == Ok(Outcome::Imported(1))));
    (one, other, id)
}

fn ids_and_moments_are_kept(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    let mut edited = message(3, 2, leo, "It left today.");
    edited.edited_at = Some(at(9));
    let mut deleted = message(4, 3, ana, "");
    deleted.deleted_at = Some(at(8));
    let expected = [MessageId::from(old(2, 1)), edited.id, deleted.id];
    assert_eq!(came(shop, import(chat, vec![message(2, 1, ana, "Where is it?"), edited, deleted])), 3);
    shop.in_every_state(|shop| {
        let rows = shop.timeline(chat, 1, 3);
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
        assert_eq!(rows.iter().map(|row| row.created_at).collect::<Vec<_>>(), [at(2), at(3), at(4)]);
        assert_eq!(rows[1].extras.as_ref().and_then(|extras| extras.edited_at), Some(at(9)));
        assert_eq!((rows[2].deleted_at(), rows[2].text.as_str()), (Some(at(8)), ""));
        let conversation = shop.conversation(chat);
        assert_eq!((conversation.created_at, conversation.updated_at), (at(1), at(4)));
        assert!(conversation.members.iter().all(|member| member.joined_at == at(1)));
        let log = shop.view().lines_after(Position(0), 100).expect("readable");
        assert!(log.is_sorted_by_key(|line| line.entry.at), "moments ascend in the log");
        assert!(log.iter().all(|line| line.entry.at > at(100)), "they are those of the import");
    });
    let Outcome::Sent { message, .. } = shop.one(ana.send(chat, "new", "Thanks")) else { panic!("not sent") };
    assert!(message.id > expected[2] && message.seq.0 == 4);
}

fn bringing_it_again_changes_nothing(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    let messages = vec![message(2, 1, ana, "one"), message(3, 2, leo, "two")];
    assert_eq!(came(shop, import(chat, messages.clone())), 2);
    shop.in_every_state(|shop| {
        let again = vec![
            Command::ImportUser(Box::new(person(1, "another name", Role::Admin))),
            Command::ImportConversation(Box::new(direct(3, ana, leo))),
            import(chat, messages.clone()),
        ];
        let committed = shop.commit(again);
        assert!(committed.events.is_empty());
        assert_eq!(committed.outcomes, vec![Ok(Outcome::Imported(0)); 3]);
    });
    let more = vec![message(3, 2, leo, "two"), message(4, 3, ana, "three"), message(4, 3, ana, "three")];
    assert_eq!(came(shop, import(chat, more)), 1, "only what is new, and once");
    let texts: Vec<_> = shop.timeline(chat, 1, 3).iter().map(|row| row.text.clone()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

fn an_id_that_would_break_the_order_is_not_kept(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    let future = message(200_000_000, 9, ana, "from the future");
    assert_eq!(came(shop, import(chat, vec![message(5, 1, ana, "one"), future])), 2);
    assert_eq!(came(shop, import(chat, vec![message(4, 2, leo, "older than what is there")])), 1);
    shop.clock.advance(Duration::from_millis(1));
    shop.one(leo.send(chat, "new", "written here"));
    shop.in_every_state(|shop| {
        let rows = shop.timeline(chat, 1, 4);
        assert!(rows.is_sorted_by(|one, next| one.id < next.id), "a later message has the greater id");
        assert_eq!(rows[0].id, MessageId::from(old(5, 1)));
        assert_eq!(rows[2].created_at, at(4), "its moment is kept");
        assert!(rows.iter().all(|row| row.created_at <= shop.clock.now()));
        for row in &rows {
            let found = crate::state::find_message(&*shop.view(), &shop.conversation(chat), row.id).expect("readable");
            assert_eq!(found.as_ref(), Some(row));
        }
    });
}

fn what_comes_counts_as_read_unless_it_is_told_otherwise(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    came(shop, import(chat, vec![message(2, 1, ana, "one"), message(3, 2, ana, "two")]));
    shop.in_every_state(|shop| assert_eq!((shop.read_mark(chat, ana), shop.read_mark(chat, leo)), (2, 2)));
    let told = |messages, read| Command::ImportMessages { conversation: chat, messages, read };
    came(shop, told(vec![message(4, 3, ana, "three"), message(5, 4, ana, "four")], vec![(leo, 1)]));
    shop.in_every_state(|shop| assert_eq!((shop.read_mark(chat, ana), shop.read_mark(chat, leo)), (4, 3)));
    came(shop, import(chat, vec![message(6, 5, ana, "five")]));
    shop.in_every_state(|shop| assert_eq!(shop.read_mark(chat, leo), 3, "one that was unread stays so"));
    came(shop, told(vec![message(7, 6, ana, "six")], vec![(leo, 0), (ana, 0)]));
    assert_eq!((shop.read_mark(chat, ana), shop.read_mark(chat, leo)), (6, 3), "who wrote has read");
    came(shop, told(vec![message(8, 7, ana, "seven")], vec![(leo, 1)]));
    assert_eq!(shop.read_mark(chat, leo), 7);
}

fn what_does_not_fit_is_refused(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    let taken = ImportedUser { email: "ANA@shop.example".to_owned(), ..person(7, "x", Role::Customer) };
    assert_eq!(shop.refused(Command::ImportUser(Box::new(taken))), ErrorCode::EmailTaken);
    let nobody = UserId::from(old(0, 99));
    let mut with_nobody = direct(4, ana, nobody);
    assert_eq!(shop.refused(Command::ImportConversation(Box::new(with_nobody.clone()))), ErrorCode::NotFound);
    with_nobody.participants = vec![ana, ana];
    assert_eq!(shop.refused(Command::ImportConversation(Box::new(with_nobody))), ErrorCode::Invalid);
    let second = direct(5, leo, ana);
    assert_eq!(shop.refused(Command::ImportConversation(Box::new(second.clone()))), ErrorCode::Conflict);
    assert_eq!(shop.refused(import(second.id, vec![message(2, 1, ana, "x")])), ErrorCode::NotFound);
    let batch = vec![message(2, 1, ana, "one"), message(3, 2, nobody, "two")];
    assert_eq!(shop.refused(import(chat, batch)), ErrorCode::NotFound);
}

fn somebody_who_is_no_longer_there_is_nobody(shop: &mut Shop) {
    let (ana, _, _) = brought(shop);
    let gone = ImportedUser::nobody(old(0, 50).into(), at(0));
    let gone_id = gone.id;
    came(shop, Command::ImportUser(Box::new(gone)));
    let group = ImportedConversation {
        kind: ConversationKind::Group,
        subject: Some("Spring".to_owned()),
        participants: vec![gone_id, ana],
        owner: Some(ana),
        ..direct(6, ana, gone_id)
    };
    let chat = group.id;
    came(shop, Command::ImportConversation(Box::new(group)));
    came(shop, import(chat, vec![message(2, 1, gone_id, "I was here")]));
    shop.in_every_state(|shop| {
        let view = shop.view();
        let account = view.account(shop.no(gone_id)).expect("readable").expect("an account");
        assert_eq!((account.state, account.name.as_str()), (AccountState::Deleted, "Deleted user"));
        let owner = shop.conversation(chat).members.iter().find(|member| member.owner).map(|member| member.user);
        assert_eq!(owner, Some(shop.no(ana)));
        assert_eq!(shop.timeline(chat, 1, 1)[0].author, shop.no(gone_id));
    });
}

fn an_import_is_one_entry_of_the_audit_log(shop: &mut Shop) {
    brought(shop);
    let imported = Imported { accounts: 2, conversations: 1, messages: 0 };
    shop.one(Command::FinishImport { imported, origin: Origin::default() });
    shop.in_every_state(|shop| {
        let (from, before) = (RecordKey::audit_before(at(1_000_000_000)).0, RecordKey::audit_of_action(0, audit_id(0)));
        let rows = shop.view().records(&from, &before, 100).expect("readable");
        let rows: Vec<_> = rows.iter().filter_map(|(_, row)| AuditRow::decoded(row).ok()).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].action(), Some(AuditAction::DataImported));
        let AuditRow { after, by: None, .. } = &rows[0] else { panic!("somebody did it: {rows:?}") };
        assert_eq!((after.accounts, after.conversations, after.messages), (Some(2), Some(1), Some(0)));
    });
}

fn audit_id(fill: u8) -> chat_proto::AuditId {
    chat_proto::AuditId::from_bytes([fill; 16])
}

fn hashes_from_elsewhere_are_counted_until_they_are_renewed(shop: &mut Shop) {
    let highest = |shop: &Shop| {
        let row = shop.view().record(&RecordKey::foreign_hashes()).expect("readable");
        row.and_then(|row| ForeignHashes::decoded(&row).expect("readable").highest_cost())
    };
    assert_eq!(highest(shop), None);
    let mut ana = person(1, "ana", Role::Customer);
    ana.password = Some(BCRYPT.to_owned());
    let id = ana.id;
    came(shop, Command::ImportUser(Box::new(ana)));
    let renew = |before: &str| Command::RenewPasswordHash {
        user: id,
        before: before.to_owned(),
        after: "$argon2id$of the same".to_owned(),
    };
    shop.in_every_state(|shop| {
        assert_eq!(highest(shop), Some(10));
        assert!(shop.commit(vec![renew("something else")]).events.is_empty());
    });
    let before = shop.view().account(shop.no(id)).expect("readable").expect("an account");
    let committed = shop.commit(vec![renew(BCRYPT), renew(BCRYPT)]);
    assert_eq!(committed.outcomes, [Ok(Outcome::Done), Ok(Outcome::Done)]);
    shop.in_every_state(|shop| {
        assert_eq!(highest(shop), None);
        let account = shop.view().account(shop.no(id)).expect("readable").expect("an account");
        assert_eq!(account.password.as_deref(), Some("$argon2id$of the same"));
        assert_eq!(account.version, before.version, "nothing that anybody sees has changed");
        let line = shop.view().lines_after(Position(shop.view().position().0 - 1), 1).expect("readable").remove(0);
        assert_eq!(line.entry.change, Change::Tidied);
    });
}

/// A file of this content.
fn file(n: u8, content: u8) -> FileRow {
    FileRow {
        id: AttachmentId::from_bytes([n; 16]),
        name: format!("{n}.txt"),
        media_type: "text/plain".to_owned(),
        size: 7,
        sha256: [content; 32],
        width: None,
        height: None,
        thumbnail: None,
    }
}

fn import_file(owner: UserId, file: &FileRow) -> Command {
    Command::ImportFile { owner, file: Box::new(file.clone()) }
}

fn files_go_with_their_messages(shop: &mut Shop) {
    let (ana, leo, chat) = brought(shop);
    let (one, other) = (file(1, 9), file(2, 9));
    assert_eq!((came(shop, import_file(ana, &one)), came(shop, import_file(leo, &other))), (1, 1));
    assert_eq!(came(shop, import_file(ana, &file(1, 8))), 0, "what is there stays as it is");
    assert_eq!(shop.refused(import_file(leo, &one)), ErrorCode::Conflict);
    assert_eq!(shop.refused(import_file(old(0, 99).into(), &file(3, 9))), ErrorCode::NotFound);
    let page = FileRow { media_type: "text/html".to_owned(), ..file(4, 9) };
    assert_eq!(shop.refused(import_file(ana, &page)), ErrorCode::UnsupportedMediaType);

    let with = |second, author, files: &[&FileRow]| {
        let files = files.iter().map(|file| file.id).collect();
        ImportedMessage { files, ..message(second, 1, author, "") }
    };
    assert_eq!(shop.refused(import(chat, vec![with(2, ana, &[&other])])), ErrorCode::Invalid, "it is not hers");
    assert_eq!(shop.refused(import(chat, vec![with(2, ana, &[&one]), with(3, ana, &[&one])])), ErrorCode::Invalid);
    let both = vec![with(2, ana, &[&one]), with(3, leo, &[&other])];
    assert_eq!(came(shop, import(chat, both.clone())), 2);
    assert_eq!(came(shop, import(chat, both)), 0);
    assert_eq!(shop.refused(import(chat, vec![with(4, ana, &[&one])])), ErrorCode::Conflict);
    shop.in_every_state(|shop| {
        let rows = shop.timeline(chat, 1, 2);
        assert_eq!((rows[0].attachments(), rows[1].attachments()), (&[one.clone()][..], &[other.clone()][..]));
        let row = attachments::found(&*shop.view(), one.id).expect("readable").expect("it is there");
        assert_eq!(row.sent.map(|place| place.seq.0), Some(1));
        let needed = shop.view().record(&RecordKey::content(&[9; 32])).expect("readable");
        assert_eq!(needed.as_deref().and_then(row_number), Some(2));
    });
    shop.clock.advance(Duration::from_hours(25));
    let (from, before) = RecordKey::attachments_due_before(shop.clock.now());
    assert_eq!(shop.view().records(&from, &before, 10).expect("readable"), [], "neither is forgotten");
}

cases![
    an_id_that_would_break_the_order_is_not_kept,
    an_import_is_one_entry_of_the_audit_log,
    bringing_it_again_changes_nothing,
    files_go_with_their_messages,
    hashes_from_elsewhere_are_counted_until_they_are_renewed,
    ids_and_moments_are_kept,
    somebody_who_is_no_longer_there_is_nobody,
    what_comes_counts_as_read_unless_it_is_told_otherwise,
    what_does_not_fit_is_refused,
];
