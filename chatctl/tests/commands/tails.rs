//! Commands that go on: for longer than a token lasts, and with all that the server tells.

use std::io::BufRead as _;
use std::time::Duration;

use chat_proto::Role;
use chat_tests::{Door, Options, PASSWORD, Request, eventually};

use serde_json::Value;

use crate::desk::Desk;
use crate::exits::{ended, interrupt, tailing};
use crate::mode;

/// Waits until nobody may do anything with this token any more.
async fn is_over(door: &Door, token: &str) {
    let refused = async || {
        let asked = Request::new("GET", "/api/v1/me").token(token).send(door.address).await;
        (asked.status == 401).then_some(())
    };
    eventually("the token is over", refused).await;
}

#[tokio::test]
async fn what_goes_on_goes_on_when_its_token_is_over_and_leaves_a_session_that_holds() {
    let options = Options { access_ttl: Duration::from_secs(3), ..Options::default() };
    let desk = Desk::at(options).await;
    // While the first token lasts.
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let conversation = desk.server.door.sign_in(Door::ADMIN).await.direct(&ana).await;
    let desk = desk.with_admin().await;
    let door = &desk.server.door;
    let admins = door.address.to_string();
    let login = ["login", &desk.url(), "--email", &ana.email, "--password-stdin", "--profile", "zoe"];
    desk.run_with(&login, PASSWORD).await.ok();
    for command in [["conversation", "tail"], ["event", "tail"]] {
        let (mut child, _, mut lines) = tailing(&desk, &command, &ana, conversation).await;
        // It stays whose it is, whoever comes to be the default.
        desk.run(&["profile", "use", "zoe"]).await.ok();
        let (first, refresh_token) = (desk.session("access_token"), desk.session("refresh_token"));
        is_over(door, &first).await;
        eventually("it is renewed", async || (desk.session("access_token") != first).then_some(())).await;
        assert_ne!(desk.session("refresh_token"), refresh_token);
        assert_eq!(mode(&desk.credentials()), 0o600);

        let ana = door.sign_in(&ana.email).await;
        let sent = ana.write(conversation, &format!("after {}", command[0])).await.ok();
        let number = sent["seq"].to_string();
        let told = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            while !line.split(' ').any(|word| word.trim_end() == number) {
                line.clear();
                assert!(lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0), "it ended without telling");
            }
        });
        told.await.expect("it is told");
        interrupt(&child);
        assert_eq!(ended(&mut child).await, Some(130));
        desk.run(&["profile", "use", &admins]).await.ok();
        assert!(desk.run(&["whoami"]).await.ok().contains(Door::ADMIN));
    }
}

#[tokio::test]
async fn an_event_is_told_to_programs_as_the_server_tells_it() {
    let desk = Desk::signed_in().await;
    let door = &desk.server.door;
    let ana = door.person(Role::Customer, "ana").await;
    let admin = door.sign_in(Door::ADMIN).await;
    let conversation = admin.direct(&ana).await;
    let mut socket = admin.socket().await;
    let (mut child, first, mut lines) = tailing(&desk, &["event", "tail", "--json"], &ana, conversation).await;
    let told: Value = serde_json::from_str(&first).expect("JSON");
    let frame = socket.until(|frame| frame["c"] == told["c"]).await.pop().expect("a frame");
    assert_eq!(without_what_is_the_connections(frame), told);
    assert!(told["d"]["text"].as_str().is_some_and(|text| text.starts_with("message ")), "{told}");

    let read = format!("/conversations/{conversation}/read");
    admin.call_with("POST", &read, &serde_json::json!({"seq": 1})).await.ok();
    let others = admin.group("order 7", &[&ana]).await.to_string();
    let told = tokio::task::spawn_blocking(move || {
        let mut told: Vec<Value> = Vec::new();
        while told.last().is_none_or(|event| event["conv"] != others.as_str()) {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0), "it ended without telling");
            told.push(serde_json::from_str(&line).expect("JSON"));
        }
        told
    });
    let told = told.await.expect("it is told");
    assert!(told.iter().any(|event| event["e"] == "read.moved"), "{told:?}");
    for event in told {
        let frame = socket.until(|frame| frame["c"] == event["c"]).await.pop().expect("a frame");
        assert_eq!(without_what_is_the_connections(frame), event);
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

fn without_what_is_the_connections(mut frame: Value) -> Value {
    let fields = frame.as_object_mut().expect("a frame");
    assert_eq!(fields.remove("t"), Some("ev".into()));
    fields.remove("n").expect("a number");
    frame
}
