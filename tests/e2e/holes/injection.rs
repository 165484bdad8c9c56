use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, PASSWORD, Request};
use serde_json::{Value, json};

/// Queries of a database in place of values: `{"email": {"$ne": null}}` signed in as the first account.
#[tokio::test]
async fn hole_5_what_is_no_text_is_no_address_and_no_password() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let operators: [Value; 8] = [
        json!({"$ne": null}),
        json!({"$gt": ""}),
        json!({"$regex": ".*"}),
        json!([Door::ADMIN]),
        json!([{"$ne": null}]),
        json!(null),
        json!(true),
        json!(0),
    ];
    for operator in &operators {
        for body in [
            json!({"email": operator, "password": PASSWORD}),
            json!({"email": Door::ADMIN, "password": operator}),
            json!({"email": operator, "password": operator}),
        ] {
            let login = Request::new("POST", "/api/v1/auth/login").json(&body).send(ana.address).await;
            assert_eq!(login.problem().code, ErrorCode::Invalid, "{body}: {}", login.text());
        }
        let named = json!({"email": "new@shop.test", "password": PASSWORD, "name": operator});
        let register = Request::new("POST", "/api/v1/auth/register").json(&named).send(ana.address).await;
        assert_eq!(register.problem().code, ErrorCode::Invalid, "{named}: {}", register.text());
        for (method, path, body) in [
            ("PATCH", "/me", json!({"name": operator})),
            ("POST", "/conversations", json!({"kind": "direct", "participants": [operator]})),
            ("POST", "/conversations", json!({"kind": operator, "participants": [ana.id]})),
        ] {
            let answer = ana.call_with(method, path, &body).await;
            assert_eq!(answer.problem().code, ErrorCode::Invalid, "{path} {body}: {}", answer.text());
        }
    }
    // The same as texts, as forms and in the address: they are texts that nobody has.
    for email in [r#"{"$ne":null}"#, "' OR '1'='1", "admin@shop.test'--", "*", "admin@shop.test\u{0}", "%"] {
        let body = json!({"email": email, "password": PASSWORD});
        let login = Request::new("POST", "/api/v1/auth/login").json(&body).send(ana.address).await;
        assert_eq!(login.problem().code, ErrorCode::InvalidCredentials, "{email}: {}", login.text());
    }
    let form = Request::new("POST", "/api/v1/auth/login")
        .text("application/x-www-form-urlencoded", "email[$ne]=&password[$ne]=")
        .send(ana.address)
        .await;
    assert_eq!(form.problem().code, ErrorCode::UnsupportedMediaType);
    for path in ["/directory?role[$ne]=admin", "/directory?role=agent&role=admin", "/conversations?limit[$gt]=1"] {
        assert_eq!(ana.call("GET", path).await.problem().code, ErrorCode::Invalid, "{path}");
    }
    for id in ["..", "%2e%2e%2fme", "%00", "conv_%27%20OR%201=1", "[object%20Object]", "undefined"] {
        let answer = ana.call("GET", &format!("/conversations/{id}")).await;
        assert!(matches!(answer.status, 400 | 404), "{id}: {}", answer.text());
    }
}

/// What the server alone sets cannot be set by saying it.
#[tokio::test]
async fn threat_12_fields_of_the_servers_own_are_refused() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (key, value) in [
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("isAdmin", json!(true)),
        ("id", json!(ana.id)),
        ("verified", json!(true)),
        ("created_at", json!("2020-01-01T00:00:00.000Z")),
        ("__proto__", json!({"role": "admin"})),
    ] {
        let mut body = json!({"email": "eve@shop.test", "name": "Eve", "password": PASSWORD});
        body[key] = value.clone();
        let register = Request::new("POST", "/api/v1/auth/register").json(&body).send(ana.address).await;
        assert_eq!(register.problem().code, ErrorCode::Invalid, "{key}: {}", register.text());
        let me = ana.call_with("PATCH", "/me", &json!({"name": "Ana", key: value})).await;
        assert_eq!(me.problem().code, ErrorCode::Invalid, "{key}: {}", me.text());
    }
    let login = json!({"email": "eve@shop.test", "password": PASSWORD});
    let login = Request::new("POST", "/api/v1/auth/login").json(&login).send(ana.address).await;
    assert_eq!(login.problem().code, ErrorCode::InvalidCredentials, "nobody was made");
    assert_eq!(ana.get("/me").await["role"], "customer");
}
