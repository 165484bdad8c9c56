//! The audit log: every administrative act leaves one entry, with who, from where, what before and after; what is refused
//! leaves none, and nothing in it is a secret.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, Options, PASSWORD, Person, Request, Server, eventually};
use serde_json::{Value, json};

use crate::CHATD;

/// All entries that the admin sees, the newest first, got in small parts.
async fn entries(admin: &Person) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = admin.get(&format!("/audit-log{query}")).await;
        all.extend(page["items"].as_array().expect("a list").clone());
        assert!(page["as_of"].is_string(), "{page}");
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=3&cursor={cursor}"),
            None => return all,
        }
    }
}

/// The one entry that came since there were so many.
async fn one_more(admin: &Person, before: usize, what: &str) -> Value {
    let now = entries(admin).await;
    assert_eq!(now.len(), before + 1, "{what}: {now:#?}");
    now[0].clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().expect("a word")).collect()
}

async fn done(what: &str, request: Request, person: &Person) -> Value {
    let answer = request.send(person.address).await;
    assert!(answer.status < 300, "{what}: {}", answer.text());
    if answer.status == 204 { Value::Null } else { answer.ok() }
}

#[tokio::test]
async fn each_administrative_act_leaves_exactly_one_entry_and_a_restart_keeps_it() {
    let settings = [("CHATD_SERVER__TRUSTED_PROXIES", "127.0.0.1")];
    let mut server = Server::start_with(CHATD, &settings).await;
    let admin = server.door().sign_in(Door::ADMIN).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let made = json!({"email": "mia@shop.test", "name": "Mia", "password": "Canary-password-8811", "role": "designer"});
    let invited = json!({"email": "new@shop.test", "role": "agent"});
    let key = json!({"name": "Till", "scopes": ["messages:write"], "bot": {"name": "Robin", "role": "agent"}});
    let leos = format!("/users/{}", leo.id);
    let mut secrets: Vec<String> =
        [PASSWORD, "Canary-password-8811", &admin.token, &leo.token].map(str::to_owned).into();
    secrets.extend([admin.refresh_token.clone(), leo.refresh_token.clone()]);
    let mut ids = Vec::<String>::new();
    for (action, method, path, body) in [
        ("user.created", "POST", "/users", made),
        ("user.role_changed", "PATCH", &*leos, json!({"role": "merchant"})),
        ("user.renamed", "PATCH", &*leos, json!({"name": "Leonard"})),
        ("user.disabled", "POST", &*format!("{leos}/disable"), json!({})),
        ("user.enabled", "POST", &*format!("{leos}/enable"), json!({})),
        ("invitation.created", "POST", "/invitations", invited),
        ("api_key.created", "POST", "/api-keys", key),
    ] {
        let before = entries(&admin).await.len();
        let request = admin.request(method, path).json(&body).header("User-Agent", "till/1");
        let answer = done(action, request.header("X-Forwarded-For", "203.0.113.9"), &admin).await;
        secrets.extend(["token", "key"].iter().filter_map(|name| answer[name].as_str()).map(str::to_owned));
        ids.extend(["invitation", "api_key"].iter().filter_map(|name| answer[name]["id"].as_str()).map(str::to_owned));
        let entry = one_more(&admin, before, action).await;
        assert_eq!(entry["action"], action, "{entry}");
        assert_eq!(entry["by"], json!({"id": admin.id, "name": "Admin", "role": "admin"}), "{entry}");
        assert_eq!((&entry["address"], &entry["device"]), (&json!("203.0.113.9"), &json!("till/1")), "{entry}");
        assert!(entry["id"].as_str().is_some_and(|id| id.starts_with("aud_")) && entry["at"].is_string(), "{entry}");
        match action {
            "user.role_changed" => {
                assert_eq!(entry["before"], json!({"role": "agent"}), "{entry}");
                assert_eq!(entry["after"], json!({"role": "merchant", "sessions_ended": 1}), "{entry}");
                assert_eq!(
                    entry["subject"],
                    json!({"user": {"id": leo.id, "name": "leo", "role": "agent"}}),
                    "{entry}"
                );
            }
            "user.disabled" => {
                assert_eq!(
                    (&entry["before"], &entry["after"]),
                    (&json!({"state": "active"}), &json!({"state": "disabled"}))
                );
            }
            _ => {}
        }
    }
    for (action, path) in [("invitation.taken_back", "/invitations"), ("api_key.revoked", "/api-keys")] {
        let before = entries(&admin).await.len();
        let id = ids.iter().find(|id| id.starts_with("inv_") == path.starts_with("/inv")).expect("an id");
        done(action, admin.request("DELETE", &format!("{path}/{id}")), &admin).await;
        let entry = one_more(&admin, before, action).await;
        let subject = if path.starts_with("/inv") { "invitation" } else { "api_key" };
        assert_eq!((&entry["action"], &entry["subject"][subject]), (&json!(action), &json!(id)), "{entry}");
        assert_eq!(entry["address"], "127.0.0.1", "{entry}");
    }
    let before = entries(&admin).await;
    let text = json!(before).to_string();
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} stands in {text}");
    }
    server.kill();
    server.spawn_again().await;
    assert_eq!(entries(&admin).await, before, "a power cut keeps it");
    server.restart().await;
    assert_eq!(entries(&admin.at(server.door())).await, before);
}

#[tokio::test]
async fn what_people_do_with_their_own_accounts_is_recorded_and_what_they_say_is_not() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let register = json!({"email": "ana@shop.test", "name": "Ana", "password": PASSWORD});
    let ana = server.door.send(Request::new("POST", "/api/v1/auth/register").json(&register)).await.ok();
    let ana = Person::of(&ana, server.door.address);
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    ana.write(order, "Canary-text-8812").await.ok();
    let renewed = json!({"refresh_token": ana.refresh_token});
    server.door.send(Request::new("POST", "/api/v1/auth/refresh").json(&renewed)).await.ok();
    let before = entries(&admin).await;
    assert_eq!(actions(&before)[..3], ["session.started", "user.created", "user.registered"], "{before:#?}");
    assert_eq!(before[0]["after"], json!({"method": "password"}));
    assert_eq!((&before[2]["by"]["id"], &before[2]["subject"]["session"].is_string()), (&json!(ana.id), &true));
    // The token that was spent is shown again.
    let again = server.door.send(Request::new("POST", "/api/v1/auth/refresh").json(&renewed)).await;
    assert_eq!(again.problem().code, ErrorCode::TokenRevoked);
    let ana = server.door.sign_in("ana@shop.test").await;
    ana.call_with("PATCH", "/me", &json!({"name": "Anna"})).await.ok();
    let new = json!({"current_password": PASSWORD, "new_password": "Canary-password-8813"});
    assert_eq!(ana.call_with("POST", "/me/password", &new).await.status, 204);
    assert_eq!(ana.call("POST", "/auth/logout").await.status, 204);
    let since = entries(&admin).await;
    let since = &since[..since.len() - before.len()];
    let expected = ["session.ended", "password.changed", "user.renamed", "session.started", "session.reused"];
    assert_eq!(actions(since), expected, "{since:#?}");
    assert_eq!(since[4].get("by"), None, "who had the other token nobody knows");
    assert_eq!((&since[2]["before"]["name"], &since[2]["after"]["name"]), (&json!("Ana"), &json!("Anna")));
    assert_eq!(since[1].get("after"), None, "a password is nothing to tell");
    // By person and by action.
    let of = async |query: String| {
        admin.get(&format!("/audit-log{query}")).await["items"].as_array().cloned().expect("a list")
    };
    let anas = of(format!("?user={}", ana.id)).await;
    assert_eq!(actions(&anas), [&expected[..], &["user.registered"]].concat());
    assert_eq!(of("?action=session.reused".to_owned()).await, [since[4].clone()]);
    assert_eq!(of(format!("?action=session.started&user={}", ana.id)).await, [since[3].clone()]);
    assert!(of(format!("?action=session.reused&user={}", leo.id)).await.is_empty());
    let text = json!(entries(&admin).await).to_string();
    for secret in ["Canary-text-8812", "Canary-password-8813", PASSWORD, &ana.token, &ana.refresh_token] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn only_admins_read_it_and_what_is_refused_leaves_nothing() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let mut others = vec![leo];
    for role in [Role::Customer, Role::Designer, Role::Merchant] {
        others.push(server.door.person(role, &role.to_string()).await);
    }
    let make = async |scope: &str| {
        let body = json!({"name": scope, "scopes": [scope]});
        let made = admin.call_with("POST", "/api-keys", &body).await.ok();
        Person { token: made["key"].as_str().expect("a key").to_owned(), ..admin.clone() }
    };
    let (reader, writer) = (make("audit:read").await, make("users:write").await);
    let before = entries(&admin).await;
    let forbidden = |answer: Answer| assert_eq!(answer.problem().code, ErrorCode::Forbidden, "{}", answer.text());
    for other in others.iter().chain([&writer]) {
        forbidden(other.call("GET", "/audit-log").await);
    }
    for other in &others {
        let admins = format!("/users/{}", admin.id);
        forbidden(other.call_with("PATCH", &admins, &json!({"role": "agent"})).await);
        forbidden(other.call("POST", &format!("{admins}/disable")).await);
        forbidden(other.call_with("POST", "/invitations", &json!({"email": "x@shop.test", "role": "admin"})).await);
        forbidden(other.call("DELETE", &format!("{admins}/sessions")).await);
    }
    let wrong = json!({"email": Door::ADMIN, "password": "not this one"});
    server.door.send(Request::new("POST", "/api/v1/auth/login").json(&wrong)).await.problem();
    let admins = format!("/users/{}", admin.id);
    assert_eq!(admin.call("POST", &format!("{admins}/disable")).await.problem().code, ErrorCode::Conflict);
    // What changes nothing leaves nothing either.
    admin.call_with("PATCH", &admins, &json!({"name": "Admin"})).await.ok();
    assert_eq!(entries(&admin).await, before);
    // A key with the scope reads it; one that acts as the shop is named as what was acted by.
    assert_eq!(entries(&reader).await, before);
    let name = json!({"name": "Leonard"});
    writer.call_with("PATCH", &format!("/users/{}", others[0].id), &name).await.ok();
    let entry = one_more(&admin, before.len(), "by a key").await;
    assert_eq!((entry.get("by"), entry["via"].as_str().is_some_and(|key| key.starts_with("key_"))), (None, true));
    for query in ["?action=user.eaten", "?user=conv_01kay8m2r3f9vvk1a2b3c4d5e6", "?cursor=x", "?limit=x", "?since=1"] {
        let answer = admin.call("GET", &format!("/audit-log{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    let next = admin.get("/audit-log?limit=1").await["next_cursor"].as_str().expect("a cursor").to_owned();
    let other = admin.call("GET", &format!("/audit-log?action=user.renamed&cursor={next}")).await;
    assert_eq!(other.problem().code, ErrorCode::InvalidCursor, "a cursor belongs to its list");
}

#[tokio::test]
async fn guessing_is_recorded_once_and_old_entries_are_forgotten() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    server.door.person(Role::Customer, "ana").await;
    let before = entries(&admin).await.len();
    let guess = async |email: &str| {
        let body = json!({"email": email, "password": "not this one"});
        server.door.send(Request::new("POST", "/api/v1/auth/login").json(&body)).await.problem().code
    };
    for email in ["nobody@shop.test", "ana@shop.test"] {
        for _ in 0..5 {
            assert_eq!(guess(email).await, ErrorCode::InvalidCredentials);
        }
        for _ in 0..20 {
            assert_eq!(guess(email).await, ErrorCode::RateLimited);
        }
    }
    let slowed = eventually("it is recorded", async || {
        let entries = entries(&admin).await;
        (entries.len() > before).then_some(entries)
    })
    .await;
    assert_eq!(slowed.len(), before + 1, "{slowed:#?}");
    assert_eq!(
        (&slowed[0]["action"], &slowed[0]["subject"]["user"]["name"]),
        (&json!("sign_in.slowed"), &json!("ana"))
    );
    assert_eq!(slowed[0]["after"], json!({"failures": 5}));
    // 400 days later only what was done since is there; first the admin has to sign in again.
    server.advance(Duration::from_hours(400 * 24 + 1));
    let admin = server.door.sign_in(Door::ADMIN).await;
    eventually("what is too old is forgotten", async || {
        let entries = entries(&admin).await;
        (actions(&entries) == ["session.started"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_staff_does_to_others_words_groups_and_webhooks_is_recorded() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let (ana, leo) = (server.door.person(Role::Customer, "ana").await, server.door.person(Role::Agent, "leo").await);
    let mia = server.door.person(Role::Designer, "mia").await;
    let group = leo.group("Mugs", &[&ana, &admin]).await;
    let said = ana.write(group, "Canary-text-8814").await.ok()["id"].as_str().expect("an id").to_owned();
    let own = leo.write(group, "Something of his own").await.ok()["id"].as_str().expect("an id").to_owned();
    let people = format!("/conversations/{group}/participants");
    let body = json!({"url": "https://8.8.8.8/in?key=canary-8815", "events": ["message.created"]});
    let hook = admin.call_with("POST", "/webhooks", &body).await.ok();
    let hook = format!("/webhooks/{}", hook["webhook"]["id"].as_str().expect("an id"));
    for (action, who, method, path, body) in [
        ("message.deleted", &admin, "DELETE", format!("/conversations/{group}/messages/{said}"), None),
        ("participant.added", &leo, "POST", people.clone(), Some(json!({"user_id": mia.id}))),
        ("participant.removed", &leo, "DELETE", format!("{people}/{}", mia.id), None),
        ("webhook.changed", &admin, "PATCH", hook.clone(), Some(json!({"events": ["message.deleted"]}))),
        ("webhook.changed", &admin, "PATCH", hook.clone(), Some(json!({"enabled": false}))),
        ("webhook.changed", &admin, "PATCH", hook.clone(), Some(json!({"url": "https://8.8.8.8/in?key=canary-8816"}))),
        ("webhook.changed", &admin, "POST", format!("{hook}/secret"), None),
    ] {
        let before = entries(&admin).await.len();
        let request = who.request(method, &path).header("User-Agent", "till/1");
        let is_url = body.as_ref().is_some_and(|body| body["url"].is_string());
        let request = if let Some(body) = &body { request.json(body) } else { request };
        done(action, request, who).await;
        let entry = one_more(&admin, before, action).await;
        assert_eq!((&entry["action"], &entry["by"]["id"]), (&json!(action), &json!(who.id)), "{entry}");
        assert_eq!((&entry["address"], &entry["device"]), (&json!("127.0.0.1"), &json!("till/1")), "{entry}");
        let (subject, before, after) = (&entry["subject"], &entry["before"], &entry["after"]);
        match (action, body) {
            ("message.deleted", _) => {
                assert_eq!((&subject["user"]["id"], &subject["message"]), (&json!(ana.id), &json!(said)), "{entry}");
                assert_eq!(subject["conversation"], json!(group), "{entry}");
            }
            ("participant.added" | "participant.removed", _) => {
                assert_eq!((&subject["user"]["id"], &subject["conversation"]), (&json!(mia.id), &json!(group)));
            }
            (_, Some(body)) if body["events"].is_array() => {
                assert_eq!(before["events"], json!(["message.created"]), "{entry}");
                assert_eq!(after["events"], json!(["message.deleted"]), "{entry}");
            }
            (_, Some(body)) if body["enabled"].is_boolean() => {
                assert_eq!((&before["enabled"], &after["enabled"]), (&json!(true), &json!(false)), "{entry}");
            }
            (_, Some(_)) => assert_eq!((is_url, &after["url_changed"]), (true, &json!(true)), "{entry}"),
            (_, None) => assert_eq!(after["secret_changed"], json!(true), "{entry}"),
        }
    }
    let before = entries(&admin).await;
    let text = json!(before).to_string();
    for secret in ["Canary-text-8814", "canary-8815", "canary-8816", "whsec_"] {
        assert!(!text.contains(secret), "{secret} stands in {text}");
    }
    // What people do with their own is talking.
    done("delete", leo.request("DELETE", &format!("/conversations/{group}/messages/{own}")), &leo).await;
    done("leave", ana.request("DELETE", &format!("{people}/{}", ana.id)), &ana).await;
    assert_eq!(entries(&admin).await, before);
}
