use std::time::Duration;

use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Options, PASSWORD, Request};
use serde_json::json;

use super::{get, login};

#[tokio::test]
async fn signing_up_and_in_answers_as_it_always_did() {
    let server = InProcess::start().await;
    let at = server.door.address;
    let body = json!({"email": "ana@shop.test", "name": "Ana", "password": PASSWORD, "role": "customer", "x": [1]});
    let signed_up = Request::new("POST", "/api/auth/register").json(&body).send(at).await;
    assert_eq!(signed_up.status, 201);
    let signed_in = login(at, "ANA@shop.test").await;
    assert_eq!(signed_in.status, 200);
    for answer in [&signed_up, &signed_in] {
        let entered = answer.ok();
        assert_eq!(entered["status"], "success", "{entered}");
        let data = &entered["data"];
        assert_eq!(
            (&data["name"], &data["email"], &data["role"]),
            (&json!("Ana"), &json!("ana@shop.test"), &json!("customer"))
        );
        assert!(data["_id"].is_string() && data["_id"] == data["id"], "{entered}");
        assert!(data.get("password").is_none(), "{entered}");
        // The same in the header and in the cookie.
        let token = entered["token"].as_str().expect("a token");
        assert!(answer.header("set-cookie").expect("a cookie").starts_with(&format!("jwt={token}; ")));
    }
    let token = signed_in.ok()["token"].as_str().expect("a token").to_owned();
    let profile = Request::new("GET", "/api/auth/profile").token(&token).send(at).await.ok();
    assert_eq!((&profile["success"], &profile["status"]), (&json!("success"), &json!("success")));
    assert_eq!(profile["data"], signed_in.ok()["data"]);
    let owner = Request::new("GET", format!("/api/auth/middleware/{token}")).send(at).await.ok();
    assert_eq!((&owner["status"], &owner["data"]["user"]), (&json!("success"), &profile["data"]));
    // It is an account like any other.
    let me = Request::new("GET", "/api/v1/me").token(&token).send(at).await.ok();
    assert_eq!(me["id"], profile["data"]["_id"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_is_told_in_words_for_people() {
    let server = InProcess::start().await;
    let at = server.door.address;
    server.door.person(Role::Customer, "ana").await;
    let post = async |path: &str, body| Request::new("POST", path).json(&body).send(at).await.failure();
    let (register, login) = ("/api/auth/register", "/api/auth/login");
    for (path, body, code, words) in [
        (
            login,
            json!({"email": "ana@shop.test", "password": "wrong-password"}),
            ErrorCode::InvalidCredentials,
            "wrong",
        ),
        (login, json!({"email": "bo@shop.test", "password": "wrong-password"}), ErrorCode::InvalidCredentials, "wrong"),
        (login, json!({"email": "ana@shop.test"}), ErrorCode::Invalid, "enter your password"),
        (login, json!({"email": null, "password": PASSWORD}), ErrorCode::Invalid, "enter your e-mail"),
        (login, json!({}), ErrorCode::Invalid, "enter your e-mail"),
        (register, json!({"email": "x@shop.test", "password": PASSWORD}), ErrorCode::Invalid, "enter your name"),
        (register, json!({"name": "X", "email": "x", "password": PASSWORD}), ErrorCode::Invalid, "e-mail address"),
        (register, json!({"name": "X", "email": "x@shop.test", "password": "short"}), ErrorCode::Invalid, "password"),
        (register, json!({"name": "X", "email": "x@shop.test", "password": "password1"}), ErrorCode::WeakPassword, ""),
        (
            register,
            json!({"name": "X", "email": "Ana@Shop.test", "password": PASSWORD}),
            ErrorCode::EmailTaken,
            "already",
        ),
    ] {
        let (said, message) = post(path, body.clone()).await;
        assert_eq!(said, code, "{body}: {message}");
        assert!(message.contains(words), "{body}: {message}");
    }
    assert_eq!(Request::new("POST", login).send(at).await.failure().0, ErrorCode::Invalid, "nothing at all");
}

#[tokio::test]
async fn a_token_is_good_for_as_long_as_its_session() {
    let options = Options { manual_clock: true, refresh_ttl: Duration::from_hours(90 * 24), ..Options::default() };
    let server = InProcess::start_with(options).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let answer = login(ana.address, "ana@shop.test").await;
    assert!(answer.header("set-cookie").expect("a cookie").contains("; Max-Age=7776000; "), "90 days");
    let lasting =
        chat_tests::Person { token: answer.ok()["token"].as_str().expect("a token").to_owned(), ..ana.clone() };
    server.advance(Duration::from_hours(89 * 24));
    get(&lasting, "/auth/profile").await;
    let usual = super::ask(&ana, "GET", "/auth/profile").send(ana.address).await;
    assert_eq!(usual.failure(), (ErrorCode::TokenExpired, "Your session has ended. Please sign in again.".to_owned()));
    server.advance(Duration::from_hours(2 * 24));
    let over = super::ask(&lasting, "GET", "/auth/profile").send(ana.address).await;
    assert_eq!(over.failure().0, ErrorCode::TokenExpired);
}

#[tokio::test]
async fn signing_out_ends_the_session_by_either_method_and_again_is_no_error() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let at = ana.address;
    for method in ["GET", "POST"] {
        let token = login(at, "ana@shop.test").await.ok()["token"].as_str().expect("a token").to_owned();
        let ask =
            |method, path: &str| Request::new(method, format!("/api{path}")).header("Cookie", format!("jwt={token}"));
        for _ in 0..2 {
            let out = ask(method, "/auth/logout").send(at).await;
            assert_eq!(out.ok()["status"], "success", "{method}");
            assert!(out.header("set-cookie").expect("a cookie").starts_with("jwt=; Path=/; Max-Age=0; "), "{out:?}");
        }
        // Everywhere, however it is shown.
        assert_eq!(ask("GET", "/chat/conversations").send(at).await.failure().0, ErrorCode::TokenRevoked);
        let checked = Request::new("GET", format!("/api/auth/middleware/{token}")).send(at).await;
        assert_eq!(checked.failure().0, ErrorCode::TokenRevoked);
        let v1 = Request::new("GET", "/api/v1/me").token(&token).send(at).await;
        assert_eq!(v1.problem().code, ErrorCode::TokenRevoked);
    }
    get(&ana, "/auth/profile").await; // Another session goes on.
    for request in [Request::new("POST", "/api/auth/logout"), Request::new("GET", "/api/auth/logout").token("x.y.z")] {
        let none = request.send(at).await;
        assert_eq!(none.failure().0, ErrorCode::Unauthenticated);
        assert_eq!(none.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn other_tokens_are_none_here() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for token in ["x", "", "undefined", &ana.refresh_token, &format!("{}x", ana.token)] {
        let profile = Request::new("GET", "/api/auth/profile").token(token).send(ana.address).await;
        assert_eq!(profile.failure(), (ErrorCode::Unauthenticated, "Please sign in.".to_owned()), "{token}");
        let checked = Request::new("GET", format!("/api/auth/middleware/{token}")).send(ana.address).await;
        assert!([401, 404].contains(&checked.status), "{token}: {}", checked.text());
    }
    // A key acts for a program, and would stand in somebody's log.
    let key = json!({"name": "shop", "scopes": ["users:read"]});
    let made =
        Request::new("POST", "/api/v1/api-keys").token(&server.door.admin).json(&key).send(ana.address).await.ok();
    let secret = made["secret"].as_str().or(made["key"].as_str()).expect("a secret");
    let checked = Request::new("GET", format!("/api/auth/middleware/{secret}")).send(ana.address).await;
    assert_eq!(checked.failure().0, ErrorCode::Unauthenticated);
}
