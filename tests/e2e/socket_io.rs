//! Socket.IO below what its own clients would ever do: limits, and packets that are none. What those clients do is tested
//! with them (`tests/node`).

use std::time::Duration;

use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Answer, Dice, EngineIo, InProcess, Options, PASSWORD, Person, Request, Server, eventually, option};
use chatcore::Limits;
use serde_json::{Value, json};

use crate::CHATD;

/// What is answered under this number.
async fn answer(socket: &EngineIo, ack: u64) -> Value {
    let beginning = format!("43{ack}[");
    let packet = socket.until(&beginning).await;
    serde_json::from_str(&packet[beginning.len() - 1..]).expect("JSON")
}

async fn pair(server: &InProcess) -> (Person, Person, ConversationId) {
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = ana.direct(&leo).await;
    (ana, leo, conversation)
}

#[tokio::test]
async fn messages_sent_one_after_the_other_are_stored_in_that_order() {
    const MESSAGES: usize = 200;
    let server = InProcess::start().await;
    let (ana, _, conversation) = pair(&server).await;
    let socket = EngineIo::connect(ana.address, "/", &ana.token).await;
    let send =
        |i: usize| format!("42{i}{}", json!(["sendMessage", {"conversation": conversation, "content": i.to_string()}]));
    // All in one request, without waiting for any answer.
    let all = (0..MESSAGES).map(send).collect::<Vec<_>>().join("\u{1e}");
    assert_eq!(socket.post(&all).await.text(), "ok");
    let last = answer(&socket, MESSAGES as u64 - 1).await;
    assert_eq!(last[0]["seq"], json!(MESSAGES), "{last}");
    let page = ana.get(&format!("/conversations/{conversation}/messages?limit={MESSAGES}")).await;
    let texts: Vec<&str> =
        page["items"].as_array().expect("a list").iter().filter_map(|one| one["text"].as_str()).collect();
    assert_eq!(texts, (0..MESSAGES).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_says_nothing_takes_a_place_until_they_do_or_go() {
    let mut options = Options::default();
    options.router.sockets_before_hello = 3;
    let server = InProcess::start_with(options).await;
    let (ana, ..) = pair(&server).await;
    let refused = |answer: Answer| assert_eq!(answer.problem().code, ErrorCode::Unavailable);
    for _ in 0..3 {
        let mut silent = Vec::new();
        for _ in 0..3 {
            silent.push(EngineIo::open(ana.address).await.expect("a place"));
        }
        refused(EngineIo::open(ana.address).await.expect_err("there are three"));
        // One says who they are, the others go.
        silent[0].post(&format!("40{}", json!({"token": ana.token}))).await;
        silent[0].until("40").await;
        // With the last namespace they leave altogether.
        silent[0].post("41").await;
        for one in &silent[1..] {
            one.post("1").await;
        }
        eventually("their places are free", async || {
            let again = EngineIo::open(ana.address).await.ok()?;
            again.post("1").await;
            Some(())
        })
        .await;
        for one in silent {
            one.ended().await;
        }
    }
}

#[tokio::test]
async fn one_person_has_only_so_many_sockets_whatever_they_speak() {
    let mut limits = Limits::default();
    limits.connections_per_user = 2;
    let server = InProcess::start_with(Options { limits, ..Options::default() }).await;
    let (ana, ..) = pair(&server).await;
    let _native = ana.socket().await;
    let _first = EngineIo::connect(ana.address, "/", &ana.token).await;
    let second = EngineIo::open(ana.address).await.expect("a connection");
    second.post(&format!("40{}", json!({"token": ana.token}))).await;
    let refused = second.until("44").await;
    assert!(refused.contains(r#""code":"rate_limited""#), "{refused}");
}

#[tokio::test]
async fn who_is_not_let_in_is_heard_no_further() {
    let server = InProcess::start().await;
    let (ana, leo, conversation) = pair(&server).await;
    let mut witness = leo.socket().await;
    let event = format!("42{}", json!(["sendMessage", {"conversation": conversation, "content": "unseen"}]));
    for packets in [
        // Before, and after being refused.
        event.clone(),
        format!("40{}\u{1e}{event}", json!({"token": "none"})),
        "nonsense".to_owned(),
        "4".to_owned(),
        "451-[\"a\",{\"_placeholder\":true,\"num\":0}]".to_owned(),
        "bAAAA".to_owned(),
        // Again and again.
        vec!["40/nowhere,"; 30].join("\u{1e}"),
        (0..30).map(|_| "40{}").collect::<Vec<_>>().join("\u{1e}"),
    ] {
        let socket = EngineIo::open(ana.address).await.expect("a connection");
        let posted = socket.post(&packets).await;
        assert!(posted.status == 200 || posted.status == 400, "{packets}: {}", posted.text());
        socket.post(&event).await;
        socket.ended().await;
    }
    // What a stranger may show is short.
    let socket = EngineIo::open(ana.address).await.expect("a connection");
    socket.post(&format!("40{}", json!({"token": "x".repeat(10_000)}))).await;
    assert!(socket.until("44").await.contains("too_large"));
    leo.write(conversation, "the end").await.ok();
    assert_eq!(witness.find("ev message.created").await["d"]["text"], "the end");
}

#[tokio::test]
async fn what_is_no_event_is_answered_and_the_connection_stays() {
    let server = InProcess::start().await;
    let (ana, _, conversation) = pair(&server).await;
    let socket = EngineIo::connect(ana.address, "/", &ana.token).await;
    for packet in [
        "4".to_owned(),
        "4x".to_owned(),
        "42".to_owned(),
        "42{}".to_owned(),
        "42[]".to_owned(),
        "42[7]".to_owned(),
        r#"42["sendMessage""#.to_owned(),
        r#"42["sendMessage","\ud800"]"#.to_owned(),
        format!(r#"42["sendMessage",{}{}]"#, "[".repeat(100), "]".repeat(100)),
        r#"451-["sendMessage",{"_placeholder":true,"num":0}]"#.to_owned(),
    ] {
        assert_eq!(socket.post(&packet).await.text(), "ok", "{packet}");
        let error = socket.until(r#"42["error","#).await;
        assert!(
            error.contains(r#""code":"invalid""#) || error.contains(r#""code":"unsupported""#),
            "{packet}: {error}"
        );
    }
    // Attachments that nobody waits for, and answers to what was not asked.
    socket.post(&vec!["bAAAA"; 1_000].join("\u{1e}")).await;
    socket.post("43[1]\u{1e}437[]\u{1e}461-[]").await;
    let event = json!(["sendMessage", {"conversation": conversation, "content": "still here"}]);
    socket.post(&format!("427{event}")).await;
    assert_eq!(answer(&socket, 7).await[0]["content"], "still here");
    // What is too long ends with an answer of HTTP.
    let long = socket.post(&"x".repeat(70_000)).await;
    assert_eq!(long.problem().code, ErrorCode::TooLarge);
}

#[tokio::test]
async fn who_goes_on_with_what_is_refused_loses_the_connection() {
    let server = InProcess::start().await;
    let (ana, ..) = pair(&server).await;
    let socket = EngineIo::connect(ana.address, "/", &ana.token).await;
    for _ in 0..4 {
        socket.post(&vec![r#"42["nothing"]"#; 100].join("\u{1e}")).await;
        // Room for the answers.
        if socket.poll().await.status == 400 {
            break;
        }
    }
    socket.ended().await;
}

#[tokio::test]
async fn a_socket_lasts_no_longer_than_its_token_and_can_be_given_another() {
    let options = Options { access_ttl: Duration::from_secs(2), ..Options::default() };
    let server = InProcess::start_with(options).await;
    let (ana, ..) = pair(&server).await;
    let login = json!({"email": ana.email, "password": PASSWORD});
    let lasting = Request::new("POST", "/api/auth/login").json(&login).send(ana.address).await.ok()["token"].take();
    let brief = server.door.sign_in(&ana.email).await;
    let ends = async |socket: EngineIo| {
        let error = socket.until(r#"42["error","#).await;
        assert!(error.contains("token_expired"), "{error}");
        socket.until("41").await;
    };
    ends(EngineIo::connect(ana.address, "/", &brief.token).await).await;
    let brief = server.door.sign_in(&ana.email).await;
    let renewed = EngineIo::connect(ana.address, "/", lasting.as_str().expect("a token")).await;
    renewed.post(&format!("421{}", json!(["auth", {"token": brief.token}]))).await;
    assert_eq!(answer(&renewed, 1).await, json!([{"ok": true}]));
    ends(renewed).await;
}

#[tokio::test]
async fn pages_that_are_not_the_shops_and_requests_that_are_none_are_refused() {
    let server = InProcess::start().await;
    let address = server.door.address;
    let path = |query: &str| format!("/socket.io/?{query}");
    let polling = "EIO=4&transport=polling";
    let foreign = Request::new("GET", path(polling)).header("Origin", "https://evil.example").send(address).await;
    assert_eq!(foreign.problem().code, ErrorCode::Forbidden);
    let plain = Request::new("GET", path("EIO=4&transport=websocket")).send(address).await;
    assert_eq!(plain.problem().code, ErrorCode::Unsupported);
    for (method, query) in [
        ("GET", ""),
        ("GET", "EIO=3&transport=polling"),
        ("GET", "EIO=4"),
        ("GET", "EIO=4&transport=pigeon"),
        ("POST", polling),
        ("PUT", polling),
        ("GET", "EIO=4&transport=polling&sid=unknown"),
        ("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA"),
    ] {
        let answer = Request::new(method, path(query)).send(address).await;
        assert_eq!(answer.status, 400, "{method} {query}: {}", answer.text());
    }
    // Without the last stroke it is the same.
    let answer = Request::new("GET", format!("/socket.io?{polling}")).send(address).await;
    assert!(answer.text().starts_with("0{"), "{}", answer.text());
}

#[tokio::test]
async fn nothing_that_is_almost_a_packet_breaks_anything() {
    let seed = option("CHAT_CHAOS_SEED").unwrap_or(0x50c4);
    let cases = option("CHAT_PROPTEST_CASES").unwrap_or(64);
    println!("CHAT_CHAOS_SEED={seed}");
    let server = InProcess::start().await;
    let (ana, _, conversation) = pair(&server).await;
    let mut dice = Dice::new(seed);
    let good = [
        format!("40{}", json!({"token": ana.token})),
        "40/chat,{}".to_owned(),
        "41/chat,".to_owned(),
        format!("427{}", json!(["sendMessage", {"conversation": conversation, "content": "é", "tempId": 7}])),
        format!("42{}", json!(["typing", {"conversationId": conversation, "isTyping": false}])),
        format!("42{}", json!(["markRead", conversation])),
        r#"452-/chat,12["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#.to_owned(),
        "bAAECAw==".to_owned(),
        "430[]".to_owned(),
        "2".to_owned(),
        "3probe".to_owned(),
        "6".to_owned(),
    ];
    for _ in 0..cases {
        let socket = EngineIo::connect(ana.address, "/", &ana.token).await;
        for _ in 0..8 {
            let mut bytes = Vec::new();
            for _ in 0..=dice.below(3) {
                bytes.extend(dice.pick(&good).expect("one").bytes().chain([0x1e]));
            }
            for _ in 0..dice.below(6) {
                let (at, byte) = (dice.below(bytes.len() as u64), dice.roll().to_be_bytes()[0]);
                let at = usize::try_from(at).expect("a place");
                match dice.below(3) {
                    0 => bytes[at] = byte,
                    1 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, byte),
                }
            }
            let answer = socket.post_bytes(bytes.clone()).await;
            assert!(matches!(answer.status, 200 | 400), "{}: {:?}", answer.status, String::from_utf8_lossy(&bytes));
        }
        // Whatever became of this connection, others are served.
        socket.post("1").await;
    }
    let socket = EngineIo::connect(ana.address, "/", &ana.token).await;
    socket.post(&format!("427{}", json!(["sendMessage", {"conversation": conversation, "content": "fine"}]))).await;
    assert_eq!(answer(&socket, 7).await[0]["content"], "fine");
}

#[tokio::test]
async fn it_is_there_only_where_the_old_dialect_is_spoken() {
    let server = Server::start_with(CHATD, &[("CHATD_COMPAT__ENABLED", "false")]).await;
    let answer = Request::new("GET", "/socket.io/?EIO=4&transport=polling").send(server.door().address).await;
    assert_eq!(answer.problem().code, ErrorCode::NotFound);
}
