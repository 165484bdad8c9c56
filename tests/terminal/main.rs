//! Two people at two terminals, over a server that comes and goes.

mod far;
mod files;
mod given_back;
mod group;
mod https;

use chat_proto::Role;
use chat_tests::{Person, Server, Terminal, Tmux};
use rustix::process::{Signal, kill_process};

/// The programs that are shipped.
const CHATD: &str = env!("CARGO_BIN_EXE_chatd-under-test");
const CHAT_TUI: &str = env!("CARGO_BIN_EXE_chat-tui-under-test");

const SIZE: (u16, u16) = (100, 40);

fn open<'a>(tmux: &'a Tmux, server: &Server, person: &Person, name: &str) -> Terminal<'a> {
    let url = format!("http://{}", server.door().address);
    tmux.start(name, SIZE, CHAT_TUI, &[&url, &person.email])
}

async fn says(terminal: &Terminal<'_>, text: &str) {
    terminal.types(text);
    // What was typed is there before it is sent.
    terminal.until(text, |screen| screen.contains(text)).await;
    terminal.presses("Enter");
}

/// The numbers that were said, as they stand below each other.
fn numbers(screen: &str, who: &str) -> Vec<u32> {
    let said = screen.lines().filter_map(|line| line.split('│').nth(1));
    said.map(str::trim).filter_map(|message| message.strip_prefix(who)?.strip_prefix(" says ")?.parse().ok()).collect()
}

#[tokio::test]
async fn two_people_talk_while_the_server_is_killed_and_comes_back() {
    let tmux = Tmux::new();
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conversation = ana.direct(&leo).await;
    ana.write(conversation, "Where is my order?").await;

    let at_leo = open(&tmux, &server, &leo, "leo");
    let at_ana = open(&tmux, &server, &ana, "ana");
    for terminal in [&at_leo, &at_ana] {
        terminal.until("live", |screen| is_live(screen) && screen.contains("Where is my order?")).await;
        terminal.presses("Enter");
        terminal.until("writing", |screen| screen.contains("Enter send")).await;
    }

    // They talk, and see each other write.
    at_leo.types("leo says 1");
    at_ana.until("that Leo writes", |screen| screen.contains("is writing ...")).await;
    at_leo.presses("Enter");
    at_ana.until("what Leo says", |screen| numbers(screen, "leo") == [1]).await;
    says(&at_ana, "ana says 1").await;
    at_leo.until("what Ana says", |screen| numbers(screen, "ana") == [1]).await;

    // Leo types and sends while the server dies and comes back.
    at_leo.types("leo says 2");
    server.kill();
    at_leo.presses("Enter");
    for number in 3..=5 {
        says(&at_leo, &format!("leo says {number}")).await;
    }
    at_leo.until("offline", |screen| screen.contains("offline")).await;
    at_leo.types("leo says 6");
    server.spawn_again().await;
    at_leo.until("live again", is_live).await;
    at_leo.presses("Enter");
    let all = async |of_leo: u32, of_ana: u32| {
        for terminal in [&at_leo, &at_ana] {
            let every_message = |screen: &str| all_are_shown(screen, of_leo, of_ana);
            terminal.until("every message once and in order", every_message).await;
        }
    };
    all(6, 1).await;

    // Both write while there is no server, where nobody can be asked whether to send in spite of what came in.
    server.kill();
    for (terminal, text) in [(&at_leo, "leo says 7"), (&at_ana, "ana says 2")] {
        terminal.until("offline", |screen| screen.contains("offline")).await;
        says(terminal, text).await;
    }
    server.spawn_again().await;
    all(7, 2).await;

    // What is on the screen survives another size, and the smallest.
    at_leo.resize((60, 20));
    at_leo.until("one pane", |screen| screen.contains("leo says 7") && !screen.contains('│')).await;
    at_leo.resize((30, 8));
    at_leo.until("a word", |screen| screen.contains("needs 60x16")).await;
    at_leo.resize((160, 50));
    at_leo.until("three panes", |screen| screen.contains("PEOPLE") && all_are_shown(screen, 7, 2)).await;

    // A draft is there again in the next run; the terminal is given back.
    at_leo.types("half a thought");
    at_leo.until("the draft", |screen| screen.contains("half a thought")).await;
    at_leo.presses("Escape");
    // A key that follows at once would be taken for one that is pressed with Alt.
    at_leo.until("reading", |screen| screen.contains(" draft kept ") && !screen.contains("Enter send")).await;
    for _ in 0..2 {
        at_leo.presses("C-c");
    }
    assert_eq!(at_leo.over().await, 0, "{}", at_leo.screen());
    at_leo.given_back().await;
    kill_process(at_ana.pid(), Signal::TERM).expect("a signal");
    assert_eq!(at_ana.over().await, 0, "{}", at_ana.screen());
    at_ana.given_back().await;
}

#[tokio::test]
async fn what_was_written_survives_a_kill() {
    let tmux = Tmux::new();
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    ana.write(ana.direct(&leo).await, "Where is my order?").await;
    let at_leo = open(&tmux, &server, &leo, "leo");
    at_leo.until("live", |screen| is_live(screen) && screen.contains("Where is my order?")).await;
    at_leo.presses("Enter");
    server.kill();
    at_leo.until("offline", |screen| screen.contains("offline")).await;
    says(&at_leo, "leo says 1").await;
    says(&at_leo, "leo says 2").await;
    at_leo.types("half a thought");
    let kept = || {
        let folders = std::fs::read_dir(tmux.folder().join("state-leo/chat-tui")).ok()?;
        let files =
            folders.flatten().filter_map(|folder| std::fs::read_to_string(folder.path().join("written.json")).ok());
        files.last()
    };
    chat_tests::eventually("the draft is on the disk", async || kept().filter(|json| json.contains("half a thought")))
        .await;
    kill_process(at_leo.pid(), Signal::KILL).expect("a signal");
    assert_eq!(at_leo.over().await, 128 + Signal::KILL.as_raw());
    server.spawn_again().await;

    let url = format!("http://{}", server.door().address);
    let again = tmux.start(
        "again",
        SIZE,
        "/usr/bin/env",
        &[&format!("XDG_STATE_HOME={}", tmux.folder().join("state-leo").display()), CHAT_TUI, &url, &leo.email],
    );
    let all = |screen: &str| {
        numbers(screen, "leo") == [1, 2] && screen.contains("half a thought") && !screen.contains("sending")
    };
    again.until("everything that was written", all).await;
}

/// So many messages of each stand there, once and in order, and none is on its way.
fn all_are_shown(screen: &str, of_leo: u32, of_ana: u32) -> bool {
    numbers(screen, "leo").into_iter().eq(1..=of_leo)
        && numbers(screen, "ana").into_iter().eq(1..=of_ana)
        && !screen.contains("sending")
}

fn is_live(screen: &str) -> bool {
    screen.lines().next().is_some_and(|top| top.trim_end().ends_with("live"))
}
