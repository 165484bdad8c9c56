use chat_proto::model::*;
use chat_proto::wire::*;
use chat_proto::*;
use serde_json::Value;

use super::made::*;
use super::{Shown, content};

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
