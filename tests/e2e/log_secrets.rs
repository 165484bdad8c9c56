//! What people say and prove themselves with stands in no log, however much is logged.

use std::net::SocketAddr;
use std::path::PathBuf;

use chat_proto::Role;
use chat_tests::{Door, EngineIo, EventSource, Frame, Request, Server, Socket, eventually};
use serde_json::{Value, json};

use crate::CHATD;

const PASSWORD: &str = "Canary-password-7731";
const WRONG_PASSWORD: &str = "Canary-wrong-password-7732";
const LOCAL_PART: &str = "canary-local-part-7733";
const TEXT: &str = "Canary-text-7734";
const SUBJECT: &str = "Canary-subject-7735";
const FORGED: &str = "Canary-forged-token-7736";
const CHANGED_PASSWORD: &str = "Canary-changed-password-7737";
const IDENTITY: &str = "Canary-identity-7738.eyJzdWIiOiJjLTEifQ.c2lnbmF0dXJl";
const VISITOR: &str = "Canary-visitor-token-7739";
const SIGNING_SECRET: &str = "Zq3v9K1mX7c5B0nL2s8D4f6GhJtYwRuE";

/// Speaks through every door, in good ways and in bad ones, and gives back what else was secret in it.
async fn speak_through_every_door(server: &Server) -> Vec<String> {
    let address = server.door().address;
    let email = format!("{LOCAL_PART}@shop.test");
    let post = async |path: &str, body: Value| Request::new("POST", path).json(&body).send(address).await;
    let register = json!({"email": email, "name": "Canary", "password": PASSWORD});
    let signed_up = post("/api/v1/auth/register", register.clone()).await.ok();
    assert_eq!(post("/api/v1/auth/register", register).await.status, 409);
    for password in [PASSWORD, WRONG_PASSWORD, "Canary-password-7731\u{0}"] {
        post("/api/v1/auth/login", json!({"email": email, "password": password})).await;
    }
    let token = signed_up["access_token"].as_str().expect("a token").to_owned();
    let leo = server.door().person(Role::Agent, "leo").await;
    let ask = |method: &str, path: &str| Request::new(method, format!("/api/v1{path}")).token(&token);
    let ticket = ask("POST", "/auth/ws-ticket").send(address).await.ok()["ticket"].as_str().expect("one").to_owned();

    // Over REST: written, changed, searched for, malformed, refused.
    let group = json!({"kind": "group", "subject": SUBJECT, "participants": [signed_up["user"]["id"]]});
    let group = leo.call_with("POST", "/conversations", &group).await.ok()["id"].as_str().expect("an id").to_owned();
    let messages = format!("/conversations/{group}/messages");
    let sent = ask("POST", &messages).json(&json!({"client_id": "a", "text": TEXT})).send(address).await.ok();
    let message = format!("{messages}/{}", sent["id"].as_str().expect("an id"));
    ask("PATCH", &message).json(&json!({"text": format!("{TEXT} again")})).send(address).await.ok();
    for body in [
        format!(r#"{{"client_id":"b","text":"{TEXT}","unknown":"{TEXT}"}}"#),
        format!(r#"{{"client_id":"{TEXT} {TEXT}","text":["{TEXT}"]}}"#),
        format!(r#""{TEXT}"#),
    ] {
        assert_eq!(ask("POST", &messages).text("application/json", body).send(address).await.status, 400);
    }
    for request in [
        Request::new("GET", "/api/v1/me").token(FORGED),
        Request::new("GET", "/api/v1/me").header("Authorization", format!("Basic {FORGED}")),
        Request::new("GET", format!("/api/v1/me?token={token}&text={TEXT}")),
        Request::new("GET", format!("/api/v1/me/{token}")),
        Request::new("GET", format!("/api/v1/conversations/{FORGED}")).token(&token),
        Request::new("GET", format!("/api/v1/conversations?cursor={FORGED}")).token(&token),
        Request::new("GET", "/api/v1/me").header("Cookie", format!("session={FORGED}")),
        Request::new("POST", "/api/v1/auth/login").text("text/plain", format!("{email} {PASSWORD}")),
    ] {
        assert!(request.send(address).await.status >= 400);
    }

    // Over the WebSocket: with a token, with a ticket, with neither; frames that are none.
    for hello in
        [json!({"token": token}), json!({"ticket": ticket}), json!({"token": FORGED}), json!({"ticket": FORGED})]
    {
        let mut hello = hello;
        hello["t"] = json!("hello");
        let mut socket = Socket::connect(address).await;
        socket.say(&hello).await;
        let Frame::Json(first) = socket.next().await else { panic!("hung up on") };
        if first["t"] != "welcome" {
            continue;
        }
        let send = json!({"t": "send", "re": 1, "conv": group, "client_id": first["session"], "text": TEXT});
        socket.ask(&send).await;
        socket.ask(&json!({"t": "auth", "re": 2, "token": FORGED})).await;
        socket.ask(&json!({"t": "auth", "re": 3, "token": token})).await;
        for bad in [TEXT.to_owned(), format!(r#"{{"t":"{TEXT}"}}"#), format!(r#"{{"t":"send","text":"{TEXT}"}}"#)] {
            socket.say_text(&bad).await;
            socket.until_t("err").await;
        }
        socket.say_binary(TEXT.as_bytes()).await;
        socket.until_t("err").await;
        socket.close().await;
    }
    let protocols = [("Sec-WebSocket-Protocol", "chat.v1.json"), ("Sec-WebSocket-Protocol", FORGED)];
    Socket::connect_with(address, &protocols).await.expect("it opens");

    // By event stream and by asking.
    let authorization = format!("Bearer {token}");
    let mut stream = EventSource::open(address, "", &[("Authorization", &authorization)]).await.expect("a stream");
    let begin = ask("GET", "/events?wait=0").send(address).await.ok()["cursor"].as_str().expect("one").to_owned();
    leo.write(group.parse().expect("an id"), TEXT).await.ok();
    stream.until(|frame| frame["e"] == "message.created").await;
    let polled = ask("GET", &format!("/events?wait=5&cursor={begin}")).send(address).await;
    assert!(polled.text().contains(TEXT));
    let old = speak_the_old_dialect(address, &email, &group).await;
    let mut secrets = show_all_that_is_good_once(server, &email).await;
    ask("POST", "/auth/logout").send(address).await;
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    secrets.extend([token, signature, ticket, leo.token, server.door().admin.clone(), old]);
    secrets
}

/// Everything else by which somebody comes in, is vouched for or changes what they come in with; gives it back.
async fn show_all_that_is_good_once(server: &Server, email: &str) -> Vec<String> {
    let address = server.door().address;
    let post =
        async |path: &str, body: Value| Request::new("POST", format!("/api/v1{path}")).json(&body).send(address).await;
    let admin = server.door().sign_in(Door::ADMIN).await;
    let bo = server.door().person(Role::Customer, "bo").await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let renewed = post("/auth/refresh", json!({"refresh_token": bo.refresh_token})).await.ok();
    let (access, refresh) = (text(&renewed["access_token"]), text(&renewed["refresh_token"]));
    let changed = json!({"current_password": chat_tests::PASSWORD, "new_password": CHANGED_PASSWORD});
    let change = Request::new("POST", "/api/v1/me/password").token(&access);
    assert_eq!(change.json(&changed).send(address).await.status, 204);
    // By mail, and passed on.
    let verification = mailed(server, email, "vt_").await;
    assert_eq!(post("/auth/verify-email", json!({"token": verification})).await.status, 204);
    post("/auth/password/forgot", json!({"email": bo.email})).await.ok();
    let reset = mailed(server, &bo.email, "pt_").await;
    assert_eq!(post("/auth/password/reset", json!({"token": reset, "password": "password"})).await.status, 422);
    assert_eq!(post("/auth/password/reset", json!({"token": reset, "password": CHANGED_PASSWORD})).await.status, 204);
    let passed_on = text(&admin.call("POST", &format!("/users/{}/password-reset", bo.id)).await.ok()["token"]);
    post("/auth/password/reset", json!({"token": passed_on, "password": PASSWORD})).await;
    let invited = json!({"email": "new@shop.test", "role": "agent"});
    let invitation = text(&admin.call_with("POST", "/invitations", &invited).await.ok()["token"]);
    for password in ["password", CHANGED_PASSWORD, CHANGED_PASSWORD] {
        post("/auth/invitation", json!({"token": invitation, "name": "New", "password": password})).await;
    }
    // Keys of programs, and what sites and visitors show.
    let bot = json!({"name": "Desk", "scopes": ["events:read"], "bot": {"name": "Robin", "role": "agent"}});
    let key = text(&admin.call_with("POST", "/api-keys", &bot).await.ok()["key"]);
    for path in ["/me", "/users", "/me/sessions"] {
        Request::new("GET", format!("/api/v1{path}")).token(&key).send(address).await;
    }
    let mut socket = Socket::connect(address).await;
    let client = json!({"name": "x".repeat(4_000), "version": "1"});
    socket.say(&json!({"t": "hello", "token": key, "client": client})).await;
    socket.until_t("live").await;
    for (path, body) in [
        ("/auth/identity", json!({"site_key": "shop", "token": IDENTITY})),
        ("/auth/visitor", json!({"site_key": IDENTITY})),
    ] {
        assert!(post(path, body).await.status >= 400);
    }
    assert!(admin.call_with("POST", "/me/visitors", &json!({"visitor_token": VISITOR})).await.status >= 400);
    let named = [CHANGED_PASSWORD, IDENTITY, VISITOR].map(str::to_owned);
    let made = [access, refresh, bo.refresh_token, verification, reset, passed_on, invitation, key];
    named.into_iter().chain(made).collect()
}

/// The token of this kind in a mail to this address.
async fn mailed(server: &Server, to: &str, kind: &str) -> String {
    let folder = mails(server);
    let token = eventually("a mail", async || {
        let files = std::fs::read_dir(&folder).ok()?;
        let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        let text = texts.map(|text| text.replace("=\r\n", "")).find(|text| text.contains(to) && text.contains(kind))?;
        let from = text.find(&format!("#{kind}"))? + 1;
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        Some(text[from..].chars().take_while(|c| is_part(*c)).collect())
    });
    token.await
}

/// Where its mails go.
fn mails(server: &Server) -> PathBuf {
    server.data_dir().with_file_name("mails")
}

/// The same in the dialect of the replaced backend, which has a token in an address; gives back that token.
async fn speak_the_old_dialect(address: SocketAddr, email: &str, group: &str) -> String {
    let post = async |path: &str, body: Value| Request::new("POST", path).json(&body).send(address).await;
    let entered = post("/api/auth/login", json!({"email": email, "password": PASSWORD})).await.ok();
    let token = entered["token"].as_str().expect("a token").to_owned();
    post("/api/auth/login", json!({"email": email, "password": WRONG_PASSWORD})).await;
    post("/api/auth/login", json!({"email": {"$gt": email}, "password": PASSWORD})).await;
    let send = json!({"conversation": group, "content": TEXT, "clientId": format!("{TEXT} {TEXT}")});
    let socket = EngineIo::connect(address, "/", &token).await;
    socket.post(&format!("42{}", json!(["sendMessage", send]))).await;
    socket.until(r#"42["error""#).await;
    socket.post(&format!("42{}", json!(["sendMessage", {"conversation": group, "content": TEXT}]))).await;
    socket.until(r#"42["messageSent""#).await;
    socket.post(&format!("42{}", json!(["auth", {"token": FORGED}]))).await;
    let stranger = EngineIo::open(address).await.expect("a connection");
    stranger.post(&format!("40{}\u{1e}{TEXT}", json!({"token": FORGED}))).await;
    for request in [
        Request::new("GET", format!("/api/auth/middleware/{token}")),
        Request::new("GET", format!("/api/auth/middleware/{FORGED}")),
        Request::new("GET", format!("/api/auth/middleware/{token}/{TEXT}")),
        Request::new("GET", "/api/auth/profile").header("Cookie", format!("jwt={token}")),
        Request::new("GET", "/api/auth/profile").header("Cookie", format!("jwt={FORGED}")),
        Request::new("POST", "/api/chat/messages").token(&token).json(&send),
        Request::new("GET", format!("/uploads/{TEXT}")),
        Request::new("POST", "/api/auth/logout").header("Cookie", format!("jwt={token}")),
    ] {
        request.send(address).await;
    }
    token
}

#[tokio::test]
async fn no_log_tells_what_people_say_or_prove_themselves_with() {
    let mut server = Server::new(CHATD, &[]);
    let mails = format!("file:{}", mails(&server).display());
    server.set(&[
        ("CHATD_LOG__LEVEL", "trace"),
        ("CHATD_AUTH__JWT_SECRET", SIGNING_SECRET),
        ("CHATD_MAIL__URL", &mails),
        ("CHATD_MAIL__FROM", "Mug Shop <chat@shop.test>"),
        ("CHATD_PUBLIC_URL", "https://chat.shop.test"),
    ]);
    server.spawn();
    server.open().await;
    let mut secrets = speak_through_every_door(&server).await;
    server.terminate();
    server.exited().await;
    let log = server.log();
    assert!(log.len() > 30 && log.iter().any(|line| line.contains(r#""level":"DEBUG""#)), "{log:#?}");
    let named = [PASSWORD, WRONG_PASSWORD, LOCAL_PART, TEXT, SUBJECT, FORGED, SIGNING_SECRET, chat_tests::PASSWORD];
    secrets.extend(named.map(str::to_owned));
    assert!(log.iter().all(|line| line.len() < 2_000), "what a program calls itself is bounded");
    for secret in secrets {
        let telling: Vec<&String> = log.iter().filter(|line| line.contains(&secret)).collect();
        assert!(telling.is_empty(), "{secret}: {telling:#?}");
    }
}
