//! Passwords: guessed, forgotten, weak; and addresses that are verified.

use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, Options, PASSWORD, Person, Request, Server, eventually};
use chatcore::testing::{MemoryNotifier, password_hashes};
use chatcore::{Channel, Letter, LetterKind};
use serde_json::{Value, json};

use crate::CHATD;

const BASE: &str = "https://chat.shop.example";

fn code(answer: &Answer) -> ErrorCode {
    answer.problem().code
}

async fn post(door: &Door, path: &str, body: &Value) -> Answer {
    door.send(Request::new("POST", format!("/api/v1{path}")).header("X-Request-Id", "same").json(body)).await
}

async fn login(door: &Door, email: &str, password: &str) -> Answer {
    post(door, "/auth/login", &json!({"email": email, "password": password})).await
}

/// The newest letter to this address.
async fn letter(server: &InProcess, to: &str) -> Letter {
    let newest = eventually("a letter", async || {
        let letters = server.chat.letters(None, 1_000).await.expect("letters");
        letters.into_iter().rev().find(|letter| letter.to == to)
    });
    newest.await
}

fn token(letter: &Letter) -> String {
    letter.link(BASE).split_once('#').expect("a token behind the sign").1.to_owned()
}

/// seed-api.md 1.11, 8; security.md 4 and 9.
#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_and_ends_all_sessions() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let other = server.door.sign_in(&ana.email).await;
    let mut socket = ana.socket().await;
    let mut answers = Vec::new();
    for email in [ana.email.as_str(), "ANA@Shop.test", "nobody@shop.test", "no address"] {
        let mut answer = post(&server.door, "/auth/password/forgot", &json!({"email": email})).await;
        answer.headers.retain(|(name, _)| name != "date");
        answers.push(answer);
    }
    assert_eq!((answers[0].status, answers[0].body.len()), (202, 0));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    let first = letter(&server, &ana.email).await;
    assert_eq!((first.kind, first.name.as_deref()), (LetterKind::PasswordReset, Some("ana")));
    assert!(first.link(BASE).starts_with("https://chat.shop.example/reset-password#pt_"), "{}", first.link(BASE));
    let token = token(&first);
    assert!(!format!("{first:?}").contains(&token), "a token is not for logs");
    let reset = |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        let door = server.door.clone();
        async move { post(&door, "/auth/password/reset", &body).await }
    };
    for weak in ["password1", "ana@shop.test"] {
        let answer = reset(&token, weak).await;
        assert_eq!((code(&answer), &*answer.problem().fields[0].pointer), (ErrorCode::WeakPassword, "/password"));
    }
    for wrong in ["", "pt_", &token[..60], &token.replacen("pt_", "vt_", 1), &ana.token, &ana.refresh_token] {
        assert_eq!(reset(wrong, "a new one at last").await.problem().fields[0].pointer, "/token", "{wrong}");
    }
    assert_eq!(code(&post(&server.door, "/auth/verify-email", &json!({"token": token})).await), ErrorCode::Invalid);
    assert_eq!(reset(&token, "a new one at last").await.status, 204);
    assert_eq!(reset(&token, "and yet another").await.problem().fields[0].pointer, "/token");
    assert_eq!(socket.end().await.1, Some(4401));
    for person in [&ana, &other] {
        assert_eq!(code(&person.call("GET", "/me").await), ErrorCode::TokenRevoked);
    }
    assert_eq!(code(&login(&server.door, &ana.email, PASSWORD).await), ErrorCode::InvalidCredentials);
    let again = login(&server.door, &ana.email, "a new one at last").await.ok();
    assert_eq!(again["user"]["email_verified"], true);

    post(&server.door, "/auth/password/forgot", &json!({"email": ana.email})).await.ok();
    let second = letter(&server, &ana.email).await;
    server.advance(Duration::from_hours(1));
    let late = self::token(&second);
    assert_eq!(reset(&late, "too late for this").await.problem().fields[0].pointer, "/token");
    assert!(server.chat.letters(None, 10).await.expect("letters").is_empty());
}

/// security.md 9: the work of both is the same: one command that nobody waits for.
#[tokio::test]
async fn nobody_learns_by_asking_for_letters_who_has_an_account_nor_fills_a_mailbox() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for _ in 0..20 {
        post(&server.door, "/auth/password/forgot", &json!({"email": ana.email})).await.ok();
        post(&server.door, "/auth/password/forgot", &json!({"email": "nobody@shop.test"})).await.ok();
    }
    // What is asked for afterwards is carried out afterwards.
    ana.call_with("PATCH", "/me", &json!({"name": "Ana"})).await.ok();
    let letters = server.chat.letters(None, 100).await.expect("letters");
    assert_eq!(letters.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(), [ana.email.as_str(); 3]);
    // All of them are good, so that nobody makes hers worthless.
    let body = json!({"token": token(&letters[0]), "password": "a new one at last"});
    assert_eq!(post(&server.door, "/auth/password/reset", &body).await.status, 204);
}

#[tokio::test]
async fn an_address_is_verified_by_the_letter_that_was_sent_there() {
    let server = InProcess::start().await;
    let body = json!({"email": "eve@shop.test", "name": "Eve", "password": PASSWORD});
    let registered = post(&server.door, "/auth/register", &body).await.ok();
    assert_eq!(registered["user"]["email_verified"], false);
    let eve = server.door.sign_in("eve@shop.test").await;
    let first = letter(&server, "eve@shop.test").await;
    assert_eq!(first.kind, LetterKind::EmailVerification);
    assert!(first.link("https://chat.shop.example/").starts_with("https://chat.shop.example/verify-email#vt_"));
    assert_eq!(eve.call("POST", "/me/verify-email").await.status, 202);
    let second = letter(&server, "eve@shop.test").await;
    assert_ne!(token(&first), token(&second));

    let mut socket = eve.socket().await;
    let verify = |token: String| {
        let door = server.door.clone();
        async move { post(&door, "/auth/verify-email", &json!({"token": token})).await }
    };
    assert_eq!(verify("vt_x".to_owned()).await.problem().fields[0].pointer, "/token");
    assert_eq!(verify(token(&second)).await.status, 204);
    assert_eq!(socket.find("ev user.changed").await["d"]["email_verified"], true);
    for spent in [&first, &second] {
        assert_eq!(verify(token(spent)).await.problem().fields[0].pointer, "/token");
    }
    assert_eq!(eve.call("POST", "/me/verify-email").await.status, 202);
    assert!(server.chat.letters(None, 10).await.expect("letters").is_empty());
    let admin = server.door.sign_in(Door::ADMIN).await;
    assert_eq!(admin.get(&format!("/users/{}", eve.id)).await["email_verified"], true);
}

/// security.md 9 and 11; seed-api.md 1.11, 8.
#[tokio::test]
async fn guessing_is_slowed_down_and_says_nothing_and_locks_nobody_out() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let off = server.door.person(Role::Customer, "off").await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    admin.call("POST", &format!("/users/{}/disable", off.id)).await.ok();
    ana.call("POST", "/auth/logout").await.ok();
    // The same for somebody, somebody who may not, and nobody: each time, to the byte.
    let mut seen = Vec::new();
    for (email, password) in
        [(&*ana.email, "guess"), (&*off.email, PASSWORD), (&*off.email, "guess"), ("nobody@shop.test", "guess")]
    {
        if seen.len() == 2 {
            server.advance(Duration::from_hours(1));
        }
        let mut answers = Vec::new();
        for i in 0..8 {
            let password = if password == PASSWORD { password.to_owned() } else { format!("{password} number {i}") };
            let answer = login(&server.door, email, &password).await;
            answers.push((answer.status, answer.header("retry-after").map(str::to_owned), answer.body.clone()));
        }
        seen.push(answers);
    }
    assert!(seen.iter().all(|answers| *answers == seen[0]), "{seen:?}");
    let statuses: Vec<u16> = seen[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    assert_eq!(seen[0][5].1.as_deref(), Some("1"));

    // The right password has to wait too, and then it counts no longer.
    server.advance(Duration::from_hours(2));
    let mut wait = 1;
    for round in 0..14 {
        for _ in 0..if round == 0 { 5 } else { 1 } {
            assert_eq!(login(&server.door, &ana.email, "guess number 1").await.status, 401);
        }
        let answer = login(&server.door, &ana.email, PASSWORD).await;
        assert_eq!(code(&answer), ErrorCode::RateLimited);
        assert_eq!(answer.header("retry-after"), Some(&*wait.to_string()));
        server.advance(Duration::from_secs(wait));
        wait = (wait * 2).min(900);
    }
    assert_eq!(login(&server.door, &ana.email, PASSWORD).await.status, 200);
    assert_eq!(login(&server.door, &ana.email, "guess number 1").await.status, 401);

    // While she has to wait, a letter gets her in.
    for _ in 0..4 {
        login(&server.door, &ana.email, "guess number 1").await;
    }
    assert_eq!(code(&login(&server.door, &ana.email, PASSWORD).await), ErrorCode::RateLimited);
    post(&server.door, "/auth/password/forgot", &json!({"email": ana.email})).await.ok();
    let body = json!({"token": token(&letter(&server, &ana.email).await), "password": "a new one at last"});
    assert_eq!(post(&server.door, "/auth/password/reset", &body).await.status, 204);
    assert_eq!(login(&server.door, &ana.email, "a new one at last").await.status, 200);
}

#[tokio::test]
async fn whoever_finds_a_device_cannot_guess_its_password_either() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let mut codes = Vec::new();
    for i in 0..6 {
        let body = json!({"current_password": format!("guess number {i}"), "new_password": "a better one than that"});
        codes.push(code(&ana.call_with("POST", "/me/password", &body).await));
    }
    assert_eq!(codes[..5], [ErrorCode::Invalid; 5]);
    assert_eq!(codes[5], ErrorCode::RateLimited);
    // Which is nothing to her on her own machine.
    server.door.sign_in(&ana.email).await;
}

/// security.md 10.
#[tokio::test]
async fn passwords_that_everybody_tries_first_are_refused_wherever_one_is_set() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for weak in ["password", "Sunshine2024!", "letmein123", "Admin2026", "shop2026!", "12345678", "aaaaaaaaaa"] {
        let register = json!({"email": "new@shop.test", "name": "New", "password": weak});
        let user = json!({"email": "new@shop.test", "name": "New", "password": weak, "role": "agent"});
        let mine = json!({"current_password": PASSWORD, "new_password": weak});
        for (answer, pointer) in [
            (post(&server.door, "/auth/register", &register).await, "/password"),
            (admin.call_with("POST", "/users", &user).await, "/password"),
            (ana.call_with("POST", "/me/password", &mine).await, "/new_password"),
        ] {
            let problem = answer.problem();
            assert_eq!((problem.code, &*problem.fields[0].pointer), (ErrorCode::WeakPassword, pointer), "{weak}");
            assert!(weak == "password" || !answer.text().contains(weak), "it is not repeated: {}", answer.text());
        }
    }
    for own in ["New.Person@shop.test", "new.person", "NewPerson1"] {
        let body = json!({"email": "new.person@shop.test", "name": "New Person", "password": own});
        assert_eq!(code(&post(&server.door, "/auth/register", &body).await), ErrorCode::WeakPassword, "{own}");
    }
}

/// Letters outlive the server, and hold nothing that would have to be kept secret; the demo shows them.
#[tokio::test]
async fn letters_are_kept_over_a_restart_without_their_links() {
    let mut server = Server::start(CHATD).await;
    let ana: Person = server.door().person(Role::Customer, "ana").await;
    post(server.door(), "/auth/password/forgot", &json!({"email": ana.email})).await.ok();
    // What is asked for afterwards is on disk afterwards.
    ana.call_with("PATCH", "/me", &json!({"name": "Ana"})).await.ok();
    server.terminate();
    server.exited().await;
    let chat = chatcore::Chat::open(server.data_dir()).await.expect("its folder");
    let letters = chat.letters(None, 10).await.expect("letters");
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let token = self::token(letter);
    chat.close(Duration::from_secs(10)).await.expect("closed");
    for file in std::fs::read_dir(server.data_dir()).expect("a folder") {
        let path = file.expect("a file").path();
        if path.is_dir() {
            // That of attachments, of which there are none.
            continue;
        }
        let bytes = std::fs::read(path).expect("readable");
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(&token) && !holds(&ana.refresh_token) && !holds(PASSWORD), "a secret is in a file");
        let raw = data_encoding::BASE64URL_NOPAD.decode(&token.as_bytes()[3..]).expect("base64");
        assert!(!bytes.windows(32).any(|part| part == &raw[16..]), "a secret is in a file");
    }
    server.spawn();
    server.ready().await;
    let body = json!({"token": token, "password": "a new one at last"});
    assert_eq!(post(server.door(), "/auth/password/reset", &body).await.status, 204);
    assert_eq!(login(server.door(), &ana.email, "a new one at last").await.status, 200);
}

/// There need be no mailer: an admin passes the token on.
#[tokio::test]
async fn an_admin_lets_somebody_set_a_new_password() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let path = format!("/users/{}/password-reset", ana.id);
    let allowed = async || admin.call("POST", &path).await.ok();
    let first = allowed().await["token"].as_str().expect("a token").to_owned();
    let made = admin.call("POST", &path).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    let token = made["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("pt_") && made["expires_at"].is_string(), "{made}");
    assert!(server.chat.letters(None, 10).await.expect("letters").is_empty(), "the admin has it; nothing is sent");
    let reset = async |token: &str| {
        let body = json!({"token": token, "password": "a new one at last"});
        post(&server.door, "/auth/password/reset", &body).await
    };
    assert_eq!(reset(&first).await.problem().fields[0].pointer, "/token", "an earlier one is over");
    ana.get("/me").await;
    assert_eq!(login(&server.door, &ana.email, PASSWORD).await.status, 200, "until then nothing changes");
    assert_eq!(reset(&token).await.status, 204);
    assert_eq!(reset(&token).await.problem().fields[0].pointer, "/token");
    assert_eq!(code(&ana.call("GET", "/me").await), ErrorCode::TokenRevoked);
    let again = login(&server.door, &ana.email, "a new one at last").await.ok();
    assert_eq!(again["user"]["email_verified"], false, "nothing went to her mailbox");

    let late = allowed().await["token"].as_str().expect("a token").to_owned();
    server.advance(Duration::from_hours(24));
    assert_eq!(reset(&late).await.problem().fields[0].pointer, "/token");
}

#[tokio::test]
async fn who_signs_in_without_a_password_is_given_none() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let body = json!({"name": "Desk", "scopes": ["messages:write"], "bot": {"name": "Robin", "role": "agent"}});
    let made = admin.call_with("POST", "/api-keys", &body).await.ok();
    let bot = made["api_key"]["user"]["id"].as_str().expect("an id").to_owned();
    let refused = admin.call("POST", &format!("/users/{bot}/password-reset")).await;
    assert_eq!(code(&refused), ErrorCode::Conflict);
    assert!(refused.problem().detail.contains("bot"), "{}", refused.text());
    let off = server.door.person(Role::Agent, "off").await;
    admin.call("POST", &format!("/users/{}/disable", off.id)).await.ok();
    let refused = admin.call("POST", &format!("/users/{}/password-reset", off.id)).await;
    assert!(refused.problem().detail.contains("Enable it first"), "{}", refused.text());
    let none = format!("/users/{}/password-reset", chat_proto::UserId::from_bytes([7; 16]));
    assert_eq!(code(&admin.call("POST", &none).await), ErrorCode::NotFound);
}

/// Whether an address has an account cannot be told by what looking at a password costs, either.
#[tokio::test]
async fn threat_9_an_unknown_address_costs_one_hash_like_a_known_one() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let off = server.door.person(Role::Customer, "off").await;
    admin.call("POST", &format!("/users/{}/disable", off.id)).await.ok();
    for (email, password, status) in [
        (&*ana.email, PASSWORD, 200),
        (&*ana.email, "guess number 1", 401),
        (&*off.email, PASSWORD, 401),
        (&*off.email, "guess number 1", 401),
        ("nobody@shop.test", "guess number 1", 401),
        ("no address", "guess number 1", 401),
    ] {
        let before = password_hashes(&server.chat);
        assert_eq!(login(&server.door, email, password).await.status, status, "{email}");
        assert_eq!(password_hashes(&server.chat) - before, 1, "{email} {password}");
    }
}

/// Nobody is told of a mail that this shop never sends.
#[tokio::test]
async fn who_has_to_wait_is_told_of_mails_only_where_there_are_some() {
    for mails in [None, Some(MemoryNotifier::new(Channel::Mail))] {
        let sends = mails.is_some();
        let server = InProcess::start_with(Options { mails, ..Options::default() }).await;
        server.door.person(Role::Customer, "ana").await.call("POST", "/auth/logout").await.ok();
        for _ in 0..5 {
            assert_eq!(login(&server.door, "ana@shop.test", "guess number 1").await.status, 401);
        }
        let problem = login(&server.door, "ana@shop.test", "guess number 1").await.problem();
        assert_eq!(problem.code, ErrorCode::RateLimited);
        assert_eq!(problem.detail.contains("by mail"), sends, "{}", problem.detail);
    }
}
