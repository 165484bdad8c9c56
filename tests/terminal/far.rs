//! What is far away: below the part of the list that is loaded, and above the messages that are.

use chat_proto::Role;
use chat_tests::{InProcess, Tmux, eventually};

use super::{CHAT_TUI, SIZE, is_live};

#[tokio::test]
async fn what_is_unread_far_down_and_what_was_said_long_ago_is_reached() {
    let tmux = Tmux::new();
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    for number in 1..=250 {
        leo.write(order, &format!("number {number}")).await.ok();
    }
    ana.write(order, "Where is my order?").await.ok();
    leo.group("Zanzibar", &[]).await;
    for number in 0..420 {
        leo.group(&format!("Group {number}"), &[]).await;
    }
    let url = format!("http://{}", server.door.address);
    let at_leo = tmux.start("leo", SIZE, CHAT_TUI, &[&url, &leo.email]);
    at_leo.until("what is unread", |screen| is_live(screen) && screen.contains(" 1 unread")).await;
    // Nobody has opened anything yet, at the top least of all.
    ana.write(leo.group("The newest", &[&ana]).await, "Hello?").await.ok();
    at_leo.until("two of them", |screen| screen.contains(" 2 unread")).await;

    let top = |screen: &str| screen.lines().next().unwrap_or_default().to_owned();
    let says = |screen: &str, text: &str| {
        let messages = screen.lines().filter_map(|line| line.split('│').nth(1));
        messages.map(str::trim).any(|message| message == text)
    };
    at_leo.presses("Space");
    at_leo.until("the one below", |screen| screen.contains(" 1 unread") && says(screen, "Where is my order?")).await;
    at_leo.presses("g");
    at_leo.until("the first message", |screen| says(screen, "number 1")).await;
    at_leo.presses("G");
    at_leo.until("the newest", |screen| says(screen, "Where is my order?") && !says(screen, "number 1")).await;

    // Put aside from the newest on: that one is unread, to the server too.
    let unread = async || leo.get(&format!("/conversations/{order}")).await["unread"].as_u64().unwrap_or_default();
    eventually("that the server knows", async || (unread().await == 0).then_some(())).await;
    at_leo.presses("U");
    at_leo.until("two of them", |screen| top(screen).contains(" 2 unread")).await;
    let aside = eventually("that the server knows", async || Some(unread().await).filter(|unread| *unread > 0)).await;
    assert_eq!(aside, 1);
    at_leo.presses("Enter");
    at_leo.until("it is read", |screen| top(screen).contains(" 1 unread")).await;
    at_leo.presses("Escape");
    at_leo.until("reading", |screen| !screen.contains("Enter send")).await;

    at_leo.presses("Space");
    at_leo.until("the other", |screen| !top(screen).contains("unread") && says(screen, "Hello?")).await;

    at_leo.types("/zanz");
    at_leo.until("the only one", |screen| screen.contains("1 of 423 ")).await;
    at_leo.presses("Escape");
    at_leo.until("all of them", |screen| !screen.contains(" of 423")).await;
}
