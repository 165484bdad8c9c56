//! What the typed client asks and reads is what the server takes and says, where no other test does so.

use chat_client::{Client, PageQuery};
use chat_proto::model::{Digest, NotificationPreferences};
use chat_proto::wire::{IdentityBody, NewApiKey, NewBot, NewPushSubscription, PushKeys};
use chat_proto::{ErrorCode, Role, Timestamp};
use chat_tests::{Door, InProcess, Options, Socket};
use chatcore::{IdentityKey, Site};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

const SECRET: &[u8] = b"x7 a secret of the typed shop, made for tests";

async fn open() -> InProcess {
    let keys = vec![IdentityKey::secret(None, SECRET).expect("well made")];
    let shop = Site::new("shop").expect("well made").identity_keys(keys).expect("well made");
    InProcess::start_with(Options { sites: vec![shop], ..Options::default() }).await
}

#[tokio::test]
async fn keys_are_made_used_and_revoked() {
    let server = open().await;
    let admin = server.door.sign_in(Door::ADMIN).await.client();
    let bot = NewBot { name: "Robin".to_owned(), role: Role::Agent };
    let scopes = vec!["conversations:read".to_owned()];
    let new = NewApiKey { name: "Order desk".to_owned(), scopes, user: None, bot: Some(bot) };
    let made = admin.create_api_key(&new).await.expect("a key");
    let robin = admin.authenticated(&made.key);
    assert!(robin.conversations(&PageQuery::first()).await.expect("it is good").items.is_empty());
    let listed = admin.api_keys().await.expect("keys").items;
    assert_eq!((listed[0].id, listed[0].name.as_str()), (made.api_key.id, "Order desk"));
    admin.revoke_api_key(made.api_key.id).await.expect("revoked");
    let refused = robin.conversations(&PageQuery::first()).await.expect_err("it is over");
    assert_eq!(refused.code(), Some(ErrorCode::Unauthenticated));
}

#[tokio::test]
async fn wishes_mutes_and_devices_are_kept() {
    let server = open().await;
    let (ana, leo) = (server.door.person(Role::Customer, "ana").await, server.door.person(Role::Agent, "leo").await);
    let order = ana.direct(&leo).await;
    let client = leo.client();
    assert_eq!(client.notification_preferences().await.expect("wishes"), NotificationPreferences::default());
    let daily = NotificationPreferences {
        digest: Digest::Daily,
        time_zone: "Europe/Berlin".to_owned(),
        ..NotificationPreferences::default()
    };
    assert_eq!(client.set_notification_preferences(&daily).await.expect("set"), daily);
    assert_eq!(client.notification_preferences().await.expect("wishes"), daily);

    for until in [None, Some(Timestamp::from_millis(4_102_444_800_000))] {
        client.mute(order, until).await.expect("muted");
        let muted = client.muted().await.expect("a list").items;
        assert_eq!((muted.len(), muted[0].conversation_id, muted[0].until), (1, order, until));
    }
    client.unmute(order).await.expect("told again");
    assert!(client.muted().await.expect("a list").items.is_empty());

    // Of RFC 8291's example. The host is an address, so that no name has to be looked up.
    let keys = PushKeys {
        p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4".to_owned(),
        auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
    };
    let endpoint = "https://8.8.8.8/wpush/v2/one".to_owned();
    let device = NewPushSubscription { endpoint, expiration_time: None, keys };
    let subscribed = client.subscribe_device(&device).await.expect("subscribed");
    assert_eq!(subscribed.service, "8.8.8.8");
    assert_eq!(client.push_subscriptions().await.expect("devices").items, std::slice::from_ref(&subscribed));
    client.unsubscribe_device(subscribed.id).await.expect("gone");
    assert!(client.push_subscriptions().await.expect("devices").items.is_empty());

    let admin = server.door.sign_in(Door::ADMIN).await.client();
    assert!(admin.undelivered_notifications().await.expect("a list").items.is_empty());
    let unknown = "ntf_01kay8m2r3f9vvk1a2b3c4d5e1".parse().expect("an id");
    let refused = admin.retry_notification(unknown).await.expect_err("there is none");
    assert_eq!(refused.code(), Some(ErrorCode::NotFound));
}

#[tokio::test]
async fn visitors_come_and_turn_out_to_be_customers() {
    let server = open().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let stranger = Client::new(&format!("http://{}", server.door.address)).expect("an address");
    let conversations = async |client: &Client| {
        let page = client.conversations(&PageQuery::first()).await.expect("a list");
        page.items.into_iter().map(|conversation| conversation.id).collect::<Vec<_>>()
    };

    let (visitor, signed_in) = stranger.admit_visitor("shop").await.expect("admitted");
    assert!(signed_in.user.anonymous);
    let first = visitor.open_direct(leo.id).await.expect("a conversation").id;
    let ana = server.door.person(Role::Customer, "ana").await.client();
    ana.claim_visitor(&signed_in.access_token).await.expect("it was Ana");
    assert_eq!(conversations(&ana).await, [first]);

    let (visitor, signed_in) = stranger.admit_visitor("shop").await.expect("admitted");
    let second = visitor.open_direct(leo.id).await.expect("a conversation").id;
    let now = server.chat.now().as_seconds();
    let claims = json!({"sub": "c-1", "aud": "shop", "iat": now, "exp": now + 60, "name": "Bo"});
    let token = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET)).expect("well made");
    let identity =
        IdentityBody { token, site_key: Some("shop".to_owned()), visitor_token: Some(signed_in.refresh_token) };
    let (bo, signed_in) = stranger.sign_in_identity(&identity).await.expect("signed in");
    assert_eq!((signed_in.user.name.as_str(), signed_in.user.verified), ("Bo", true));
    assert_eq!(conversations(&bo).await, [second]);
}

#[tokio::test]
async fn a_ticket_opens_a_socket() {
    let server = open().await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let ticket = leo.client().ws_ticket().await.expect("a ticket");
    let mut socket = Socket::connect(leo.address).await;
    socket.say(&json!({"t": "hello", "ticket": ticket.ticket})).await;
    assert_eq!(socket.json().await["user"]["id"], json!(leo.id));
}
