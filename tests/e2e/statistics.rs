//! What is counted of the shop, over HTTP: exact after `kill -9`, and nobody else's business.

use chat_proto::{ErrorCode, Role};
use chat_tests::{Door, InProcess, Person, Server, eventually};
use serde_json::{Value, json};

use crate::CHATD;

/// The row of those who are this.
fn row<'a>(overview: &'a Value, who: &str) -> &'a Value {
    let rows = overview["people"].as_array().expect("rows");
    rows.iter().find(|row| row["who"] == who).expect("a row for everybody")
}

/// The figures, once what a restart brought is counted.
async fn overview(admin: &Person) -> Value {
    eventually("it is counted", async || {
        let answer = admin.call("GET", "/stats/overview").await;
        (answer.status != 503).then(|| answer.ok())
    })
    .await
}

#[tokio::test]
async fn the_figures_survive_kill_9_again_and_again() {
    let mut server = Server::start(CHATD).await;
    let (leo, ana) =
        (server.door().person(Role::Agent, "leo").await, server.door().person(Role::Customer, "ana").await);
    let order = ana.direct(&leo).await;
    let group = leo.group("Spring", &[&ana]).await;
    let mut written = 0;
    for round in 0..5 {
        let (leo, ana) = (leo.at(server.door()), ana.at(server.door()));
        for i in 0..=round {
            ana.write(order, &format!("{round}-{i}")).await.ok();
            leo.write(group, &format!("{round}-{i}")).await.ok();
            written += 2;
        }
        server.door().person(Role::Designer, &format!("dana-{round}")).await;
        if round == 2 {
            // In between it is closed as it should be, and what was counted is kept.
            server.restart().await;
        } else {
            server.kill();
            server.spawn();
            server.open().await;
        }
        let admin = server.door().sign_in(Door::ADMIN).await;
        let overview = overview(&admin).await;
        let totals = json!({
            "active_people": 2, "active_conversations": 2,
            "conversations_begun": {"direct": 1, "group": 1}, "messages": written,
        });
        assert_eq!((&overview["totals"], &overview["since"]), (&totals, &Value::Null), "round {round}");
        let by_day: u64 = overview["messages_by_day"]
            .as_array()
            .expect("days")
            .iter()
            .filter_map(|day| day["messages"].as_u64())
            .sum();
        assert_eq!(by_day, written);
        assert_eq!(row(&overview, "designer")["accounts"], round + 1);
        assert_eq!((&row(&overview, "agent")["active"], &row(&overview, "customer")["active"]), (&json!(1), &json!(1)));
    }
}

#[tokio::test]
async fn it_is_for_admins_and_keys_that_are_for_it() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    for role in [Role::Agent, Role::Customer, Role::Designer, Role::Merchant] {
        let somebody = server.door.person(role, role.as_str()).await;
        let refused = somebody.call("GET", "/stats/overview").await;
        assert_eq!(refused.problem().code, ErrorCode::Forbidden, "{role}");
    }
    for (scope, status) in [("stats:read", 200), ("users:read", 403)] {
        let body = json!({"name": "Report", "scopes": [scope]});
        let made = admin.call_with("POST", "/api-keys", &body).await.ok();
        let key = made["key"].as_str().expect("a key").to_owned();
        let key = Person { token: key, ..admin.clone() };
        assert_eq!(key.call("GET", "/stats/overview").await.status, status, "{scope}");
    }
    for query in ["days=0", "days=91", "days=x", "days=-1", "from=2026-11-01", "days=7&days=8"] {
        let refused = admin.call("GET", &format!("/stats/overview?{query}")).await;
        assert_eq!((refused.status, refused.problem().code), (400, ErrorCode::Invalid), "{query}");
    }
    let shown = admin.get("/stats/overview?days=90").await;
    assert_eq!((&shown["days"], shown["messages_by_day"].as_array().map(Vec::len)), (&json!(90), Some(90)));
}

#[tokio::test]
async fn whoever_loads_it_can_follow_from_there() {
    let server = InProcess::start().await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let order = admin.direct(&ana).await;
    ana.write(order, "before").await.ok();
    let shown = admin.get("/stats/overview?days=1").await;
    assert_eq!(shown["totals"]["messages"], 1);
    ana.write(order, "after").await.ok();
    let news = admin.get(&format!("/events?wait=0&cursor={}", shown["as_of"].as_str().expect("a cursor"))).await;
    let texts: Vec<_> = news["items"].as_array().expect("items").iter().map(|item| &item["d"]["text"]).collect();
    assert!(texts.contains(&&json!("after")) && !texts.contains(&&json!("before")), "{news}");

    // Who is here now.
    let leo = server.door.person(Role::Agent, "leo").await;
    let mut leos = leo.socket().await;
    assert_eq!(row(&admin.get("/stats/overview").await, "agent")["online"], 1);
    leos.say(&json!({"t": "presence", "re": 1, "state": "away"})).await;
    leos.find("ok").await;
    let now = admin.get("/stats/overview").await;
    assert_eq!((&row(&now, "agent")["online"], &row(&now, "agent")["away"]), (&json!(0), &json!(1)));
}
