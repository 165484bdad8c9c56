use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, Options, PASSWORD, Person, Request, eventually};
use chatd::{RouterConfig, TrustedProxies};
use serde_json::{Value, json};

async fn post(door: &Door, path: &str, body: &Value) -> Answer {
    door.send(Request::new("POST", format!("/api/v1{path}")).json(body)).await
}

/// How whoever was an admin had prepared to come back.
struct WaysIn {
    invitation: Value,
    reset: Value,
}

async fn prepare(admin: &Person, as_who: &str, of: &Person) -> WaysIn {
    let body = json!({"email": format!("{as_who}@shop.test"), "role": "admin"});
    let invitation = admin.call_with("POST", "/invitations", &body).await.ok()["token"].clone();
    let reset = admin.call("POST", &format!("/users/{}/password-reset", of.id)).await.ok()["token"].clone();
    WaysIn { invitation, reset }
}

impl WaysIn {
    /// What comes of trying both.
    async fn tried(&self, door: &Door) -> [Answer; 2] {
        let accept = json!({"token": self.invitation, "name": "Eve again", "password": PASSWORD});
        let reset = json!({"token": self.reset, "password": "a new one at last"});
        [post(door, "/auth/invitation", &accept).await, post(door, "/auth/password/reset", &reset).await]
    }
}

#[tokio::test]
async fn threat_5_who_is_no_admin_any_more_has_left_no_way_in() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (end, method, path, body) in [
        ("disabled", "POST", "/disable", None),
        ("demoted", "PATCH", "", Some(json!({"role": "agent"}))),
        ("deleted", "DELETE", "", None),
    ] {
        let eve = server.door.person(Role::Admin, &format!("eve-{end}")).await;
        let hers = prepare(&eve, &format!("back-{end}"), &ana).await;
        let bo = server.door.person(Role::Agent, &format!("bo-{end}")).await;
        let others = prepare(&admin, &format!("new-{end}"), &bo).await;
        let path = format!("/users/{}{path}", eve.id);
        let ended = match body {
            Some(body) => admin.call_with(method, &path, &body).await,
            None => admin.call(method, &path).await,
        };
        assert!(ended.status < 300, "{end}: {}", ended.text());
        if end == "disabled" {
            // Nor does being an admin once more bring them back.
            admin.call("POST", &format!("/users/{}/enable", eve.id)).await.ok();
        }
        for answer in hers.tried(&server.door).await {
            assert_eq!(answer.problem().code, ErrorCode::Invalid, "{end}: {}", answer.text());
            assert_eq!(answer.problem().fields[0].pointer, "/token", "{end}");
        }
        ana.get("/me").await;
        assert_eq!(others.tried(&server.door).await.map(|answer| answer.status), [201, 204], "{end}: of others");
        let entry = &admin.get(&format!("/audit-log?user={}", eve.id)).await["items"];
        let told =
            entry.as_array().expect("entries").iter().find(|entry| !entry["after"]["invitations_ended"].is_null());
        assert_eq!(told.expect("an entry")["after"]["invitations_ended"], 1, "{end}: {entry}");
    }
    assert_eq!(admin.get("/invitations").await["items"], json!([]));
}

/// What an admin who merely has another name gave to others stays good.
#[tokio::test]
async fn who_stays_an_admin_keeps_what_they_gave() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let eve = server.door.person(Role::Admin, "eve").await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let ways = prepare(&eve, "new", &ana).await;
    admin.call_with("PATCH", &format!("/users/{}", eve.id), &json!({"name": "Eve Marsh"})).await.ok();
    admin.call("DELETE", &format!("/users/{}/sessions", eve.id)).await.ok();
    assert_eq!(ways.tried(&server.door).await.map(|answer| answer.status), [201, 204]);
}

/// A link that somebody else has seen must not outlive what whoever noticed it does.
#[tokio::test]
async fn threat_5_password_links_end_with_what_one_does_against_a_thief() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let password = json!({"current_password": PASSWORD, "new_password": "a better one than that"});
    for (name, by_admin, method, path, body) in [
        ("ana", false, "POST", "/me/password", Some(password)),
        ("bo", false, "DELETE", "/me/sessions", None),
        ("cleo", true, "DELETE", "/sessions", None),
        ("dora", true, "POST", "/disable", None),
    ] {
        let person = server.door.person(Role::Customer, name).await;
        post(&server.door, "/auth/password/forgot", &json!({"email": person.email})).await.ok();
        let letter = eventually("a letter", async || {
            let letters = server.chat.letters(None, 10).await.expect("letters");
            letters.into_iter().find(|letter| letter.to == person.email)
        });
        let mailed = letter.await.link("https://x").split_once('#').expect("a token").1.to_owned();
        let path_of = format!("/users/{}", person.id);
        let passed_on = admin.call("POST", &format!("{path_of}/password-reset")).await.ok()["token"].clone();
        let (who, path) = if by_admin { (&admin, format!("{path_of}{path}")) } else { (&person, path.to_owned()) };
        let done = match body {
            Some(body) => who.call_with(method, &path, &body).await,
            None => who.call(method, &path).await,
        };
        assert!(done.status < 300, "{name}: {}", done.text());
        if name == "dora" {
            admin.call("POST", &format!("{path_of}/enable")).await.ok();
        }
        for token in [json!(mailed), passed_on] {
            let reset = json!({"token": token, "password": "a new one at last"});
            let answer = post(&server.door, "/auth/password/reset", &reset).await;
            assert_eq!(answer.problem().code, ErrorCode::Invalid, "{name}: {}", answer.text());
        }
    }
}

/// From 500 addresses every attempt is taken, on and on.
#[tokio::test]
async fn threat_11_guessing_from_many_addresses_locks_nobody_out() {
    let networks = vec!["127.0.0.1/32".parse().expect("a network")];
    let mut router = RouterConfig::default();
    router.trusted_proxies = TrustedProxies { networks, ..TrustedProxies::default() };
    let server = InProcess::start_with(Options { manual_clock: true, router, ..Options::default() }).await;
    server.door.person(Role::Customer, "ana").await.call("POST", "/auth/logout").await.ok();
    let sent = async |path: &str, from: &str, body: Value| {
        let request = Request::new("POST", format!("/api/v1{path}")).header("X-Forwarded-For", from);
        server.door.send(request.json(&body)).await
    };
    let login = async |from: &str, password: &str| {
        sent("/auth/login", from, json!({"email": "ana@shop.test", "password": password})).await.status
    };
    let attack = async || {
        for i in 0..500 {
            login(&format!("198.51.{}.{}", 100 + i / 250, i % 250), "guess number 1").await;
            server.advance(Duration::from_millis(50));
        }
    };
    attack().await;
    assert_eq!(login("192.0.2.1", PASSWORD).await, 200, "from where nobody has failed");
    assert_eq!([login("192.0.2.2", "mistyped").await, login("192.0.2.2", PASSWORD).await], [401, 429]);
    sent("/auth/password/forgot", "192.0.2.2", json!({"email": "ana@shop.test"})).await.ok();
    let letter = eventually("a letter", async || server.chat.letters(None, 10).await.expect("letters").pop()).await;
    let link = letter.link("https://x");
    let token = link.split_once('#').expect("a token").1;
    let reset = json!({"token": token, "password": "a new one at last"});
    assert_eq!(sent("/auth/password/reset", "192.0.2.2", reset).await.status, 204);
    attack().await;
    assert_eq!(login("192.0.2.2", "a new one at last").await, 200, "from where it was set anew");
    assert_eq!(login("198.51.100.1", "a new one at last").await, 429, "where somebody guesses they have to wait");
}

#[tokio::test]
async fn threat_14_no_name_is_made_to_look_like_another() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let invited = json!({"email": "mia@shop.test", "role": "agent"});
    let token = admin.call_with("POST", "/invitations", &invited).await.ok()["token"].clone();
    let register = |name: &str| json!({"email": "new@shop.test", "name": name, "password": PASSWORD});
    // The first letter is Cyrillic, Greek; the fourth Cyrillic; something between two letters cannot be seen.
    for name in ["Аdmin", "Αdmin", "Admіn", "Ad\u{34f}min", "\u{3164}"] {
        let user = json!({"email": "x@shop.test", "name": name, "password": PASSWORD, "role": "agent"});
        let key = json!({"name": "Desk", "scopes": ["messages:write"], "bot": {"name": name, "role": "agent"}});
        for answer in [
            ana.call_with("PATCH", "/me", &json!({"name": name})).await,
            admin.call_with("PATCH", &format!("/users/{}", ana.id), &json!({"name": name})).await,
            admin.call_with("POST", "/users", &user).await,
            admin.call_with("POST", "/api-keys", &key).await,
            post(&server.door, "/auth/register", &register(name)).await,
            post(&server.door, "/auth/invitation", &json!({"token": token, "name": name, "password": PASSWORD})).await,
        ] {
            let problem = answer.problem();
            assert_eq!((problem.code, &*problem.fields[0].pointer), (ErrorCode::Invalid, "/name"), "{name}");
        }
    }
    for (given, kept) in [("ＡＤＭＩＮ", "ADMIN"), ("Zoe\u{308}", "Zoë"), ("Ирина Berg", "Ирина Berg")]
    {
        assert_eq!(ana.call_with("PATCH", "/me", &json!({"name": given})).await.ok()["name"], kept);
    }
}
