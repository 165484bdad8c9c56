//! Against a receiver of the tests' own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::model::WebhookState;
use chat_proto::{ConversationId, Timestamp, UserId};
use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::testing::ManualClock;
use crate::{Actor, Chat, ErrorCode, Event, NewPerson, WebhookEvent};

/// A request that came.
#[derive(Clone, Debug)]
struct Got {
    id: String,
    timestamp: String,
    signatures: String,
    body: String,
    /// How it was answered.
    status: u16,
}

impl Got {
    fn told(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").expect("a secret").as_bytes()).unwrap();
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        self.signatures.split(' ').any(|signature| signature == expected)
    }
}

/// Where webhooks are told, with answers by what is written in the message; 204 to everything else.
#[derive(Debug)]
struct Receiver {
    got: watch::Sender<Vec<Got>>,
    answers: Mutex<HashMap<String, u16>>,
}

impl Receiver {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Arc::new(Self { got: watch::Sender::new(Vec::new()), answers: Mutex::default() });
        let serving = Arc::clone(&receiver);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let serving = Arc::clone(&serving);
                let answer = service_fn(move |request| Arc::clone(&serving).answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        (receiver, address)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().to_vec()).expect("UTF-8");
        let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
        let text = serde_json::from_str::<Value>(&body).unwrap()["text"].as_str().unwrap_or_default().to_owned();
        let status = {
            let answers = self.answers.lock().unwrap();
            answers.get(&text).or_else(|| answers.get("*")).copied().unwrap_or(204)
        };
        let got = Got {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
            body,
            status,
        };
        self.got.send_modify(|all| all.push(got));
        Ok(Response::builder().status(status).body(Full::from("A secret of the receiver's.")).unwrap())
    }

    fn answers(&self, text: &str, status: Option<u16>) {
        let mut answers = self.answers.lock().unwrap();
        match status {
            Some(status) => answers.insert(text.to_owned(), status),
            None => answers.remove(text),
        };
    }

    /// The requests, when there are so many.
    async fn until(&self, count: usize) -> Vec<Got> {
        let mut got = self.got.subscribe();
        let all = tokio::time::timeout(Duration::from_secs(20), got.wait_for(|all| all.len() >= count)).await;
        all.unwrap_or_else(|_| panic!("there are only {:?}", self.texts())).unwrap().clone()
    }

    fn texts(&self) -> Vec<String> {
        self.got.borrow().iter().map(|got| got.told()["text"].as_str().unwrap_or("-").to_owned()).collect()
    }

    /// The texts that it took, in their order.
    fn taken(&self, conversation: ConversationId) -> Vec<String> {
        let of_it = |got: &&Got| got.status == 204 && got.told()["conv"] == json!(conversation);
        let got = self.got.borrow();
        got.iter().filter(of_it).map(|got| got.told()["text"].as_str().unwrap_or("-").to_owned()).collect()
    }
}

fn write(told: &Told, cursor: &Cursor) -> Option<String> {
    let json = match told.event() {
        Event::MessageCreated(message) => {
            json!({"c": cursor, "e": "message.created", "conv": message.conversation_id, "text": message.text})
        }
        Event::ConversationCreated(conversation) => json!({"e": "conversation.created", "conv": conversation.id}),
        _ => return None,
    };
    Some(json.to_string())
}

struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    receiver: Arc<Receiver>,
    url: String,
    admin: Actor,
    ana: UserId,
    ben: UserId,
}

impl Shop {
    async fn open() -> Self {
        let (receiver, address) = Receiver::start().await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let addresses = AddressRules { allow_private: true, ..AddressRules::default() };
        let options = WebhookOptions::new(|told, cursor| write(told, &cursor)).addresses(addresses);
        let builder = Chat::builder().cheap_passwords().clock(Arc::clone(&clock) as _).webhooks(options);
        let chat = builder.open().await.unwrap();
        let admin = chat.bootstrap_admin("admin@shop.test", "Admin", "correct horse 9".to_owned()).await.unwrap();
        let person = |person: NewPerson| {
            let chat = chat.clone();
            async move { chat.people().create(person).await.unwrap().id }
        };
        let ana = person(NewPerson::customer("ana@shop.test").name("Ana")).await;
        let ben = person(NewPerson::agent("ben@shop.test").name("Ben")).await;
        let (admin, url) = (chat.as_user(admin.id), format!("http://{address}/hook?key=secret"));
        Self { chat, clock, receiver, url, admin, ana, ben }
    }

    async fn hook(&self, events: &[WebhookEvent]) -> CreatedWebhook {
        let (url, description) = (self.url.clone(), Some("CRM".to_owned()));
        self.admin.create_webhook(NewWebhook { url, description, events: events.to_vec() }).await.unwrap()
    }

    async fn group(&self, subject: &str) -> ConversationId {
        let ben = self.chat.as_user(self.ben);
        ben.create_group(Some(subject), vec![self.ana]).await.unwrap().id
    }

    async fn say(&self, conversation: ConversationId, texts: &[&str]) {
        for text in texts {
            self.chat.as_user(self.ana).conversation(conversation).send(*text).await.unwrap();
        }
    }

    /// The webhook, once this is so of it.
    async fn when(&self, id: WebhookId, is_so: impl Fn(&chat_proto::model::Webhook) -> bool) {
        loop {
            let moved = self.chat.engine().rooms.progress.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            if is_so(&self.admin.webhook(id).await.unwrap()) {
                return;
            }
            moved.await;
        }
    }

    async fn dead(&self, id: WebhookId, count: usize) -> Vec<chat_proto::model::WebhookDelivery> {
        loop {
            let moved = self.chat.engine().rooms.progress.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            let dead = self.admin.webhook_deliveries(id).await.unwrap().items;
            if dead.len() >= count {
                return dead;
            }
            moved.await;
        }
    }
}

const MESSAGES: &[WebhookEvent] = &[WebhookEvent::MessageCreated];

#[tokio::test]
async fn it_is_told_what_it_wants_in_order_and_signed() {
    let shop = Shop::open().await;
    let conversation = shop.group("Before").await;
    shop.say(conversation, &["before"]).await;
    let made = shop.hook(MESSAGES).await;
    shop.say(conversation, &["one", "two", "three"]).await;
    let got = shop.receiver.until(3).await;
    assert_eq!(shop.receiver.texts(), ["one", "two", "three"], "nothing from before, and no other events");
    for got in &got {
        assert!(got.is_signed_with(&made.secret), "{got:?}");
        assert_eq!(got.timestamp, "1800000000");
        assert!(got.told()["c"].is_string());
    }
    assert_ne!(got[0].id, got[1].id);
    let all = shop.hook(&[]).await;
    shop.group("Now").await;
    let got = shop.receiver.until(4).await;
    assert_eq!(got[3].told()["e"], "conversation.created");
    assert!(got[3].is_signed_with(&all.secret) && !got[3].is_signed_with(&made.secret));
}

#[tokio::test]
async fn a_conversation_that_fails_is_held_back_and_the_others_go_on() {
    let shop = Shop::open().await;
    let made = shop.hook(MESSAGES).await;
    let (one, other) = (shop.group("One").await, shop.group("Other").await);
    shop.receiver.answers("bad", Some(500));
    shop.say(one, &["first", "bad", "third"]).await;
    shop.say(other, &["a", "b"]).await;
    shop.receiver.until(4).await;
    shop.say(one, &["fourth"]).await;
    shop.say(other, &["c"]).await;
    shop.receiver.until(5).await;
    shop.when(made.webhook.id, |webhook| webhook.last_success_at.is_some()).await;
    assert_eq!(
        (shop.receiver.taken(one), shop.receiver.taken(other)),
        (vec!["first".into()], vec!["a".into(), "b".into(), "c".into()])
    );
    // Once more, too early and then not.
    shop.clock.advance(Duration::from_secs(6));
    let got = shop.receiver.until(6).await;
    assert_eq!(shop.receiver.texts().iter().filter(|text| *text == "bad").count(), 2);
    let bad: Vec<&Got> = got.iter().filter(|got| got.status == 500).collect();
    assert_eq!(bad[0].id, bad[1].id, "the same name each time");
    shop.receiver.answers("bad", None);
    shop.clock.advance(Duration::from_secs(73));
    shop.receiver.until(9).await;
    assert_eq!(shop.receiver.taken(one), ["first", "bad", "third", "fourth"]);
    // What waits no more holds nothing back.
    shop.say(one, &["fifth"]).await;
    shop.receiver.until(10).await;
    assert_eq!(shop.receiver.taken(one).len(), 5);
}

#[tokio::test]
async fn what_fails_for_a_day_is_given_up_and_can_be_replayed() {
    let shop = Shop::open().await;
    let made = shop.hook(MESSAGES).await;
    let id = made.webhook.id;
    let conversation = shop.group("One").await;
    shop.receiver.answers("bad", Some(503));
    shop.say(conversation, &["bad", "good"]).await;
    for attempt in 1..=8 {
        shop.receiver.until(attempt).await;
        // Longer than the wait after it.
        let waits = [6, 73, 361, 2_161, 8_641, 21_601, 34_561, 34_561];
        shop.clock.advance(Duration::from_secs(waits[attempt - 1]));
    }
    shop.receiver.until(10).await;
    let [given_up] = &shop.dead(id, 1).await[..] else { panic!("one") };
    assert_eq!((given_up.attempts, given_up.event.as_deref()), (9, Some("message.created")));
    assert_eq!(
        (given_up.trouble.as_str(), given_up.conversation_id),
        ("answered 503 Service Unavailable", Some(conversation))
    );
    assert_eq!(shop.receiver.taken(conversation), ["good"], "what came after it is told");
    assert_eq!(given_up.id, shop.receiver.until(1).await[0].id);

    shop.receiver.answers("bad", None);
    let none = shop.admin.replay_webhook(id, Some("evt_none".to_owned())).await.unwrap_err();
    assert_eq!(none.code(), ErrorCode::NotFound);
    assert_eq!(shop.admin.replay_webhook(id, Some(given_up.id.clone())).await.unwrap(), 1);
    shop.receiver.until(11).await;
    assert_eq!(shop.receiver.taken(conversation), ["good", "bad"]);
    assert_eq!(shop.admin.webhook_deliveries(id).await.unwrap().items.len(), 0);
    assert_eq!(shop.admin.replay_webhook(id, None).await.unwrap(), 0);
}

#[tokio::test]
async fn one_that_fails_for_days_or_is_gone_is_told_no_more() {
    let shop = Shop::open().await;
    let (made, conversation) = (shop.hook(MESSAGES).await, shop.group("One").await);
    let id = made.webhook.id;
    shop.receiver.answers("*", Some(500));
    shop.say(conversation, &["one"]).await;
    shop.when(id, |webhook| webhook.failing_since.is_some()).await;
    shop.clock.advance(Duration::from_hours(73));
    shop.when(id, |webhook| webhook.state == WebhookState::Failed).await;
    let failed = Some(crate::AuditAction::WebhookFailed);
    let told = shop.admin.audit_log(None, failed, 9, None).await.unwrap().items;
    assert_eq!((told.len(), &told[0].by), (1, &None));
    let name = told[0].after.name.clone().expect("which");
    assert!(name.starts_with(&id.to_string()) && !name.contains("secret"), "{name}");
    // It goes on where it was.
    shop.say(conversation, &["two"]).await;
    shop.receiver.answers("*", None);
    let enabled = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let webhook = shop.admin.change_webhook(id, enabled.clone()).await.unwrap();
    assert_eq!((webhook.state, webhook.failing_since), (WebhookState::Enabled, None));
    shop.clock.advance(Duration::from_hours(10));
    shop.receiver.until(4).await;
    assert_eq!(shop.receiver.taken(conversation), ["one", "two"]);

    shop.receiver.answers("bye", Some(410));
    shop.say(conversation, &["bye"]).await;
    shop.when(id, |webhook| webhook.state == WebhookState::Failed).await;
    shop.admin.delete_webhook(id).await.unwrap();
    assert_eq!(shop.admin.webhook(id).await.unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(shop.admin.change_webhook(id, enabled).await.unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_secret_is_changed_without_a_gap() {
    let shop = Shop::open().await;
    let (made, conversation) = (shop.hook(MESSAGES).await, shop.group("One").await);
    let next = shop.admin.change_webhook_secret(made.webhook.id).await.unwrap();
    assert_ne!(next.secret, made.secret);
    shop.say(conversation, &["one"]).await;
    let got = &shop.receiver.until(1).await[0];
    assert!(got.is_signed_with(&made.secret) && got.is_signed_with(&next.secret), "{got:?}");
    shop.clock.advance(Duration::from_hours(25));
    shop.say(conversation, &["two"]).await;
    let got = &shop.receiver.until(2).await[1];
    assert!(!got.is_signed_with(&made.secret) && got.is_signed_with(&next.secret), "{got:?}");
}

#[tokio::test]
async fn it_is_made_and_tried_by_admins_alone() {
    let shop = Shop::open().await;
    let made = shop.hook(&[]).await;
    let id = made.webhook.id;
    let tried = shop.admin.test_webhook(id).await.unwrap();
    assert_eq!((tried.delivered, tried.trouble), (true, None));
    let got = &shop.receiver.until(1).await[0];
    assert!(got.told()["t"] == "test" && got.is_signed_with(&made.secret), "{got:?}");
    shop.receiver.answers("*", Some(418));
    let tried = shop.admin.test_webhook(id).await.unwrap();
    assert_eq!((tried.delivered, tried.trouble.as_deref()), (false, Some("answered 418 I'm a teapot")), "no body");

    let new = |url: &str| NewWebhook { url: url.to_owned(), description: None, events: Vec::new() };
    for wrong in ["ftp://a.example/x", "http://me@127.0.0.1/x", ""] {
        assert_eq!(shop.admin.create_webhook(new(wrong)).await.unwrap_err().code(), ErrorCode::Invalid, "{wrong}");
    }
    let ben = shop.chat.as_user(shop.ben);
    for refused in [
        ben.create_webhook(new(&shop.url)).await.map(drop),
        ben.webhooks_list().await.map(drop),
        ben.webhook(id).await.map(drop),
        ben.test_webhook(id).await.map(drop),
        ben.webhook_deliveries(id).await.map(drop),
        ben.replay_webhook(id, None).await.map(drop),
        ben.change_webhook(id, WebhookPatch::default()).await.map(drop),
        ben.change_webhook_secret(id).await.map(drop),
        ben.delete_webhook(id).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), ErrorCode::Forbidden);
    }
    for _ in 1..20 {
        shop.hook(MESSAGES).await;
    }
    assert_eq!(shop.admin.create_webhook(new(&shop.url)).await.unwrap_err().code(), ErrorCode::Conflict);
    assert_eq!(shop.admin.webhooks_list().await.unwrap().items.len(), 20);
}
