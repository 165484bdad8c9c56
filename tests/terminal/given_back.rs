//! However the program leaves the terminal, whoever has it then finds it as it was.

use chat_proto::Role;
use chat_tests::{Person, Server, Terminal, Tmux, eventually};
use rustix::process::{Signal, kill_process};

use super::{CHAT_TUI, CHATD, SIZE, is_live, open, says};

/// The program with a panic in it.
const THAT_PANICS: &str = env!("CARGO_BIN_EXE_chat-tui-that-panics");

/// What the program asks of the terminal, and takes back: the other screen, marked pastes, tellings of the focus, no
/// cursor.
const MODES: [(&str, &str); 4] = [
    ("\u{1b}[?1049h", "\u{1b}[?1049l"),
    ("\u{1b}[?2004h", "\u{1b}[?2004l"),
    ("\u{1b}[?1004h", "\u{1b}[?1004l"),
    ("\u{1b}[?25l", "\u{1b}[?25h"),
];

async fn run(shell: &Terminal<'_>, program: &str, server: &Server, person: &Person) {
    shell.until("the prompt", |screen| screen.trim_end().ends_with('$')).await;
    shell.types(&format!("run {program} http://{} {}", server.door().address, person.email));
    shell.presses("Enter");
    shell.until("live", is_live).await;
}

/// Waits for the shell, which says how the program went; the terminal is as it was.
async fn is_as_it_was(shell: &Terminal<'_>, status: &str) -> String {
    let again = format!("shell again: {status}");
    let screen = shell.until(&again, |screen| screen.contains(&again)).await;
    eventually("all of it is recorded", async || shell.recording().contains(&again).then_some(())).await;
    let said = shell.recording();
    for (on, off) in MODES {
        let (on_at, off_at) = (said.rfind(on).expect("it was asked for"), said.rfind(off));
        assert!(off_at > Some(on_at), "{on:?} was not taken back");
    }
    shell.types("clear; stty -a");
    shell.presses("Enter");
    let modes = shell.until("its modes", |screen| screen.contains("icanon")).await;
    for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
        assert!(modes.split_whitespace().any(|word| word == mode), "no {mode}: {modes}");
    }
    screen
}

#[tokio::test]
async fn every_signal_that_ends_it_and_a_panic_leave_the_terminal_as_it_was() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let shell = tmux.shell("leo", SIZE);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        run(&shell, CHAT_TUI, &server, &leo).await;
        kill_process(shell.pid(), signal).expect("a signal");
        is_as_it_was(&shell, "0").await;
        shell.types("clear");
        shell.presses("Enter");
    }
    run(&shell, THAT_PANICS, &server, &leo).await;
    kill_process(shell.pid(), Signal::USR2).expect("a signal");
    let screen = is_as_it_was(&shell, "101").await;
    assert!(screen.contains("asked to, under test"), "what went wrong is told: {screen}");
}

#[tokio::test]
async fn who_suspends_it_comes_back_to_where_they_were() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conversation = ana.direct(&leo).await;
    ana.write(conversation, "Where is my order?").await;
    let shell = tmux.shell("leo", SIZE);
    run(&shell, CHAT_TUI, &server, &leo).await;
    shell.until("the question", |screen| screen.contains("Where is my order?")).await;
    shell.presses("Enter");
    shell.types("It left");
    shell.until("what is typed", |screen| screen.contains("It left")).await;
    shell.presses("C-z");
    is_as_it_was(&shell, "148").await;
    ana.write(conversation, "Never mind, it came.").await;
    shell.resize((120, 40));
    shell.types("fg");
    shell.presses("Enter");
    let all = |screen: &str| is_live(screen) && screen.contains("it came") && screen.contains("PEOPLE");
    let screen = shell.until("everything, at the new size", all).await;
    assert!(!screen.contains("icanon"), "what stood there meanwhile is gone: {screen}");
    says(&shell, " today").await;
    shell.until("what was sent", |screen| screen.contains("It left today") && !screen.contains("sending")).await;
}

#[tokio::test]
async fn where_nobody_could_say_fg_it_does_not_stop() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let at_leo = open(&tmux, &server, &leo, "leo");
    at_leo.until("live", is_live).await;
    at_leo.presses("C-z");
    let taken_twice = || at_leo.recording().matches(MODES[0].0).count() == 2;
    eventually("it takes the terminal again", async || taken_twice().then_some(())).await;
    at_leo.presses("F5");
    at_leo.presses("?");
    at_leo.until("the help", |screen| is_live(screen) && screen.contains("Keys")).await;
    assert!(!at_leo.recording().contains("\u{1b}[6n"), "it asks nothing that the terminal might not answer");
}

#[tokio::test]
async fn who_is_stopped_from_outside_draws_anew_when_it_goes_on() {
    let tmux = Tmux::new();
    let server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let shell = tmux.shell("leo", SIZE);
    run(&shell, CHAT_TUI, &server, &leo).await;
    kill_process(shell.pid(), Signal::STOP).expect("a signal");
    shell.until("the shell", |screen| screen.contains("Stopped")).await;
    // A plain shell leaves the terminal as the program had it: Enter is not the end of a line there.
    shell.types("fg");
    shell.presses("C-j");
    shell.until("live, and nothing else", |screen| is_live(screen) && !screen.contains("Stopped")).await;
    shell.presses("?");
    shell.until("the help", |screen| screen.contains("Keys")).await;
}

/// As when its window is closed.
#[tokio::test]
async fn it_ends_when_its_terminal_is_gone() {
    let server = Server::start(CHATD).await;
    let leo = server.door().person(Role::Agent, "leo").await;
    for _ in 0..8 {
        let tmux = Tmux::new();
        let at_leo = open(&tmux, &server, &leo, "leo");
        at_leo.until("live", is_live).await;
        let status = format!("/proc/{}/status", at_leo.pid());
        // It sees the end of its input and the signal at once when it goes on, as the system sees to for whoever is left.
        kill_process(at_leo.pid(), Signal::STOP).expect("a signal");
        drop(tmux);
        // Who was its parent is gone, and whoever has it now may not ask how it ended.
        let is_over = || std::fs::read_to_string(&status).map_or(true, |status| status.contains("State:\tZ"));
        eventually("it is over", async || is_over().then_some(())).await;
    }
}
