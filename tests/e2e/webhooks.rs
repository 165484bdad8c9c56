//! Webhooks as admins and receivers meet them: the real program, a receiver on a socket of its own, kill -9.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, Server};
use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::CHATD;

/// A request that a receiver got: its headers, and its body.
#[derive(Clone, Debug)]
struct Got {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Got {
    fn told(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// As a receiver checks it that was written by others (<https://www.standardwebhooks.com>).
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").expect("a secret").as_bytes()).expect("base64");
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&key).expect("a key");
        let (id, at) = (&self.headers["webhook-id"], &self.headers["webhook-timestamp"]);
        mac.update(format!("{id}.{at}.{}", self.body).as_bytes());
        let expected = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

/// Takes everything, and answers 204.
struct Receiver {
    address: SocketAddr,
    got: watch::Sender<Vec<Got>>,
}

impl Receiver {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver = Arc::new(Self { address, got: watch::Sender::new(Vec::new()) });
        let serving = Arc::clone(&receiver);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(socket));
            }
        });
        receiver
    }

    async fn serve(self: Arc<Self>, mut socket: TcpStream) {
        let (mut buffer, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            if let Some((got, length)) = request(&buffer) {
                buffer.drain(..length);
                self.got.send_modify(|all| all.push(got));
                if socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                    return;
                }
                continue;
            }
            match socket.read(&mut chunk).await {
                Ok(read @ 1..) => buffer.extend_from_slice(&chunk[..read]),
                _ => return,
            }
        }
    }

    /// What it got, once this is so of it.
    async fn until(&self, is_so: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let mut got = self.got.subscribe();
        let all = tokio::time::timeout(Duration::from_secs(30), got.wait_for(|all| is_so(all))).await;
        all.unwrap_or_else(|_| panic!("it got {:?}", self.got.borrow())).expect("it is there").clone()
    }
}

/// The first request in these bytes, if it is all there.
fn request(bytes: &[u8]) -> Option<(Got, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: BTreeMap<String, String> = head.lines().skip(1).filter_map(header).collect();
    let length = end + headers.get("content-length")?.parse::<usize>().ok()?;
    let body = String::from_utf8(bytes.get(end..length)?.to_vec()).ok()?;
    Some((Got { headers, body }, length))
}

#[tokio::test]
async fn what_was_written_is_told_in_order_also_over_kill_9() {
    let receiver = Receiver::start().await;
    let mut server = Server::start_with(CHATD, &[("CHATD_WEBHOOKS__ALLOW_PRIVATE", "true")]).await;
    let admin = server.door().sign_in(Door::ADMIN).await;
    let url = format!("http://{}/hook?key=rhubarb", receiver.address);
    let body = json!({"url": url, "description": "CRM", "events": ["message.created", "message.edited"]});
    let made = admin.call_with("POST", "/webhooks", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.ok();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(made["webhook"]["state"], "enabled");
    let (ana, leo) =
        (server.door().person(Role::Customer, "ana").await, server.door().person(Role::Agent, "leo").await);
    let (one, two) = (leo.group("One", &[&ana]).await, leo.group("Two", &[&ana]).await);
    for i in 0..20 {
        ana.write(one, &format!("one {i}")).await.ok();
        leo.write(two, &format!("two {i}")).await.ok();
        if i == 9 {
            server.kill();
            server.spawn_again().await;
        }
    }
    let texts = |got: &[Got], conversation| {
        let mut seen = std::collections::HashSet::new();
        // What is told again after the crash has the same name.
        let fresh = got.iter().filter(|got| seen.insert(got.headers["webhook-id"].clone())).map(Got::told);
        fresh
            .filter(|told| told["conv"] == json!(conversation))
            .map(|told| told["d"]["text"].as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    let got = receiver.until(|got| texts(got, one).len() == 20 && texts(got, two).len() == 20).await;
    for (conversation, name) in [(one, "one"), (two, "two")] {
        let expected: Vec<String> = (0..20).map(|i| format!("{name} {i}")).collect();
        assert_eq!(texts(&got, conversation), expected);
    }
    for got in &got {
        assert!(got.is_signed_with(&secret), "{got:?}");
        let told = got.told();
        assert_eq!((&told["t"], &told["e"]), (&json!("ev"), &json!("message.created")));
        assert!(told["c"].is_string() && told["d"]["author"]["id"].is_string() && told["by"].is_object(), "{told}");
        assert!(told.get("cid").is_none() && told["d"].get("client_id").is_none(), "{told}");
    }
    let log = server.log().join("\n");
    assert!(!log.contains("rhubarb") && !log.contains(&secret), "the log tells where or how");
}

#[tokio::test]
async fn webhooks_are_for_admins_and_the_open_internet() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    for (body, pointer) in [
        (json!({"url": "http://8.8.8.8/x"}), "/url"),
        (json!({"url": "https://127.0.0.1/x"}), "/url"),
        (json!({"url": "https://[fd00::1]/x"}), "/url"),
        (json!({"url": "https://8.8.8.8:8443/x"}), "/url"),
        (json!({"url": "https://8.8.8.8/x", "events": ["message.created", "message.burnt"]}), "/events/1"),
        (json!({"url": "https://8.8.8.8/x", "description": "x".repeat(201)}), "/description"),
    ] {
        let problem = admin.call_with("POST", "/webhooks", &body).await.problem();
        assert_eq!((problem.code, problem.fields[0].pointer.as_str()), (ErrorCode::Invalid, pointer), "{body}");
    }
    let made = admin.call_with("POST", "/webhooks", &json!({"url": "https://8.8.8.8/x"})).await.ok();
    let (id, secret) = (made["webhook"]["id"].as_str().expect("an id"), made["secret"].clone());
    assert_eq!(made["webhook"]["events"].as_array().expect("events").len(), 9);
    let path = format!("/webhooks/{id}");
    let shown = admin.get(&path).await;
    assert_eq!(shown, made["webhook"]);
    assert!(!admin.get("/webhooks").await.to_string().contains("whsec_"));
    let patch = json!({"events": ["message.created"], "enabled": false, "description": "CRM"});
    let changed = admin.call_with("PATCH", &path, &patch).await.ok();
    assert_eq!(
        (&changed["state"], &changed["events"], &changed["description"], &changed["url"]),
        (&json!("disabled"), &json!(["message.created"]), &json!("CRM"), &shown["url"])
    );
    let next = admin.call("POST", &format!("{path}/secret")).await.ok();
    assert_ne!(next["secret"], secret);
    assert_eq!(admin.get(&format!("{path}/deliveries")).await["items"], json!([]));
    let replayed = admin.call_with("POST", &format!("{path}/replay"), &json!({})).await;
    assert_eq!((replayed.status, replayed.ok()), (202, json!({"count": 0})));
    let agent = server.door.person(Role::Agent, "leo").await;
    for (method, path) in [
        ("GET", "/webhooks".to_owned()),
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("{path}/deliveries")),
        ("POST", format!("{path}/secret")),
        ("POST", format!("{path}/test")),
    ] {
        assert_eq!(agent.call(method, &path).await.problem().code, ErrorCode::Forbidden, "{method} {path}");
    }
    admin.call("DELETE", &path).await.ok();
    assert_eq!(admin.call("GET", &path).await.problem().code, ErrorCode::NotFound);
    let audit = admin.get("/audit-log").await;
    let entries = audit["items"].as_array().expect("entries");
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    let about: Vec<&&str> = actions.iter().filter(|action| action.starts_with("webhook.")).collect();
    assert_eq!(
        about,
        [&"webhook.deleted", &"webhook.changed", &"webhook.changed", &"webhook.created"],
        "the newest first; a replay of nothing is none"
    );
    assert!(!audit.to_string().contains("whsec_"));
}
