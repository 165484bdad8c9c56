//! Stored rows, byte by byte. A literal here changes only together with a migration: shops have these bytes on disk.

use std::fmt::Debug;

use chat_proto::model::ConversationKind;
use chat_proto::{AttachmentId, ConversationId, InvitationId, MessageId, Role, Seq, SessionId, Timestamp, UserId};
use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};

use super::{
    Account, AccountExtras, AccountState, ApiKeyRow, AttachmentRow, AuditFields, AuditPerson, AuditRow, AuditSubject,
    AvatarRow, Change, ConversationNo, Entry, FileRow, IdentityRow, Invitation, Letter, LetterId, LetterKind, Member,
    MessageExtras, MessageRow, Place, Position, RefreshHashes, Session, SignInMethod, ThumbnailRow, UserNo, VisitorRow,
};
use crate::access::{Scope, Scopes};

const AT: Timestamp = Timestamp::from_millis(1_800_000_000_123);

/// Writes the value and reads the literal.
pub(crate) fn golden<T>(value: &T, hex: &str)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let written = minicbor::to_vec(value).unwrap();
    assert_eq!(HEXLOWER.encode(&written), hex, "{value:?}");
    let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
    assert_eq!(minicbor::decode::<T>(&bytes).unwrap(), *value);
}

fn account() -> Account {
    Account {
        id: UserId::from_bytes([0x11; 16]),
        email: "Ana@Shop.Example".to_owned(),
        name: "Ána".to_owned(),
        role: Role::Customer,
        state: AccountState::Active,
        password: Some("$argon2id$x".to_owned()),
        created_at: AT,
        version: 300,
        extras: None,
        email_verified: true,
    }
}

fn member(user: u64, owner: bool) -> Member {
    Member { user: UserNo(user), owner, joined_at: AT, joined: Position(70_000) }
}

fn change(change: Change) -> Entry {
    Entry::new(AT, Some(UserNo(5)), change)
}

#[test]
fn accounts() {
    golden(
        &account(),
        "8a501111111111111111111111111111111170416e614053686f702e4578616d706c6564c3816e6102006b246172676f6e32696424781b000001a3185c507b19012cf6f5",
    );
    golden(
        &Account { role: Role::Admin, state: AccountState::Disabled, password: None, ..account() },
        "8a501111111111111111111111111111111170416e614053686f702e4578616d706c6564c3816e610001f61b000001a3185c507b19012cf6f5",
    );
}

#[test]
fn states_and_kinds_of_letters_keep_their_numbers() {
    let number = |bytes: Vec<u8>| bytes[0];
    let states = [AccountState::Active, AccountState::Disabled, AccountState::Deleted];
    assert_eq!(states.map(|state| number(minicbor::to_vec(state).unwrap())), [0, 1, 2]);
    let kinds = [
        LetterKind::Invitation,
        LetterKind::PasswordReset,
        LetterKind::EmailVerification,
        LetterKind::PasswordResetByAdmin,
    ];
    assert_eq!(kinds.map(|kind| number(minicbor::to_vec(kind).unwrap())), [0, 1, 2, 3]);
}

#[test]
fn an_account_from_before_addresses_were_verified_is_read() {
    let older = "88501111111111111111111111111111111170416e614053686f702e4578616d706c6564c3816e6102006b246172676f6e32696424781b000001a3185c507b19012c";
    let bytes = HEXLOWER.decode(older.as_bytes()).unwrap();
    assert_eq!(minicbor::decode::<Account>(&bytes).unwrap(), Account { email_verified: false, ..account() });
}

#[test]
fn invitations() {
    let invitation = Invitation {
        id: InvitationId::from_bytes([0x55; 16]),
        email: "leo@shop.example".to_owned(),
        role: Role::Agent,
        by: UserNo(5),
        created_at: AT,
        expires_at: AT,
        token: [0x66; 32],
    };
    golden(
        &invitation,
        "875055555555555555555555555555555555706c656f4073686f702e6578616d706c6501051b000001a3185c507b1b000001a3185c507b58206666666666666666666666666666666666666666666666666666666666666666",
    );
}

#[test]
fn letters() {
    let letter = Letter {
        id: LetterId([0x55; 16]),
        kind: LetterKind::PasswordReset,
        user: UserNo(5),
        to: "ana@shop.example".to_owned(),
        created_at: AT,
        expires_at: AT,
        token: [0x66; 32],
        by: None,
    };
    golden(
        &letter,
        "875055555555555555555555555555555555010570616e614073686f702e6578616d706c651b000001a3185c507b1b000001a3185c507b58206666666666666666666666666666666666666666666666666666666666666666",
    );
}

#[test]
fn roles_keep_their_numbers() {
    let byte = |role| {
        let bytes = minicbor::to_vec(Account { role, email: String::new(), name: String::new(), ..account() }).unwrap();
        bytes[20]
    };
    let numbers = [Role::Admin, Role::Agent, Role::Customer, Role::Designer, Role::Merchant].map(byte);
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

fn session() -> Session {
    Session {
        id: SessionId::from_bytes([0x33; 16]),
        user: UserNo(5),
        started_at: AT,
        used_at: Timestamp::from_millis(-1),
        expires_at: AT,
        refresh: RefreshHashes { family: [0x66; 32], token: [0x77; 32] },
        device: Some("curl".to_owned()),
        address: Some("::1".parse().unwrap()),
    }
}

#[test]
fn sessions() {
    golden(
        &session(),
        "885033333333333333333333333333333333051b000001a3185c507b201b000001a3185c507b825820666666666666666666666666666666666666666666666666666666666666666658207777777777777777777777777777777777777777777777777777777777777777646375726c633a3a31",
    );
    golden(
        &Session { device: None, address: None, ..session() },
        "865033333333333333333333333333333333051b000001a3185c507b201b000001a3185c507b825820666666666666666666666666666666666666666666666666666666666666666658207777777777777777777777777777777777777777777777777777777777777777",
    );
    golden(
        &Session { device: None, ..session() },
        "885033333333333333333333333333333333051b000001a3185c507b201b000001a3185c507b825820666666666666666666666666666666666666666666666666666666666666666658207777777777777777777777777777777777777777777777777777777777777777f6633a3a31",
    );
}

#[test]
fn accounts_that_nobody_signed_up_for() {
    let extras = AccountExtras { site: Some("shop".to_owned()), ..AccountExtras::default() };
    let session = SessionId::from_bytes([0x33; 16]);
    for (extras, hex) in [
        (
            AccountExtras {
                visitor: Some(VisitorRow { session, met: true, became: Some(UserNo(9)) }),
                ..extras.clone()
            },
            "a3006473686f7001835033333333333333333333333333333333f50903f4",
        ),
        (
            AccountExtras {
                identity: Some(IdentityRow { external_id: "c-1".to_owned(), email: Some("a@b".to_owned()) }),
                ..extras
            },
            "a3006473686f70028263632d316361406203f4",
        ),
        (AccountExtras { bot: true, ..AccountExtras::default() }, "a103f5"),
        (
            AccountExtras {
                avatar: Some(AvatarRow {
                    media_type: "image/png".to_owned(),
                    size: 300,
                    sha256: [0x77; 32],
                    side: 256,
                }),
                ..AccountExtras::default()
            },
            "a203f4048469696d6167652f706e6719012c58207777777777777777777777777777777777777777777777777777777777777777190100",
        ),
    ] {
        golden(&extras, hex);
    }
}

#[test]
fn keys_of_programs() {
    let key = ApiKeyRow {
        id: SessionId::from_bytes([0x33; 16]),
        name: "Till".to_owned(),
        scopes: Scopes::of(Scope::ALL).0,
        user: UserNo(9),
        created_at: AT,
        used_at: Some(AT),
        secret: [0x55; 32],
    };
    golden(
        &key,
        "8750333333333333333333333333333333336454696c6c18ff091b000001a3185c507b1b000001a3185c507b58205555555555555555555555555555555555555555555555555555555555555555",
    );
    golden(
        &ApiKeyRow { used_at: None, ..key },
        "8750333333333333333333333333333333336454696c6c18ff091b000001a3185c507bf658205555555555555555555555555555555555555555555555555555555555555555",
    );
}

#[test]
fn entries_of_the_audit_log() {
    let (session, invitation) = (SessionId::from_bytes([0x33; 16]), InvitationId::from_bytes([0x55; 16]));
    let ada = AuditPerson { id: UserId::from_bytes([0x11; 16]), name: "Ada".to_owned(), role: Role::Admin };
    golden(
        &AuditRow {
            action: 5,
            by: Some(ada.clone()),
            subject: AuditSubject { user: Some(ada.clone()), ..AuditSubject::default() },
            before: AuditFields { role: Some(Role::Customer), ..AuditFields::default() },
            after: AuditFields { role: Some(Role::Agent), sessions_ended: Some(2), ..AuditFields::default() },
            via: None,
            address: Some("::1".parse().unwrap()),
            device: Some("curl".to_owned()),
        },
        "88058350111111111111111111111111111111116341646100a1008350111111111111111111111111111111116341646100a10202a202010b02f6633a3a31646375726c",
    );
    let every = AuditFields {
        name: Some("Ada".to_owned()),
        email: Some("a@b".to_owned()),
        role: Some(Role::Admin),
        state: Some(AccountState::Disabled),
        email_verified: Some(true),
        method: Some(SignInMethod::Identity),
        site: Some("shop".to_owned()),
        scopes: Some(vec!["users:read".to_owned()]),
        bot: Some(true),
        replaces: Some(invitation),
        expires_at: Some(AT),
        sessions_ended: Some(2),
        failures: Some(5),
        invitations_ended: Some(3),
        events: Some(vec!["x".to_owned()]),
        enabled: Some(true),
        url_changed: Some(true),
        secret_changed: Some(true),
        accounts: Some(6),
        conversations: Some(7),
        messages: Some(8),
    };
    golden(
        &every,
        "b5006341646101636140620200030104f50501066473686f7007816a75736572733a7265616408f50950555555555555555555555555555555550a1b000001a3185c507b0b020c050d030e8161780ff510f511f5140615071608",
    );
    let (session, api_key) = (Some(session), Some(session));
    golden(
        &AuditSubject { user: None, session, invitation: Some(invitation), api_key, conversation: None, message: None },
        "a3015033333333333333333333333333333333025055555555555555555555555555555555035033333333333333333333333333333333",
    );
    golden(
        &AuditRow { action: 34, via: api_key, ..AuditRow::default() },
        "861822f6a0a0a05033333333333333333333333333333333",
    );
}

#[test]
fn members() {
    golden(&member(24, true), "841818f51b000001a3185c507b1a00011170");
}

#[test]
fn messages() {
    let row = MessageRow {
        id: MessageId::from_bytes([0x22; 16]),
        conversation: ConversationNo(7),
        seq: Seq(1_000_000),
        position: Position(70_000),
        author: UserNo(5),
        client_id: "till.3:000_1".parse().unwrap(),
        text: "Grüße 👋".to_owned(),
        created_at: AT,
        version: 1,
        extras: None,
    };
    golden(
        &row,
        "895022222222222222222222222222222222071a000f42401a00011170056c74696c6c2e333a3030305f316c4772c3bcc39f6520f09f918b1b000001a3185c507b01",
    );
}

fn attachment() -> AttachmentRow {
    let thumbnail =
        ThumbnailRow { media_type: "image/png".to_owned(), width: 320, height: 2, size: 900, sha256: [0x33; 32] };
    let file = FileRow {
        id: AttachmentId::from_bytes([0x11; 16]),
        name: "Tasse.png".to_owned(),
        media_type: "image/png".to_owned(),
        size: 70_000,
        sha256: [0x22; 32],
        width: Some(640),
        height: Some(4),
        thumbnail: Some(thumbnail),
    };
    let sent = Some(Place { conversation: ConversationNo(7), seq: Seq(300) });
    AttachmentRow { file, owner: UserNo(5), created_at: AT, sent }
}

#[test]
fn attachments() {
    golden(
        &attachment(),
        "848850111111111111111111111111111111116954617373652e706e6769696d6167652f706e671a0001117058202222222222222222222222222222222222222222222222222222222222222222190280048569696d6167652f706e671901400219038458203333333333333333333333333333333333333333333333333333333333333333051b000001a3185c507b820719012c",
    );
    let file = FileRow { width: None, height: None, thumbnail: None, ..attachment().file };
    let extras = MessageExtras { attachments: vec![file.clone()], ..MessageExtras::default() };
    golden(
        &AttachmentRow { file, sent: None, ..attachment() },
        "838550111111111111111111111111111111116954617373652e706e6769696d6167652f706e671a0001117058202222222222222222222222222222222222222222222222222222222222222222051b000001a3185c507b",
    );
    golden(
        &extras,
        "a30180028005818550111111111111111111111111111111116954617373652e706e6769696d6167652f706e671a0001117058202222222222222222222222222222222222222222222222222222222222222222",
    );
}

#[test]
fn entries() {
    let conversation = ConversationNo(7);
    let (user, session, id) = (UserNo(5), SessionId::from_bytes([0x33; 16]), ConversationId::from_bytes([0x44; 16]));
    golden(&Entry::new(AT, None, Change::AccountCreated { user }), "831b000001a3185c507bf682008105");
    golden(&change(Change::AccountChanged { user, version: 2 }), "831b000001a3185c507b058201820502");
    golden(
        &change(Change::SessionStarted { session, user }),
        "831b000001a3185c507b05820282503333333333333333333333333333333305",
    );
    golden(
        &change(Change::SessionEnded { session, user }),
        "831b000001a3185c507b05820382503333333333333333333333333333333305",
    );
    golden(
        &change(Change::SessionRenewed { session, user }),
        "831b000001a3185c507b05820b82503333333333333333333333333333333305",
    );
    golden(&change(Change::PasswordChanged { user }), "831b000001a3185c507b05820c8105");
    let invitation = InvitationId::from_bytes([0x55; 16]);
    golden(
        &change(Change::InvitationMade { invitation }),
        "831b000001a3185c507b05820d815055555555555555555555555555555555",
    );
    golden(
        &change(Change::InvitationEnded { invitation }),
        "831b000001a3185c507b05820e815055555555555555555555555555555555",
    );
    let letter = LetterId([0x55; 16]);
    golden(&change(Change::LetterWritten { letter }), "831b000001a3185c507b05820f815055555555555555555555555555555555");
    golden(&change(Change::LettersForgotten { count: 3 }), "831b000001a3185c507b0582108103");
    let (kind, members) = (ConversationKind::Direct, vec![member(5, false), member(6, false)]);
    golden(
        &change(Change::ConversationCreated { conversation, id, kind, subject: None, members, began: None }),
        "831b000001a3185c507b0582048507504444444444444444444444444444444400f6828405f41b000001a3185c507b1a000111708406f41b000001a3185c507b1a00011170",
    );
    let (kind, subject) = (ConversationKind::Group, Some("Spring".to_owned()));
    let members = vec![member(5, true)];
    golden(
        &change(Change::ConversationCreated { conversation, id, kind, subject, members, began: None }),
        "831b000001a3185c507b058204850750444444444444444444444444444444440166537072696e67818405f51b000001a3185c507b1a00011170",
    );
    let (id, kind, members) = (ConversationId::from_bytes([0x44; 16]), ConversationKind::Direct, Vec::new());
    golden(
        &change(Change::ConversationCreated { conversation, id, kind, subject: None, members, began: Some(AT) }),
        "831b000001a3185c507b0582048607504444444444444444444444444444444400f6801b000001a3185c507b",
    );
    let added = Change::ParticipantAdded { conversation, member: member(6, false), version: 2, read: Seq(9) };
    golden(&change(added), "831b000001a3185c507b05820584078406f41b000001a3185c507b1a000111700209");
    golden(
        &change(Change::ParticipantRemoved { conversation, user, version: 3 }),
        "831b000001a3185c507b05820683070503",
    );
    golden(&change(Change::AccountRemoved { user }), "831b000001a3185c507b0582148105");
    golden(&change(Change::Tidied), "831b000001a3185c507b05821580");
    golden(&change(Change::MessageCreated { conversation, seq: Seq(10) }), "831b000001a3185c507b05820782070a");
    golden(
        &change(Change::ReadMoved { conversation, user, seq: Seq(10), shared: true }),
        "831b000001a3185c507b0582088407050af5",
    );
}

#[test]
fn a_field_that_is_added_later_is_passed_over() {
    // A member with a fifth field, as a newer version might write it.
    let newer = HEXLOWER.decode(b"851818f51b000001a3185c507b1a0001117063786578").unwrap();
    assert_eq!(minicbor::decode::<Member>(&newer).unwrap(), member(24, true));
}
