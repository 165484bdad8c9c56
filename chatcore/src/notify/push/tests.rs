//! Against a push service of the tests' own, which reads what it gets as a device would, with other code than ours.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use chat_proto::PushSubscriptionId;
use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::{Auth, decrypt};

use super::payload::tests::unread;
use super::*;
use crate::state::{DeliveryId, UserNo};
use crate::testing::ManualClock;
use crate::{Actor, Clock as _, ErrorCode, NewPerson, SignedIn};

const PASSWORD: &str = "correct horse 9";
const SUBJECT: &str = "mailto:admin@shop.test";

/// What a device was told.
#[derive(Clone, Debug)]
struct Heard {
    headers: http::HeaderMap,
    told: Value,
    length: usize,
}

/// How it is answered: a status, and a header where one belongs to it; `None`: not at all.
type Said = Option<(u16, Option<(&'static str, String)>)>;

/// A push service on this machine, and the devices behind it.
#[derive(Debug, Default)]
struct Service {
    heard: Mutex<HashMap<String, Vec<Heard>>>,
    /// What is said next, by device; afterwards 201.
    says: Mutex<HashMap<String, VecDeque<Said>>>,
}

/// The keys of a device, by its number.
fn device_keys(number: u8) -> (SecretKey, [u8; 16]) {
    (SecretKey::from_slice(&[number; 32]).unwrap(), [number; 16])
}

impl Service {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Arc::new(Self::default());
        let serving = Arc::clone(&service);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let serving = Arc::clone(&serving);
                let answer = service_fn(move |request| Arc::clone(&serving).answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        (service, address)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let device = parts.uri.path().trim_start_matches('/').to_owned();
        let (secret, auth) = device_keys(device.parse().unwrap());
        let text = decrypt(body.to_vec(), &secret, &Auth::from(auth)).expect("it is for this device");
        let told = serde_json::from_slice(&text).expect("JSON");
        let heard = Heard { headers: parts.headers, told, length: body.len() };
        self.heard.lock().unwrap().entry(device.clone()).or_default().push(heard);
        let said = self.says.lock().unwrap().entry(device).or_default().pop_front();
        let Some((status, header)) = said.unwrap_or(Some((201, None))) else { std::future::pending().await };
        let mut answer = Response::builder().status(status);
        if let Some((name, value)) = header {
            answer = answer.header(name, value);
        }
        Ok(answer.body(Full::from("What the service thinks of it.")).unwrap())
    }

    fn says(&self, device: u8, answers: &[Said]) {
        self.says.lock().unwrap().insert(device.to_string(), answers.iter().cloned().collect());
    }

    fn heard(&self, device: u8) -> Vec<Heard> {
        self.heard.lock().unwrap().get(&device.to_string()).cloned().unwrap_or_default()
    }

    fn times(&self, devices: &[u8]) -> Vec<usize> {
        devices.iter().map(|device| self.heard(*device).len()).collect()
    }
}

/// A shop that pushes to this service, and a customer of it.
struct Shop {
    chat: Chat,
    clock: Arc<ManualClock>,
    service: Arc<Service>,
    address: SocketAddr,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(|options| options).await
    }

    async fn open_with(change: impl FnOnce(PushOptions) -> PushOptions) -> Self {
        let (service, address) = Service::start().await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let addresses = AddressRules { allow_private: true, ..AddressRules::default() };
        let options = PushOptions { addresses, subject: Some(SUBJECT.to_owned()), ..PushOptions::default() };
        let builder = Chat::builder().cheap_passwords().clock(Arc::clone(&clock) as _).push(change(options));
        Self { chat: builder.open().await.unwrap(), clock, service, address }
    }

    async fn customer(&self, name: &str) -> (Actor, SignedIn) {
        let signed_in = self.chat.register(&format!("{name}@shop.test"), name, PASSWORD.to_owned()).await.unwrap();
        (self.chat.authenticate(&signed_in.token).unwrap(), signed_in)
    }

    fn device(&self, number: u8) -> NewDevice {
        let (secret, auth) = device_keys(number);
        NewDevice {
            endpoint: format!("http://{}/{number}", self.address),
            p256dh: BASE64URL_NOPAD.encode(secret.public_key().to_encoded_point(false).as_bytes()),
            auth: BASE64URL_NOPAD.encode(&auth),
        }
    }

    /// Devices come in the order of their moments.
    async fn subscribe(&self, actor: &Actor, device: u8) -> PushSubscriptionId {
        self.clock.advance(Duration::from_secs(1));
        actor.subscribe_device(self.device(device)).await.unwrap().id
    }

    /// Tells somebody of a message, once; `id` names the notification.
    async fn tell(&self, user: UserId, id: u8, attempt: u32) -> std::result::Result<(), Undelivered> {
        let notification = Notification {
            id: DeliveryId([id; 16]),
            channel: Channel::Push,
            user: Some(user),
            name: None,
            mail_address: None,
            unsubscribe: None,
            created_at: self.chat.now(),
            attempt,
            news: News::Unread { conversations: vec![unread(1, "Order 7", 2, &["Is it there?"])], together: false },
        };
        self.chat.web_push().expect("it pushes").deliver(&notification).await
    }
}

fn later(wait: Option<u64>, trouble: &str) -> std::result::Result<(), Undelivered> {
    Err(Undelivered::Later(format!("127.0.0.1:{trouble}"), wait.map(Duration::from_secs)))
}

/// Without the port, which is another one each time.
fn without_port(result: std::result::Result<(), Undelivered>) -> std::result::Result<(), Undelivered> {
    let strip = |text: String| {
        let (_, rest) = text.split_once(": ").expect("a service");
        format!("127.0.0.1:{rest}")
    };
    result.map_err(|undelivered| match undelivered {
        Undelivered::Later(text, wait) => Undelivered::Later(strip(text), wait),
        Undelivered::Never(text) => Undelivered::Never(strip(text)),
        down @ Undelivered::Down(_) => down,
    })
}

/// From the message to the device, and nothing is put down for who has none.
#[tokio::test]
async fn who_has_not_read_is_pushed_to_and_nothing_is_kept_of_who_has_no_device() {
    let shop = Shop::open().await;
    let [leo, mia, dana] = ["leo", "mia", "dana"].map(|name| NewPerson::agent(format!("{name}@shop.test")));
    let people = shop.chat.people();
    let (leo, mia) = (people.create(leo).await.unwrap().id, people.create(mia).await.unwrap().id);
    let dana = shop.chat.as_user(people.create(dana).await.unwrap().id);
    shop.subscribe(&shop.chat.as_user(leo), 1).await;
    // Who has none is decided about first.
    for reader in [mia, leo] {
        let (conversation, _) = dana.open_direct(reader).await.unwrap();
        dana.conversation(conversation.id).send("Are you there?").await.unwrap();
    }
    shop.clock.advance(Duration::from_secs(5));
    let heard = async {
        while shop.service.heard(1).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("a push");
    assert_eq!(shop.service.heard(1)[0].told["text"], "Are you there?");
    let view = shop.chat.engine().store.view();
    let is_told = |user| {
        let no = view.user_no(user).unwrap().unwrap();
        let (_, conversation) = view.inbox(no, None, 1).unwrap()[0];
        view.record(&RecordKey::told(Channel::Push, no, conversation)).unwrap().is_some()
    };
    assert_eq!((is_told(leo), is_told(mia)), (true, false));
}

#[tokio::test]
async fn every_device_is_told_what_it_alone_can_read_and_by_whom() {
    let shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    for device in [1, 2] {
        shop.subscribe(&ana, device).await;
    }
    assert_eq!(shop.tell(signed_in.user.id, 1, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2]), [1, 1]);
    let heard = &shop.service.heard(1)[0];
    let conversation = unread(1, "", 0, &[]).id.to_string();
    assert_eq!(
        heard.told,
        json!({"v": 1, "title": "Order 7", "count": 2, "conversation": conversation, "from": "Ana", "text": "Is it there?"})
    );
    let header = |name: &str| heard.headers[name].to_str().unwrap();
    assert_eq!(
        [header("ttl"), header("urgency"), header("content-encoding"), header("content-type")],
        ["86400", "high", "aes128gcm", "application/octet-stream"]
    );
    assert_eq!(header("topic").len(), 32);

    // The token, as RFC 8292 wants it.
    let rest = header("authorization").strip_prefix("vapid t=").expect("a token");
    let (token, key) = rest.split_once(", k=").expect("a key");
    assert_eq!(Some(key), shop.chat.push_key());
    let point = BASE64URL_NOPAD.decode(key.as_bytes()).unwrap();
    let coordinate = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let key = DecodingKey::from_ec_components(&coordinate(&point[1..33]), &coordinate(&point[33..])).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[format!("http://{}", shop.address)]);
    rules.validate_exp = false;
    let claims = decode::<Value>(token, &key, &rules).expect("it is good").claims;
    let lasts = claims["exp"].as_i64().unwrap() - shop.clock.now().as_millis() / 1_000;
    assert!((60..=86_400).contains(&lasts), "{lasts}");
    assert_eq!(claims["sub"], SUBJECT);
}

#[tokio::test]
async fn no_text_goes_out_where_the_shop_does_not_want_it() {
    let shop = Shop::open_with(|options| PushOptions { show_text: false, ..options }).await;
    let (ana, signed_in) = shop.customer("ana").await;
    shop.subscribe(&ana, 1).await;
    shop.tell(signed_in.user.id, 1, 1).await.unwrap();
    let told = &shop.service.heard(1)[0].told;
    assert_eq!((&told["count"], told.get("text"), told.get("from")), (&json!(2), None, None));
}

#[tokio::test]
async fn devices_that_are_gone_are_forgotten() {
    let shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    for device in [1, 2, 3] {
        shop.subscribe(&ana, device).await;
    }
    shop.service.says(1, &[Some((404, None))]);
    shop.service.says(2, &[Some((410, None))]);
    assert_eq!(shop.tell(signed_in.user.id, 1, 1).await, Ok(()));
    assert_eq!(ana.devices().await.unwrap().items.len(), 1);
    assert_eq!(shop.tell(signed_in.user.id, 2, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3]), [1, 1, 2]);
    // It may come back.
    shop.subscribe(&ana, 1).await;
    assert_eq!(shop.tell(signed_in.user.id, 3, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3]), [2, 1, 3]);
}

#[tokio::test]
async fn what_is_too_large_is_shortened_once() {
    let shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    shop.subscribe(&ana, 1).await;
    shop.service.says(1, &[Some((413, None)), Some((201, None))]);
    assert_eq!(shop.tell(signed_in.user.id, 1, 1).await, Ok(()));
    let heard = shop.service.heard(1);
    assert!(heard[0].told.get("text").is_some() && heard[1].told.get("text").is_none());
    assert!(heard[1].length < heard[0].length);
    shop.service.says(1, &[Some((413, None)), Some((413, None))]);
    let never = Undelivered::Never("127.0.0.1:it is too large".to_owned());
    assert_eq!(without_port(shop.tell(signed_in.user.id, 2, 1).await), Err(never));
    assert_eq!(shop.service.times(&[1]), [4]);
}

#[tokio::test]
async fn who_is_asked_to_wait_waits_and_tells_no_device_twice() {
    let shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    for device in [1, 2, 3] {
        shop.subscribe(&ana, device).await;
    }
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let wait = |status, text: &str| Some((status, Some(("retry-after", text.to_owned()))));
    shop.service.says(2, &[wait(429, "120")]);
    shop.service.says(3, &[wait(503, "30"), wait(503, date)]);
    let user = signed_in.user.id;
    assert_eq!(without_port(shop.tell(user, 1, 1).await), later(Some(120), "answered 429 Too Many Requests"));
    assert_eq!(shop.service.times(&[1, 2, 3]), [1, 1, 1]);
    // The one that has it is left alone, and the one that gets it now is from now on.
    let unavailable = "answered 503 Service Unavailable";
    assert_eq!(without_port(shop.tell(user, 1, 2).await), later(Some(0), unavailable));
    assert_eq!(shop.service.times(&[1, 2, 3]), [1, 2, 2]);
    assert_eq!(shop.tell(user, 1, 3).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3]), [1, 2, 3]);
    // And when it comes once more since nobody heard that it was done.
    assert_eq!(shop.tell(user, 1, 4).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3]), [1, 2, 3]);
    assert_eq!(shop.tell(user, 2, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3]), [2, 3, 4]);
}

#[tokio::test]
async fn faults_are_told_apart() {
    let mut shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    shop.subscribe(&ana, 1).await;
    let user = signed_in.user.id;
    let elsewhere = format!("http://{}/2", shop.address);
    for (answer, what) in [
        (Some((307, Some(("location", elsewhere)))), "answered 307 Temporary Redirect"),
        (Some((400, None)), "answered 400 Bad Request"),
        (Some((403, None)), "does not take this server's key (403 Forbidden)"),
    ] {
        shop.service.says(1, &[answer]);
        let never = Undelivered::Never(format!("127.0.0.1:{what}"));
        assert_eq!(without_port(shop.tell(user, 1, 1).await), Err(never));
    }
    assert_eq!(shop.service.times(&[1, 2]), [3, 0], "a redirect is not followed");
    shop.service.says(1, &[Some((500, None))]);
    let failed = later(None, "answered 500 Internal Server Error");
    assert_eq!(without_port(shop.tell(user, 1, 1).await), failed);
    assert_eq!(ana.devices().await.unwrap().items.len(), 1, "none of these says that the device is gone");

    // Who does not answer at all.
    shop = Shop::open().await;
    let (ana, _) = shop.customer("ana").await;
    shop.subscribe(&ana, 1).await;
    shop.service.says(1, &[None]);
    let addresses = AddressRules { allow_private: true, ..AddressRules::default() };
    let outgoing = Outgoing::new(addresses).unwrap().waiting(Duration::from_millis(50));
    let push =
        Push { outgoing, ..Push::new(VapidKeys::generate(&crate::SystemEntropy), PushOptions::default()).unwrap() };
    let conversations = [unread(1, "x", 1, &[])];
    let now = shop.clock.now();
    let post = Post { push: &push, conversations: &conversations, together: true, now, entropy: &crate::SystemEntropy };
    let everybody = (RecordKey::all_push(UserNo(0)).0, RecordKey::all_push(UserNo(99)).1);
    let rows = shop.chat.engine().read(move |view| Ok(view.records(&everybody.0, &everybody.1, 9)?));
    let row = PushRow::decoded(&rows.await.unwrap()[0].1).unwrap();
    let Fate::Later(trouble, None) = post.to(&row).await else { panic!("later") };
    assert!(trouble.ends_with(": no answer in time"), "{trouble}");
}

#[tokio::test]
async fn a_device_is_told_no_longer_than_its_session_lasts() {
    let shop = Shop::open().await;
    let (ana, first) = shop.customer("ana").await;
    let user = first.user.id;
    let second = shop.chat.login("ana@shop.test", PASSWORD.to_owned()).await.unwrap();
    let elsewhere = shop.chat.authenticate(&second.token).unwrap();
    shop.subscribe(&ana, 1).await;
    shop.subscribe(&elsewhere, 2).await;
    let shown = elsewhere.devices().await.unwrap().items;
    assert_eq!(shown.iter().map(|device| device.current).collect::<Vec<_>>(), [false, true]);
    ana.log_out().await.unwrap();
    // It goes with the session, not only when something would have been pushed to it.
    assert_eq!(elsewhere.devices().await.unwrap().items.len(), 1);
    assert_eq!(shop.tell(user, 1, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2]), [0, 1]);
    // A session whose time is over, though nobody has ended it.
    shop.clock.advance(Duration::from_hours(31 * 24));
    assert_eq!(shop.tell(user, 2, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2]), [0, 1]);
    let third = shop.chat.login("ana@shop.test", PASSWORD.to_owned()).await.unwrap();
    let third = shop.chat.authenticate(&third.token).unwrap();
    assert_eq!(third.devices().await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_shared_browser_tells_who_uses_it_now() {
    let shop = Shop::open().await;
    let (ana, ana_in) = shop.customer("ana").await;
    let (ben, ben_in) = shop.customer("ben").await;
    let first = shop.subscribe(&ana, 1).await;
    assert_eq!(shop.subscribe(&ana, 1).await, first, "the same device keeps its name");
    shop.subscribe(&ben, 1).await;
    assert_eq!(ana.devices().await.unwrap().items.len(), 0);
    assert_eq!(shop.tell(ana_in.user.id, 1, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1]), [0]);
    assert_eq!(shop.tell(ben_in.user.id, 2, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1]), [1]);
    // What is hers no more, she cannot end.
    assert_eq!(ana.unsubscribe_device(first).await.unwrap_err().code(), ErrorCode::NotFound);
    ana.log_out().await.unwrap();
    assert_eq!(shop.tell(ben_in.user.id, 3, 1).await, Ok(()));
    let [mine] = &ben.devices().await.unwrap().items[..] else { panic!("one device") };
    ben.unsubscribe_device(mine.id).await.unwrap();
    assert_eq!(shop.tell(ben_in.user.id, 4, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1]), [2]);
}

#[tokio::test]
async fn of_too_many_devices_the_one_goes_that_took_nothing_for_the_longest_time() {
    let shop = Shop::open().await;
    let (ana, signed_in) = shop.customer("ana").await;
    for device in 1..=20 {
        shop.subscribe(&ana, device).await;
    }
    shop.clock.advance(Duration::from_hours(2));
    // All but the third take something.
    shop.service.says(3, &[Some((500, None))]);
    assert!(shop.tell(signed_in.user.id, 1, 1).await.is_err());
    shop.subscribe(&ana, 21).await;
    assert_eq!(ana.devices().await.unwrap().items.len(), 20);
    assert_eq!(shop.tell(signed_in.user.id, 2, 1).await, Ok(()));
    assert_eq!(shop.service.times(&[1, 2, 3, 4, 20, 21]), [2, 2, 1, 2, 2, 1]);
}

#[tokio::test]
async fn what_is_no_device_is_refused_when_it_asks() {
    let shop = Shop::open().await;
    let (ana, _) = shop.customer("ana").await;
    let good = shop.device(1);
    let no_point = BASE64URL_NOPAD.encode(&[4; 65]);
    for (device, pointer) in [
        (NewDevice { endpoint: "ftp://push.example/x".into(), ..good.clone() }, "/endpoint"),
        (NewDevice { endpoint: format!("{}@x", good.endpoint), ..good.clone() }, ""),
        (NewDevice { endpoint: "http://me@127.0.0.1/x".into(), ..good.clone() }, "/endpoint"),
        (NewDevice { p256dh: no_point, ..good.clone() }, "/keys/p256dh"),
        (NewDevice { p256dh: good.p256dh[1..].into(), ..good.clone() }, "/keys/p256dh"),
        (NewDevice { p256dh: "A".repeat(1_000_000), ..good.clone() }, "/keys/p256dh"),
        (NewDevice { auth: "AAAA".into(), ..good.clone() }, "/keys/auth"),
        (NewDevice { auth: "!".repeat(22), ..good.clone() }, "/keys/auth"),
    ] {
        let result = ana.subscribe_device(device).await;
        match result {
            Ok(_) => assert_eq!(pointer, ""),
            Err(error) => assert_eq!(error.fields()[0].pointer, pointer),
        }
    }
    // Where it is no test.
    let chat = Chat::builder().cheap_passwords().push(PushOptions::default()).open().await.unwrap();
    let signed_in = chat.register("ana@shop.test", "Ana", PASSWORD.to_owned()).await.unwrap();
    let ana = chat.authenticate(&signed_in.token).unwrap();
    let error = ana.subscribe_device(good.clone()).await.unwrap_err();
    assert_eq!((error.code(), &*error.fields()[0].pointer), (ErrorCode::Invalid, "/endpoint"));
    let without = Chat::builder().cheap_passwords().open().await.unwrap();
    let signed_in = without.register("ana@shop.test", "Ana", PASSWORD.to_owned()).await.unwrap();
    let ana = without.authenticate(&signed_in.token).unwrap();
    assert_eq!(ana.subscribe_device(good).await.unwrap_err().code(), ErrorCode::Unsupported);
    assert!(without.web_push().is_none() && without.push_key().is_none());
}
