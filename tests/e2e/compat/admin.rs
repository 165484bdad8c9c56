use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, Person};
use serde_json::{Value, json};

use super::{ask, call, get, messages, send, with};

async fn admin(server: &InProcess) -> Person {
    server.door.sign_in(Door::ADMIN).await
}

#[tokio::test]
async fn accounts_are_listed_shown_changed_and_deleted_by_admins() {
    let server = InProcess::start().await;
    let ada = admin(&server).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let list = get(&ada, "/users").await;
    assert_eq!((&list["status"], &list["results"], &list["nextCursor"]), (&json!("success"), &json!(3), &Value::Null));
    let emails: Vec<&str> =
        list["data"].as_array().expect("a list").iter().filter_map(|one| one["email"].as_str()).collect();
    assert_eq!(emails, [Door::ADMIN, "leo@shop.test", "ana@shop.test"]);
    let agents = get(&ada, "/users?role=agent").await;
    assert_eq!((&agents["results"], &agents["data"][0]["_id"]), (&json!(1), &json!(leo.id)));

    let path = format!("/users/{}", ana.id);
    let bare = get(&ada, &path).await;
    assert_eq!((&bare["_id"], &bare["name"], bare.get("status")), (&json!(ana.id), &json!("ana"), None));
    // The form of the old front end sends everything.
    let body = json!({"name": "Ana Ruiz", "email": "Ana@shop.test", "role": "designer"});
    let changed = call(&ada, "PUT", &path, &body).await;
    assert_eq!(changed.status, 200);
    let data = &changed.ok()["data"];
    assert_eq!(
        (&data["name"], &data["role"], &data["email"]),
        (&json!("Ana Ruiz"), &json!("designer"), &json!("ana@shop.test"))
    );
    for (body, code) in [
        (json!({"email": "other@shop.test", "name": "X"}), ErrorCode::Unsupported),
        (json!({"role": "owner"}), ErrorCode::Invalid),
        (json!({"role": ["admin"]}), ErrorCode::Invalid),
    ] {
        assert_eq!(call(&ada, "PUT", &path, &body).await.failure().0, code, "{body}");
    }
    assert_eq!(get(&ada, &path).await["name"], "Ana Ruiz", "nothing of it was done");

    let gone = ask(&ada, "DELETE", &path).send(ada.address).await;
    assert_eq!((gone.status, &gone.ok()["message"]), (200, &json!("The account was deleted.")));
    assert_eq!(get(&ada, "/users").await["results"], 2);
    let last = ask(&ada, "DELETE", &format!("/users/{}", ada.id)).send(ada.address).await;
    assert_eq!(last.failure().0, ErrorCode::Conflict, "the last admin stays");
}

/// Whoever is no admin is told so, as is whoever is nobody.
#[tokio::test]
async fn what_is_for_admins_is_for_nobody_else() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let other = server.door.person(role, &format!("other-{role}")).await;
        for (method, path) in [
            ("GET", "/users".to_owned()),
            ("GET", format!("/users/{}", ana.id)),
            ("PUT", format!("/users/{}", ana.id)),
            ("DELETE", format!("/users/{}", ana.id)),
            ("GET", "/admin/stats".to_owned()),
            ("GET", "/admin/users/recent".to_owned()),
        ] {
            let request = ask(&other, method, &path);
            let request = if method == "PUT" { request.json(&json!({"email": "x", "role": "admin"})) } else { request };
            assert_eq!(
                request.send(other.address).await.failure().0,
                ErrorCode::Forbidden,
                "{method} {path} as {role}"
            );
            let nobody = chat_tests::Request::new(method, format!("/api{path}")).send(other.address).await;
            assert_eq!(nobody.failure().0, ErrorCode::Unauthenticated, "{method} {path}");
        }
    }
    assert_eq!(get(&ana, "/auth/profile").await["data"]["role"], "customer");
}

/// What is not there takes the server down.
#[tokio::test]
async fn hole_17_what_is_not_there_is_not_found() {
    let server = InProcess::start().await;
    let ada = admin(&server).await;
    for id in ["507f1f77bcf86cd799439011", "user_01kay8m2r3f9vvk1a2b3c4d5e6"] {
        for (method, path) in
            [("GET", format!("/users/{id}")), ("PUT", format!("/users/{id}")), ("DELETE", format!("/users/{id}"))]
        {
            let request = ask(&ada, method, &path);
            let request = if method == "PUT" { request.json(&json!({"name": "X"})) } else { request };
            assert_eq!(request.send(ada.address).await.failure().0, ErrorCode::NotFound, "{method} {path}");
        }
    }
    for id in ["507f1f77bcf86cd799439011", "conv_01kay8m2r3f9vvk1a2b3c4d5e6"] {
        assert_eq!(send(&ada, &json!(id), "Hello").await.failure().0, ErrorCode::NotFound);
        for (method, path) in
            [("GET", format!("/chat/conversations/{id}/messages")), ("POST", format!("/chat/conversations/{id}/read"))]
        {
            assert_eq!(ask(&ada, method, &path).send(ada.address).await.failure().0, ErrorCode::NotFound, "{path}");
        }
    }
}

/// Conversations with people who are not there any more cannot be shown.
#[tokio::test]
async fn hole_21_what_a_deleted_person_wrote_stays_under_no_name() {
    let server = InProcess::start().await;
    let ada = admin(&server).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&ana, &leo).await["_id"];
    send(&ana, id, "Hello").await.ok();
    ask(&ada, "DELETE", &format!("/users/{}", ana.id)).send(ada.address).await.ok();
    let history = messages(&leo, id).await;
    assert_eq!((&history[0]["content"], &history[0]["sender"]["name"]), (&json!("Hello"), &json!("Deleted user")));
    let dead = ask(&ana, "GET", "/auth/profile").send(ana.address).await;
    assert_eq!(dead.failure().0, ErrorCode::TokenRevoked);
}

/// "Active" is everything ever, "today" is where the server stands, "recent" is sorted by nothing.
#[tokio::test]
async fn hole_22_the_figures_mean_what_they_say() {
    let server = InProcess::start().await;
    let ada = admin(&server).await;
    let mut people = Vec::new();
    for i in 0..12 {
        people.push(server.door.person(Role::Customer, &format!("customer-{i:02}")).await);
    }
    let leo = server.door.person(Role::Agent, "leo").await;
    let id = &with(&people[0], &leo).await["_id"];
    with(&people[1], &leo).await;
    for text in ["One", "Two", "Three"] {
        send(&people[0], id, text).await.ok();
    }
    let stats = get(&ada, "/admin/stats").await;
    assert_eq!(
        stats,
        json!({"status": "success", "data": {"totalUsers": 14, "activeConversations": 1, "messagesToday": 3}})
    );
    ask(&ada, "DELETE", &format!("/users/{}", people[11].id)).send(ada.address).await.ok();
    let recent = get(&ada, "/admin/users/recent").await;
    let names: Vec<&str> =
        recent["data"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    let expected: Vec<String> =
        ["leo".to_owned()].into_iter().chain((2..11).rev().map(|i| format!("customer-{i:02}"))).collect();
    assert_eq!(names, expected);
    assert!(recent["data"][0]["createdAt"].is_string());
}
