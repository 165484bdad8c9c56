use chat_proto::model::*;
use chat_proto::wire::*;
use chat_proto::*;

use super::Shown;
use super::made::*;

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
