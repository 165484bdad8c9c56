//! The JSON of everything that travels, and what is refused. A changed snapshot is a change of the protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use chat_proto::model::{
    ApiKey, Attachment, AuditEntry, AuditFields, AuditPerson, AuditSubject, Conversation, ConversationKind, Cursor,
    DeviceState, History, Invitation, Message, MessageKind, Page, Participant, Person, PresenceState, PushSubscription,
    Reaction, Revision, Session, Snapshot, Thumbnail, User, UserState, Webhook, WebhookDelivery, WebhookState,
    WebhookTest,
};
use chat_proto::wire::*;
use chat_proto::{
    ClientId, ConversationId, ErrorCode, InvitationId, MessageId, Role, Seq, SessionId, Timestamp, UserId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use ErrorCode::{Invalid, Unsupported};

/// Named values, one below the other, as the JSON that travels.
#[derive(Default)]
struct Shown(String);

impl Shown {
    /// Adds a value; checks that it can be read again without a loss.
    fn add<T: Serialize + DeserializeOwned>(mut self, name: &str, value: &T) -> Self {
        let json = serde_json::to_string_pretty(value).expect("it can be written");
        let again: T = serde_json::from_str(&json).expect("it can be read");
        let again = serde_json::to_string_pretty(&again).expect("it can be written again");
        assert_eq!(again, json, "{name} is read as something else");
        writeln!(self.0, "{name} {json}").expect("a String takes everything");
        self
    }
}

/// A free-form value with its keys in order, whatever `serde_json` was built to do with them.
fn content(value: &impl Serialize) -> Value {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let keys: BTreeMap<_, _> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                Value::Object(keys.into_iter().collect())
            }
            Value::Array(items) => items.into_iter().map(sorted).collect(),
            other => other,
        }
    }
    sorted(serde_json::to_value(value).expect("it can be written"))
}

fn id<T: FromStr>(prefix: &str, last: char) -> T {
    let text = format!("{prefix}_01kay8m2r3f9vvk1a2b3c4d5e{last}");
    text.parse().ok().expect("a fixed id is one")
}

fn alice() -> UserId {
    id("user", '1')
}

fn conv() -> ConversationId {
    id("conv", '1')
}

fn client_id() -> ClientId {
    "0199f2c4-7d1e-7c3a-9a55-2f6f1f0a9b11".parse().expect("a fixed id is one")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_356_423_250 + seconds * 1_000)
}

fn cursor() -> Cursor {
    Cursor::from_text("c1_AAECAwQFBgcICQ".to_owned())
}

fn person() -> Person {
    Person {
        id: alice(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        anonymous: false,
        verified: false,
        bot: false,
        avatar: None,
    }
}

fn user() -> User {
    User {
        id: alice(),
        email: "Alice@example.com".to_owned(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        created_at: at(0),
        version: 1,
        anonymous: false,
        verified: true,
        bot: false,
        avatar: Some("9f86d081884c7d65".to_owned()),
        site: Some("shop".to_owned()),
        external_id: Some("customer-17".to_owned()),
        state: UserState::Active,
        email_verified: true,
    }
}

fn participant() -> Participant {
    Participant {
        id: alice(),
        name: "Alice Ä. 🧵".to_owned(),
        role: Role::Customer,
        owner: true,
        joined_at: at(10),
        read_seq: Seq(2),
        delivered_seq: Seq(3),
        anonymous: false,
        verified: false,
        bot: false,
        avatar: None,
    }
}

fn message() -> Message {
    Message {
        id: id("msg", '1'),
        conversation_id: conv(),
        seq: Seq(3),
        version: 1,
        author: person(),
        kind: MessageKind::Message,
        text: "Is \"blue\" still there?\n\u{7}".to_owned(),
        reply_to: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        reactions: Vec::new(),
        created_at: at(20),
        edited_at: None,
        deleted_at: None,
        client_id: Some(client_id()),
    }
}

/// With everything that a message can have.
fn full_message() -> Message {
    Message {
        version: 4,
        reply_to: Some(id("msg", '2')),
        mentions: vec![id("user", '2')],
        attachments: vec![attachment(), picture()],
        reactions: vec![Reaction { emoji: "👍".to_owned(), users: vec![alice(), id("user", '2')] }],
        edited_at: Some(at(30)),
        ..message()
    }
}

fn attachment() -> Attachment {
    Attachment {
        id: id("att", '1'),
        name: "invoice.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        size: 48_213,
        sha256: "0123456789abcdef".repeat(4),
        width: None,
        height: None,
        thumbnail: None,
    }
}

fn picture() -> Attachment {
    Attachment {
        id: id("att", '2'),
        name: "mug.png".to_owned(),
        media_type: "image/png".to_owned(),
        width: Some(640),
        height: Some(480),
        thumbnail: Some(Thumbnail { media_type: "image/png".to_owned(), width: 320, height: 240 }),
        ..attachment()
    }
}

fn deleted_message() -> Message {
    Message { version: 5, text: String::new(), deleted_at: Some(at(40)), client_id: None, ..message() }
}

fn conversation() -> Conversation {
    Conversation {
        id: conv(),
        kind: ConversationKind::Group,
        subject: Some("Order 1042".to_owned()),
        participants: vec![participant()],
        participant_count: 1,
        receipts: true,
        last_message: Some(message()),
        last_seq: Seq(3),
        read_seq: Seq(2),
        unread: 1,
        created_at: at(10),
        updated_at: at(20),
        version: 2,
    }
}

fn empty_conversation() -> Conversation {
    Conversation {
        kind: ConversationKind::Direct,
        subject: None,
        last_message: None,
        last_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        unread: 0,
        ..conversation()
    }
}

fn limits() -> LimitsInfo {
    LimitsInfo {
        text_bytes: 16_384,
        frame_bytes: 65_536,
        body_bytes: 65_536,
        group_participants: 256,
        page_rows: 200,
        attachment_bytes: 5_242_880,
        attachments_per_message: 10,
        attachment_bytes_per_day: 1_073_741_824,
    }
}

fn field_problem() -> FieldProblem {
    FieldProblem { pointer: "/text".to_owned(), code: ErrorCode::TooLarge, detail: "at most 16384 bytes".to_owned() }
}

#[test]
fn model() {
    let of_others = Message { client_id: None, ..message() };
    let shown = Shown::default()
        .add("Person", &person())
        .add("User", &user())
        .add("Participant", &participant())
        .add("Message (mine)", &message())
        .add("Message (of others)", &of_others)
        .add("Message (with everything)", &full_message())
        .add("Message (deleted)", &deleted_message())
        .add("Revision", &Revision { version: 1, text: "Helo".to_owned(), at: at(20) })
        .add("Conversation (group)", &conversation())
        .add("Conversation (direct, empty)", &empty_conversation())
        .add("Snapshot<Conversation>", &Snapshot { item: empty_conversation(), as_of: cursor() })
        .add("Cursor", &cursor())
        .add("Page<Person>", &Page { items: vec![person()], next_cursor: Some(cursor()), as_of: cursor() })
        .add("Page<Person> (the last)", &Page::<Person> { items: Vec::new(), next_cursor: None, as_of: cursor() })
        .add("History", &History { items: vec![message()], more_before: true, more_after: false, as_of: cursor() })
        .add("Role", &Role::ALL.to_vec());
    insta::assert_snapshot!(shown.0);
}

#[test]
fn accounts() {
    let shown = Shown::default()
        .add(
            "RegisterBody",
            &RegisterBody {
                email: "alice@example.com".to_owned(),
                name: "Alice".to_owned(),
                password: "correct horse".to_owned(),
            },
        )
        .add("LoginBody", &LoginBody { email: "alice@example.com".to_owned(), password: "correct horse".to_owned() })
        .add(
            "SignedIn",
            &SignedIn {
                user: user(),
                access_token: "aaa.bbb.ccc".to_owned(),
                refresh_token: "rt_AAAA".to_owned(),
                expires_in: 3_600,
                token_type: "Bearer".to_owned(),
            },
        )
        .add("ForgotBody", &ForgotBody { email: "ben@example.com".to_owned() })
        .add("ResetBody", &ResetBody { token: "pt_AAAA".to_owned(), password: "correct horse".to_owned() })
        .add("VerifyBody", &VerifyBody { token: "vt_AAAA".to_owned() })
        .add("PatchUser", &PatchUser { name: None, role: Some(Role::Merchant) })
        .add("NewInvitation", &NewInvitation { email: "ben@example.com".to_owned(), role: Role::Agent })
        .add(
            "Invited",
            &Invited {
                invitation: Invitation {
                    id: id::<InvitationId>("inv", '1'),
                    email: "ben@example.com".to_owned(),
                    role: Role::Agent,
                    by: person(),
                    created_at: at(0),
                    expires_at: at(259_200),
                },
                token: "it_AAAA".to_owned(),
            },
        )
        .add(
            "AcceptBody",
            &AcceptBody { token: "it_AAAA".to_owned(), name: "Ben".to_owned(), password: "correct horse".to_owned() },
        )
        .add("PatchMe", &PatchMe { name: "Alice".to_owned() })
        .add(
            "NewUser",
            &NewUser {
                email: "ben@example.com".to_owned(),
                name: "Ben".to_owned(),
                password: "correct horse".to_owned(),
                role: Role::Agent,
            },
        );
    insta::assert_snapshot!(shown.0);
}

#[test]
fn notifications() {
    let shown = Shown::default()
        .add(
            "PushSubscription",
            &PushSubscription {
                id: id("push", '1'),
                service: "push.example".to_owned(),
                device: Some("Firefox/145".to_owned()),
                created_at: at(0),
                last_success_at: Some(at(1)),
                current: true,
            },
        )
        .add(
            "NewWebhook",
            &NewWebhook {
                url: "https://a.example/x".to_owned(),
                description: None,
                events: vec!["message.created".to_owned()],
            },
        )
        .add("PatchWebhook", &PatchWebhook { enabled: Some(false), ..PatchWebhook::default() })
        .add(
            "CreatedWebhook",
            &CreatedWebhook {
                webhook: Webhook {
                    id: id("hook", '1'),
                    url: "https://a.example/x".to_owned(),
                    description: Some("CRM".to_owned()),
                    events: vec!["message.created".to_owned()],
                    state: WebhookState::Failed,
                    created_at: at(0),
                    last_success_at: Some(at(1)),
                    failing_since: Some(at(2)),
                },
                secret: "whsec_AAAA".to_owned(),
            },
        )
        .add(
            "WebhookDelivery",
            &WebhookDelivery {
                id: "evt_AAAA".to_owned(),
                event: Some("message.created".to_owned()),
                conversation_id: Some(id("conv", '1')),
                attempts: 9,
                given_up_at: at(3),
                trouble: "answered 503 Service Unavailable".to_owned(),
            },
        )
        .add("WebhookTest", &WebhookTest { delivered: false, trouble: Some("no connection".to_owned()) })
        .add("ReplayBody", &ReplayBody { delivery: Some("evt_AAAA".to_owned()) })
        .add("Replayed", &Replayed { count: 1 })
        .add(
            "NewPushSubscription",
            &NewPushSubscription {
                endpoint: "https://push.example/x".to_owned(),
                expiration_time: Some(1_800_000_000_000),
                keys: PushKeys { p256dh: "BAAA".to_owned(), auth: "AAAA".to_owned() },
            },
        );
    insta::assert_snapshot!(shown.0);
}

#[test]
fn rest() {
    let shown = Shown::default()
        .add(
            "NewConversation (direct)",
            &NewConversation { kind: NewConversationKind::Direct, participants: vec![alice()], subject: None },
        )
        .add(
            "NewConversation (group)",
            &NewConversation {
                kind: NewConversationKind::Group,
                participants: vec![alice(), id("user", '2')],
                subject: Some("Order 1042".to_owned()),
            },
        )
        .add("AddParticipant", &AddParticipant { user_id: alice() })
        .add("NewMessage", &NewMessage::text(client_id(), "Hello"))
        .add(
            "NewMessage (with everything)",
            &NewMessage {
                attachments: vec![id("att", '1')],
                reply_to: Some(id("msg", '2')),
                mentions: vec![alice()],
                if_last_seq: Some(Seq(3)),
                ..NewMessage::text(client_id(), "Hello")
            },
        )
        .add(
            "AttachmentLink",
            &AttachmentLink {
                url: "/api/v1/attachments/att_1?expires=1795694400&signature=aaa".to_owned(),
                expires_at: at(60),
            },
        )
        .add("PatchMessage", &PatchMessage { text: "Hello!".to_owned() })
        .add(
            "Policy",
            &Policy {
                items: vec![PolicyRule {
                    action: "delete_message".to_owned(),
                    roles: vec![Role::Admin],
                    relations: vec!["member".to_owned(), "owner".to_owned()],
                    because: "admins keep order where they are".to_owned(),
                }],
            },
        )
        .add("Revisions", &Revisions { items: Vec::new() })
        .add("ReadBody", &ReadBody { seq: Seq(3) })
        .add("TypingBody", &TypingBody { on: true })
        .add("MuteBody", &MuteBody { until: Some(at(60)) })
        .add(
            "EventBatch",
            &EventBatch {
                items: vec![event(1, EventName::ReadMoved, &ReadMoved { user_id: alice(), seq: Seq(3) })],
                cursor: cursor().as_str().to_owned(),
                reset: None,
            },
        )
        .add(
            "EventBatch (a cursor that cannot be followed)",
            &EventBatch {
                items: Vec::new(),
                cursor: cursor().as_str().to_owned(),
                reset: Some("epoch_changed".to_owned()),
            },
        )
        .add(
            "ServerInfo",
            &ServerInfo {
                version: "0.1.0".to_owned(),
                protocols: vec![SUBPROTOCOL.to_owned()],
                push_key: Some("BAAA".to_owned()),
                limits: limits(),
            },
        )
        .add(
            "Problem",
            &Problem {
                kind: "/docs/errors#invalid".to_owned(),
                title: "Invalid request".to_owned(),
                status: 400,
                detail: "The text is too long.".to_owned(),
                instance: "/api/v1/conversations".to_owned(),
                code: ErrorCode::Invalid,
                retryable: false,
                request_id: "01kay8m2r3f9vvk1a2b3c4d5e6".to_owned(),
                fields: vec![field_problem()],
                last_seq: Some(Seq(3)),
                version: Some(2),
            },
        );
    insta::assert_snapshot!(shown.0);
}

#[test]
fn sessions_and_visitors() {
    let shown = Shown::default()
        .add("RefreshBody", &RefreshBody { refresh_token: "rt_AAAA".to_owned() })
        .add(
            "PasswordBody",
            &PasswordBody { current_password: "correct horse".to_owned(), new_password: "battery staple".to_owned() },
        )
        .add(
            "Session",
            &Session {
                id: id::<SessionId>("sess", '1'),
                created_at: at(0),
                last_used_at: at(900),
                expires_at: at(2_592_900),
                device: Some("curl/8".to_owned()),
                address: "2001:db8::1".parse().ok(),
                current: true,
            },
        )
        .add(
            "NewApiKey",
            &NewApiKey {
                name: "Till".to_owned(),
                scopes: vec!["messages:write".to_owned()],
                user: None,
                bot: Some(NewBot { name: "Robin".to_owned(), role: Role::Agent }),
            },
        )
        .add(
            "CreatedApiKey",
            &CreatedApiKey {
                api_key: ApiKey {
                    id: id("key", '1'),
                    name: "Till".to_owned(),
                    scopes: vec!["messages:write".to_owned()],
                    user: Some(Person { bot: true, ..person() }),
                    created_at: at(0),
                    last_used_at: None,
                },
                key: "chk_AAAA".to_owned(),
            },
        )
        .add("VisitorBody", &VisitorBody { site_key: "shop".to_owned() })
        .add("IdentityBody", &IdentityBody { token: "aaa.bbb.ccc".to_owned(), site_key: None, visitor_token: None })
        .add("ClaimVisitorBody", &ClaimVisitorBody { visitor_token: "aaa.bbb.ccc".to_owned() });
    insta::assert_snapshot!(shown.0);
}

#[test]
fn entries_of_the_audit_log() {
    let ada = AuditPerson { id: alice(), name: "Ada".to_owned(), role: Role::Admin };
    let least = AuditEntry {
        id: id("aud", '1'),
        at: at(0),
        action: "sign_in.slowed".to_owned(),
        by: None,
        via: None,
        subject: AuditSubject::default(),
        address: None,
        device: None,
        before: AuditFields::default(),
        after: AuditFields::default(),
    };
    let every = AuditFields {
        name: Some("Ada".to_owned()),
        email: Some("ada@shop.example".to_owned()),
        role: Some(Role::Admin),
        state: Some(UserState::Active),
        email_verified: Some(true),
        method: Some("password".to_owned()),
        site: Some("shop".to_owned()),
        scopes: Some(vec!["users:read".to_owned()]),
        bot: Some(true),
        replaces: Some(id("inv", '2')),
        expires_at: Some(at(0)),
        sessions_ended: Some(2),
        failures: Some(5),
        accounts: Some(6),
        conversations: Some(7),
        messages: Some(8),
    };
    let most = AuditEntry {
        by: Some(ada.clone()),
        via: Some(id("key", '1')),
        subject: AuditSubject {
            user: Some(ada),
            session: Some(id("sess", '1')),
            invitation: Some(id("inv", '1')),
            api_key: Some(id("key", '2')),
        },
        address: Some([203, 0, 113, 7].into()),
        device: Some("curl/8".to_owned()),
        before: AuditFields { role: Some(Role::Customer), ..AuditFields::default() },
        after: every,
        ..least.clone()
    };
    let shown = Shown::default().add("AuditEntry, the least", &least).add("AuditEntry, the most", &most);
    insta::assert_snapshot!(shown.0);
}

#[test]
fn client_frames() {
    let shown = Shown::default()
        .add(
            "hello",
            &ClientFrame::Hello(Hello {
                token: Some("aaa.bbb.ccc".to_owned()),
                ticket: None,
                client: Some(ClientInfo { name: "till".to_owned(), version: "1.2.3".to_owned() }),
                resume: Some("c1_AAECAwQFBgcICQ".to_owned()),
            }),
        )
        .add(
            "hello (short)",
            &ClientFrame::Hello(Hello { token: None, ticket: Some("ddd".to_owned()), client: None, resume: None }),
        )
        .add("send", &ClientFrame::Send(SendFrame::text(7, conv(), client_id(), "Hello")))
        .add("auth", &ClientFrame::Auth(AuthFrame { re: 6, token: "aaa.bbb.ccc".to_owned() }))
        .add(
            "send (with everything)",
            &ClientFrame::Send(SendFrame {
                attachments: vec![id("att", '1')],
                reply_to: Some(id("msg", '2')),
                mentions: vec![alice()],
                if_last_seq: Some(Seq(3)),
                ..SendFrame::text(7, conv(), client_id(), "Hello")
            }),
        )
        .add(
            "edit",
            &ClientFrame::Edit(EditFrame {
                re: 7,
                conv: conv(),
                id: id("msg", '1'),
                text: "Hello!".to_owned(),
                if_version: Some(1),
            }),
        )
        .add("delete", &ClientFrame::Delete(DeleteFrame { re: 7, conv: conv(), id: id("msg", '1'), if_version: None }))
        .add(
            "react",
            &ClientFrame::React(ReactFrame {
                re: 7,
                conv: conv(),
                id: id("msg", '1'),
                emoji: "👍".to_owned(),
                on: true,
            }),
        )
        .add("unread", &ClientFrame::Unread(ReadFrame { re: Some(8), conv: conv(), seq: Seq(3) }))
        .add("delivered", &ClientFrame::Delivered(ReadFrame { re: None, conv: conv(), seq: Seq(3) }))
        .add("read", &ClientFrame::Read(ReadFrame { re: Some(8), conv: conv(), seq: Seq(3) }))
        .add("typing", &ClientFrame::Typing(TypingFrame { re: None, conv: conv(), on: true }))
        .add("viewing", &ClientFrame::Viewing(ViewingFrame { re: None, conv: conv(), on: true }))
        .add("presence", &ClientFrame::Presence(PresenceFrame { re: Some(9), state: DeviceState::Away }))
        .add("ping", &ClientFrame::Ping(PingFrame {}));
    insta::assert_snapshot!(shown.0);
}

#[test]
fn server_frames() {
    let c = || "c1_AAECAwQFBgcICQ".to_owned();
    let shown = Shown::default()
        .add(
            "welcome",
            &ServerFrame::Welcome(Welcome {
                session: id::<SessionId>("sess", '1'),
                user: user(),
                epoch: "01kay8m2r3f9vvk1a2b3c4d5e6".to_owned(),
                cursor: c(),
                resumed: false,
                heartbeat_s: 25,
                expires_in: 43_200,
                limits: limits(),
            }),
        )
        .add(
            "eph typing",
            &ServerFrame::Eph(EphemeralEvent::Typing { conv: conv(), user: alice(), on: true, expires_in_ms: 5_000 }),
        )
        .add(
            "eph viewing",
            &ServerFrame::Eph(EphemeralEvent::Viewing { conv: conv(), user: alice(), on: true, expires_in_ms: 60_000 }),
        )
        .add(
            "eph presence",
            &ServerFrame::Eph(EphemeralEvent::Presence { user: alice(), state: PresenceState::Away, last_seen: None }),
        )
        .add(
            "eph presence (gone)",
            &ServerFrame::Eph(EphemeralEvent::Presence {
                user: alice(),
                state: PresenceState::Offline,
                last_seen: Some(at(60)),
            }),
        )
        .add("live", &ServerFrame::Live { c: c() })
        .add("ok", &ServerFrame::Ok(OkFrame { re: 7, d: content(&message()) }))
        .add(
            "ok (of auth)",
            &ServerFrame::Ok(OkFrame {
                re: 6,
                d: content(&Renewed { session: id::<SessionId>("sess", '2'), expires_in: 43_200 }),
            }),
        )
        .add("ok (of a read)", &ServerFrame::Ok(OkFrame { re: 8, d: Value::Null }))
        .add(
            "err",
            &ServerFrame::Err(ErrFrame {
                re: Some(7),
                code: ErrorCode::RateLimited,
                status: 429,
                detail: "Too many messages.".to_owned(),
                retryable: true,
                retry_after_ms: Some(1_500),
                fields: Vec::new(),
                last_seq: None,
                version: None,
            }),
        )
        .add(
            "err (nobody's)",
            &ServerFrame::Err(ErrFrame {
                re: None,
                code: ErrorCode::Invalid,
                status: 400,
                detail: "not a frame".to_owned(),
                retryable: false,
                retry_after_ms: None,
                fields: vec![field_problem()],
                last_seq: Some(Seq(3)),
                version: Some(2),
            }),
        )
        .add("ping", &ServerFrame::Ping { c: c() })
        .add("reset", &ServerFrame::Reset { reason: "epoch_changed".to_owned() })
        .add(
            "bye",
            &ServerFrame::Bye(Bye { code: 4503, reason: ErrorCode::Draining, reconnect: true, after_ms: 1_000 }),
        );
    insta::assert_snapshot!(shown.0);
}

fn event(n: u64, e: EventName, d: &impl Serialize) -> ServerFrame {
    use EventName::{MessageCreated, MessageDeleted, MessageEdited, ReactionChanged};
    let of_message = matches!(e, MessageCreated | MessageDeleted | MessageEdited | ReactionChanged);
    ServerFrame::Ev(Event {
        n,
        head: EventHead {
            c: "c1_AAECAwQFBgcICQ".to_owned(),
            e,
            conv: (e != EventName::UserChanged).then(conv),
            seq: of_message.then_some(Seq(3)),
            v: 1,
            at: at(20),
            by: (e != EventName::AccessRevoked).then(person),
            cid: of_message.then(client_id),
        },
        d: content(d),
    })
}

#[test]
fn events() {
    let moved = ReadMoved { user_id: alice(), seq: Seq(3) };
    let added = ParticipantAdded { participant: participant() };
    let removed = ParticipantRemoved { user_id: alice() };
    let revoked = AccessRevoked { conversation_id: conv() };
    let shown = Shown::default()
        .add("1", &event(1, EventName::MessageCreated, &message()))
        .add("2", &event(2, EventName::ReadMoved, &moved))
        .add("3", &event(3, EventName::ConversationCreated, &conversation()))
        .add("4", &event(4, EventName::ParticipantAdded, &added))
        .add("5", &event(5, EventName::ParticipantRemoved, &removed))
        .add("6", &event(6, EventName::AccessGranted, &conversation()))
        .add("7", &event(7, EventName::AccessRevoked, &revoked))
        .add("8", &event(8, EventName::UserChanged, &user()))
        .add("9", &event(9, EventName::MessageEdited, &full_message()))
        .add("10", &event(10, EventName::MessageDeleted, &deleted_message()))
        .add("11", &event(11, EventName::ReactionChanged, &full_message()))
        .add("12", &event(12, EventName::DeliveredMoved, &DeliveredMoved { user_id: alice(), seq: Seq(3) }));
    insta::assert_snapshot!(shown.0);
}

#[test]
fn an_event_of_a_newer_server_can_be_read() {
    let text = r#"{"t":"ev","n":9,"c":"x","e":"mood.changed","v":1,"at":"2026-11-22T14:07:03.250Z","new":1,"d":{}}"#;
    let ServerFrame::Ev(event) = serde_json::from_str(text).expect("it is a frame") else {
        panic!("not an event");
    };
    assert_eq!((event.n, event.head.e), (9, EventName::Unknown));
}

/// What parsing a text must say.
struct Refusal {
    text: String,
    re: Option<u64>,
    code: ErrorCode,
    detail: &'static str,
}

fn refused(text: impl Into<String>, re: Option<u64>, code: ErrorCode, detail: &'static str) -> Refusal {
    Refusal { text: text.into(), re, code, detail }
}

fn check(cases: &[Refusal]) {
    for case in cases {
        let error = ClientFrame::parse(&case.text).expect_err(&case.text);
        assert_eq!((error.re, error.code), (case.re, case.code), "{}: {}", case.text, error.detail);
        assert!(error.detail.contains(case.detail), "{}: {}", case.text, error.detail);
        assert!(error.detail.len() < 300, "{}: {}", case.text, error.detail);
    }
}

#[test]
fn frames_of_the_wrong_shape_are_refused_with_their_re() {
    let to = format!(r#""conv":"{}","client_id":"a""#, conv());
    check(&[
        refused(r#"{"t":"applaud","re":5,"emoji":"x"}"#, Some(5), Unsupported, "unknown frame; known are hello"),
        refused(r#"{"t":"Send","re":5}"#, Some(5), Unsupported, "unknown frame"),
        refused(r#"{"re":5}"#, Some(5), Invalid, "missing field `t`"),
        refused(r#"{"t":7,"re":5}"#, Some(5), Invalid, ""),
        refused(format!(r#"{{"t":"send","re":5,{to}}}"#), Some(5), Invalid, "missing field `text`"),
        refused(format!(r#"{{"t":"send",{to},"text":"x"}}"#), None, Invalid, "missing field `re`"),
        refused(
            format!(r#"{{"t":"send","re":5,{to},"text":"x","colour":1}}"#),
            Some(5),
            Invalid,
            "unknown field `colour`",
        ),
        refused(r#"{"t":"auth","re":5}"#, Some(5), Invalid, "missing field `token`"),
        refused(r#"{"t":"auth","token":"x"}"#, None, Invalid, "missing field `re`"),
        refused(r#"{"t":"ping","re":5}"#, Some(5), Invalid, "unknown field `re`"),
        refused(
            format!(r#"{{"t":"send","re":5,{to},"text":"x","text":"y"}}"#),
            Some(5),
            Invalid,
            "duplicate field `text`",
        ),
        refused(format!(r#"{{"t":"send","re":5,"re":6,{to},"text":"x"}}"#), None, Invalid, "duplicate field `re`"),
        refused(r#"{"t":"ping","t":"hello"}"#, None, Invalid, "duplicate field"),
    ]);
}

#[test]
fn wrong_values_are_refused_with_the_re_of_their_frame() {
    let to = format!(r#""conv":"{}","client_id":"a""#, conv());
    check(&[
        refused(
            r#"{"t":"read","re":5,"conv":"user_01kay8m2r3f9vvk1a2b3c4d5e1","seq":1}"#,
            Some(5),
            Invalid,
            "expected a conversation id",
        ),
        refused(format!(r#"{{"t":"read","re":5,"conv":"{}","seq":-1}}"#, conv()), Some(5), Invalid, "expected u64"),
        refused(
            format!(r#"{{"t":"read","re":5,"conv":"{}","seq":18446744073709551616}}"#, conv()),
            Some(5),
            Invalid,
            "expected u64",
        ),
        refused(format!(r#"{{"t":"read","re":18446744073709551616,"conv":"{}","seq":1}}"#, conv()), None, Invalid, ""),
        refused(
            format!(r#"{{"t":"read","re":5,"conv":"{}","seq":1e999}}"#, conv()),
            Some(5),
            Invalid,
            "number out of range",
        ),
        refused(format!(r#"{{"t":"read","re":5,"conv":"{}","seq":1.0}}"#, conv()), Some(5), Invalid, "expected u64"),
        refused(format!(r#"{{"t":"send","re":5,{to},"text":"\ud800"}}"#), Some(5), Invalid, "hex escape"),
    ]);
}

#[test]
fn what_is_no_frame_at_all_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&[
        refused("", None, Invalid, "not a frame"),
        refused("null", None, Invalid, "not a frame"),
        refused("[]", None, Invalid, ""),
        refused(r#"{"t":"ping"} {}"#, None, Invalid, "trailing characters"),
        refused(r#"{"t":"ping""#, None, Invalid, "EOF"),
        refused(nested(200), None, Invalid, "not a frame"),
        refused(format!(r#"{{"t":"ping","re":5,"x":{}}}"#, nested(200)), Some(5), Invalid, "nested more than 32 deep"),
    ]);
}

#[test]
fn every_known_name_is_a_frame_and_the_other_way_round() {
    for name in ClientFrame::NAMES {
        // `ping` needs nothing else, `hello` one thing or the other; every other frame must miss something, but not its name.
        match ClientFrame::parse(&format!(r#"{{"t":"{name}"}}"#)) {
            Ok(_) => assert!(["hello", "ping"].contains(&name), "{name}"),
            Err(error) => assert_eq!(error.code, ErrorCode::Invalid, "{name}: {}", error.detail),
        }
    }
}

#[test]
fn ids_are_of_one_kind() {
    assert!(serde_json::from_str::<MessageId>(r#""msg_01kay8m2r3f9vvk1a2b3c4d5e6""#).is_ok());
    assert!(serde_json::from_str::<MessageId>(r#""conv_01kay8m2r3f9vvk1a2b3c4d5e6""#).is_err());
}
