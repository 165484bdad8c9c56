use chat_proto::model::*;
use chat_proto::wire::*;
use chat_proto::*;

use super::Shown;
use super::made::*;

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
                link: Some("https://chat.example.com/accept-invitation#it_AAAA".to_owned()),
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
        invitations_ended: Some(3),
        events: Some(vec!["message.created".to_owned()]),
        enabled: Some(false),
        url_changed: Some(true),
        secret_changed: Some(true),
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
            conversation: Some(id("conv", '1')),
            message: Some(id("msg", '1')),
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
