//! Every operation of the API has a function of the client, or a reason why not.

use std::collections::BTreeSet;

use chat_client::{Client, Error, PageQuery, Part, Upload};
use chat_proto::model::NotificationPreferences;
use chat_proto::wire::{
    IdentityBody, NewApiKey, NewPushSubscription, NewUser, NewWebhook, PatchUser, PatchWebhook, PushKeys,
};
use chat_proto::{AttachmentId, ConversationId, MessageId, Role, Seq, UserId, WebhookId};
use serde_json::Value;

use crate::fake_http::{FakeHttp, Reply};
use crate::values::{alice, conv};

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Operations without a function, and why.
const WITHOUT: [(&str, &str); 3] = [
    ("GET /api/v1/events", "a poll for those who cannot have a socket; `live` and `follow` tell the same, and sooner"),
    ("GET /api/v1/events/stream", "the same frames as those of the socket, for browsers and scripts"),
    ("GET /livez", "for whoever starts the process again when it hangs; a program asks whether it is `ready`"),
];

/// More than there are functions.
const REQUESTS: usize = 300;

/// `METHOD path` of each operation that is there to be used by new programs.
fn operations() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            // The dialect of the replaced backend is for its old front ends.
            if operation["tags"][0] != "compat" {
                operations.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    operations
}

/// Whether this request, as it came, is one for this operation.
fn is_for(request: &str, operation: &str) -> bool {
    let mut parts = request.splitn(3, ' ');
    // An answer to HEAD is that to GET.
    let method = parts.next().map(|method| if method == "HEAD" { "GET" } else { method }).unwrap_or_default();
    let path = parts.next().unwrap_or_default().split('?').next().unwrap_or_default();
    let Some((of_method, of_path)) = operation.split_once(' ') else { return false };
    let (segments, of_segments) = (path.split('/'), of_path.split('/'));
    method == of_method
        && segments.clone().count() == of_segments.clone().count()
        && segments.zip(of_segments).all(|(segment, of)| segment == of || of.starts_with('{'))
}

/// Calls a function of the client; nothing is there where these tests ask.
async fn ask<T>(call: impl Future<Output = Result<T, Error>>) {
    assert!(matches!(call.await, Err(Error::Status(status)) if status.as_u16() == 404), "it asks for one thing");
}

fn id<T: std::str::FromStr>(kind: &str) -> T {
    let id = format!("{kind}_01kay8m2r3f9vvk1a2b3c4d5e1").parse();
    id.unwrap_or_else(|_| panic!("an id of the kind {kind}"))
}

fn file() -> Upload {
    Upload::reader("note.txt", 5, &b"hello"[..])
}

async fn sign_in(client: &Client) {
    ask(client.register("alice@example.com", "Alice", "secret")).await;
    ask(client.login("alice@example.com", "secret")).await;
    ask(client.refresh("token")).await;
    ask(client.logout()).await;
    ask(client.forgot_password("alice@example.com")).await;
    ask(client.reset_password("token", "secret")).await;
    ask(client.verify_email("token")).await;
    ask(client.accept_invitation("token", "Alice", "secret")).await;
    ask(client.ws_ticket()).await;
    ask(client.admit_visitor("shop")).await;
    ask(client.sign_in_identity(&IdentityBody { token: "token".into(), site_key: None, visitor_token: None })).await;
    ask(client.server()).await;
    ask(client.ready()).await;
}

async fn my_account(client: &Client) {
    ask(client.me()).await;
    ask(client.rename("Alice")).await;
    ask(client.change_password("old", "new")).await;
    ask(client.ask_to_verify_email()).await;
    ask(client.claim_visitor("token")).await;
    ask(client.sessions()).await;
    ask(client.end_session(id("sess"))).await;
    ask(client.end_other_sessions()).await;
    ask(client.set_avatar(file())).await;
    ask(client.remove_avatar()).await;
    ask(client.notification_preferences()).await;
    ask(client.set_notification_preferences(&NotificationPreferences::default())).await;
    ask(client.muted()).await;
    let keys = PushKeys { p256dh: "key".into(), auth: "secret".into() };
    let device = NewPushSubscription { endpoint: "https://push.example".into(), expiration_time: None, keys };
    ask(client.push_subscriptions()).await;
    ask(client.subscribe_device(&device)).await;
    ask(client.unsubscribe_device(id("push"))).await;
}

async fn people(client: &Client, user: UserId) {
    ask(client.directory(Role::Agent, &PageQuery::first())).await;
    ask(client.avatar(user)).await;
    ask(client.avatar_link(user)).await;
    let new =
        NewUser { email: "b@example.com".into(), name: "Ben".into(), password: "secret".into(), role: Role::Agent };
    ask(client.create_user(&new)).await;
    ask(client.users(None, None, &PageQuery::first())).await;
    ask(client.user(user)).await;
    ask(client.change_user(user, &PatchUser::default())).await;
    ask(client.disable_user(user)).await;
    ask(client.enable_user(user)).await;
    ask(client.delete_user(user)).await;
    ask(client.sessions_of(user)).await;
    ask(client.end_sessions_of(user)).await;
    ask(client.allow_password_reset(user)).await;
    ask(client.invite("ben@example.com", Role::Agent)).await;
    ask(client.invitations()).await;
    ask(client.take_back_invitation(id("inv"))).await;
}

async fn conversations(client: &Client, conv: ConversationId, message: MessageId, user: UserId) {
    ask(client.conversations(&PageQuery::first())).await;
    ask(client.conversation(conv)).await;
    ask(client.open_direct(user)).await;
    ask(client.add_participant(conv, user)).await;
    ask(client.remove_participant(conv, user)).await;
    ask(client.messages(conv, Part::Newest, None)).await;
    ask(client.send(conv, &"a-1".parse().unwrap(), "Hello")).await;
    ask(client.mark_read(conv, Seq(1))).await;
    ask(client.mark_unread(conv, Seq(1))).await;
    ask(client.mark_delivered(conv, Seq(1))).await;
    ask(client.typing(conv, true)).await;
    ask(client.edit(conv, message, "Hello")).await;
    ask(client.delete_message(conv, message)).await;
    ask(client.react(conv, message, "+1", true)).await;
    ask(client.react(conv, message, "+1", false)).await;
    ask(client.revisions(conv, message)).await;
    ask(client.mute(conv, None)).await;
    ask(client.unmute(conv)).await;
}

async fn files(client: &Client, file_id: AttachmentId) {
    ask(client.attach(file())).await;
    ask(client.file_info(file_id)).await;
    ask(client.thumbnail(file_id)).await;
    ask(client.attachment_link(file_id, true)).await;
    ask(client.delete_attachment(file_id)).await;
}

async fn the_shop(client: &Client, webhook: WebhookId) {
    ask(client.policy()).await;
    ask(client.stats_overview(None)).await;
    ask(client.audit_log(None, None, &PageQuery::first())).await;
    ask(client.api_keys()).await;
    let key = NewApiKey { name: "Orders".into(), scopes: Vec::new(), user: None, bot: None };
    ask(client.create_api_key(&key)).await;
    ask(client.revoke_api_key(id("key"))).await;
    ask(client.undelivered_notifications()).await;
    ask(client.retry_notification(id("ntf"))).await;
    ask(client.webhooks()).await;
    ask(client.webhook(webhook)).await;
    let new = NewWebhook { url: "https://crm.example".into(), description: None, events: Vec::new() };
    ask(client.create_webhook(&new)).await;
    ask(client.change_webhook(webhook, &PatchWebhook::default())).await;
    ask(client.change_webhook_secret(webhook)).await;
    ask(client.delete_webhook(webhook)).await;
    ask(client.test_webhook(webhook)).await;
    ask(client.webhook_deliveries(webhook)).await;
    ask(client.replay_webhook(webhook, None)).await;
}

#[tokio::test]
async fn every_operation_has_a_function_or_a_reason_why_not() {
    let server = FakeHttp::answering((0..REQUESTS).map(|_| Reply::Raw(404, Vec::new()))).await;
    let client = Client::with_token(&server.url, "aaa").unwrap();
    sign_in(&client).await;
    my_account(&client).await;
    people(&client, alice()).await;
    conversations(&client, conv(), id("msg"), alice()).await;
    files(&client, id("att")).await;
    the_shop(&client, id("hook")).await;

    let operations = operations();
    let mut without = operations.clone();
    for request in server.asked() {
        let asked: Vec<&String> = operations.iter().filter(|operation| is_for(&request, operation)).collect();
        assert_eq!(asked.len(), 1, "{request:?} is for one operation of the document, not for {asked:?}");
        without.remove(asked[0]);
    }
    let reasons: BTreeSet<String> = WITHOUT.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    assert_eq!(without, reasons, "operations (left) without a function need one, or a reason (right)");
}
