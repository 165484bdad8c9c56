//! What people write reaches the screen as text and nothing else, whatever a server lets through.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use chat_proto::Role;
use chat_tests::{Door, Tmux, eventually};
use serde_json::{Value, json};

use crate::desk::Desk;

const USER: &str = "user_01kay8m2r3f9vvk1a2b3c4d5e6";
const CONVERSATION: &str = "conv_01kay8m2r3f9vvk1a2b3c4d5e6";
const AT: &str = "2026-01-02T03:04:05.678Z";

/// Moves the cursor, names the window, links, fills the clipboard, asks the terminal; reorders, hides, stacks.
fn hostile() -> String {
    let steering = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]8;;http://evil.test\u{1b}\\here\u{1b}]8;;\u{1b}\\\u{1b}]52;c;aGk=\u{7}\
                    \u{1b}[6n\u{9b}31m\u{90}q\u{9c}\r\u{8}\u{7f}\0";
    let hiding = "\u{202e}fdp.exe\u{202c}\u{2066}in\u{2069}\u{200f}L\u{200b}e\u{2060}o\u{feff}\u{ad}\u{e0041}\u{2028}";
    format!("{steering}{hiding}e{}\nchatctl: second\tline", "\u{301}".repeat(10_000))
}

/// Fails where there is anything that a terminal could obey or a reader not see.
#[track_caller]
fn is_text(what: &str, output: &str) {
    assert!(!output.is_empty(), "{what} says something");
    let bad = output.chars().find(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    });
    assert_eq!(bad, None, "{what}");
}

#[track_caller]
fn has_few_marks(what: &str, output: &str) {
    assert!(output.contains('\u{301}') && !output.contains(&"\u{301}".repeat(4)), "{what}");
}

/// A server that lets everything through; its URL. Its thread ends with the test's process.
fn server(text: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let text = text.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(&stream, &text);
        }
    });
    url
}

fn answer(mut stream: &TcpStream, text: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let asked = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for header in lines {
        if header?.is_empty() {
            break;
        }
    }
    let body = body(asked.split([' ', '?']).nth(1).unwrap_or_default(), text).to_string();
    let (status, length) = (if body == "null" { 404 } else { 200 }, body.len());
    write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn body(path: &str, text: &str) -> Value {
    let user = json!({"id": USER, "email": text, "name": text, "role": "agent", "created_at": AT, "version": 1});
    // An answer has 8 MiB at the most.
    let name: String = text.chars().take(20_000).collect();
    let person = json!({"id": USER, "name": name, "role": "agent"});
    let message = json!({
        "id": "msg_01kay8m2r3f9vvk1a2b3c4d5e6", "conversation_id": CONVERSATION, "seq": 1, "version": 1,
        "author": person, "kind": "message", "text": text, "created_at": AT
    });
    let participant = json!({
        "id": USER, "name": name, "role": "agent", "owner": true, "joined_at": AT, "read_seq": 0, "delivered_seq": 0
    });
    let conversation = json!({
        "id": CONVERSATION, "kind": "group", "subject": text, "participants": [participant], "participant_count": 1, "last_seq": 1,
        "last_message": message, "read_seq": 0, "unread": 1, "version": 1, "created_at": AT, "updated_at": AT,
        "receipts": true, "as_of": "x"
    });
    let session = json!({
        "id": "sess_01kay8m2r3f9vvk1a2b3c4d5e6", "created_at": AT, "last_used_at": AT, "expires_at": AT,
        "device": text, "current": false
    });
    let list = |item: &Value| json!({"items": [item, item], "next_cursor": null, "as_of": "x"});
    match path.strip_prefix("/api/v1").unwrap_or_default() {
        "/me" => user,
        "/users" => list(&user),
        "/conversations" => list(&conversation),
        "/policy" => json!({"items": [{"action": text, "roles": ["agent"], "relations": [text], "because": text}]}),
        path if path.ends_with("/sessions") => list(&session),
        path if path.ends_with("/messages") => {
            json!({"items": [message], "more_before": false, "more_after": false, "as_of": "x"})
        }
        path if path.starts_with("/users/") => user,
        path if path.starts_with("/conversations/") => conversation,
        _ => Value::Null,
    }
}

/// Somebody who is signed in there, as far as their own files say.
async fn in_front_of(url: &str) -> Desk {
    let desk = Desk::new().await;
    for (file, content) in [
        (".config/chatctl/config.toml", format!("default = \"x\"\n[profiles.x]\nserver = \"{url}\"\n")),
        (
            ".local/state/chatctl/credentials.toml",
            "[sessions.x]\naccess_token = \"x\"\nrefresh_token = \"x\"\nexpires_at = 9999999999\n".to_owned(),
        ),
    ] {
        let file = desk.file(file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, content).expect("a file");
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    }
    desk
}

const COMMANDS: &[&[&str]] = &[
    &["whoami"],
    &["user", "list"],
    &["user", "show", USER],
    &["user", "sessions", USER],
    &["conversation", "list"],
    &["conversation", "show", CONVERSATION],
    &["policy", "matrix"],
];

#[tokio::test]
async fn every_human_form_and_every_json_is_text() {
    let desk = in_front_of(&server(&hostile())).await;
    for command in COMMANDS {
        let what = command.join(" ");
        let shown = desk.run(command).await;
        is_text(&what, shown.ok());
        has_few_marks(&what, &shown.out);
        assert!(!shown.out.lines().any(|line| line.starts_with("chatctl:")), "{what}: a text passes for ours");
        let json = desk.run(&[command, &["--json"][..]].concat()).await;
        is_text(&what, json.ok());
        json.json();
    }
    let export = desk.run(&["conversation", "export", CONVERSATION]).await;
    is_text("export", export.ok());
    // What is asked and what fails is said on the screen too.
    for refused in [&["user", "disable", USER][..], &["user", "delete", USER], &["user", "show", "\u{1b}]0;x\u{7}"]] {
        let ran = desk.run(refused).await;
        assert_ne!(ran.code, Some(0));
        is_text("an error", &ran.err);
    }
}

#[tokio::test]
async fn a_line_of_a_megabyte_is_a_line() {
    let desk = in_front_of(&server(&"x".repeat(1 << 20))).await;
    for command in COMMANDS {
        assert!(desk.run(command).await.ok().len() > 1 << 20, "{command:?}: nothing is left out for a pipe");
    }
}

/// The same in a terminal, where tables are laid out: the window keeps its name, each row is one line.
#[tokio::test]
async fn a_terminal_shows_a_table_and_obeys_nothing() {
    let tmux = Tmux::new();
    for (name, text) in [("hostile", hostile()), ("long", "x".repeat(1 << 20))] {
        let desk = in_front_of(&server(&text)).await;
        let (home, program) = (desk.home.path().display(), env!("CARGO_BIN_EXE_chatctl"));
        // Goes on, so that the screen can be looked at.
        let script = format!(
            "unset XDG_STATE_HOME; HOME='{home}' '{program}' user list --no-color; echo ended $?; read -r line"
        );
        let terminal = tmux.start(name, (60, 12), "/bin/sh", &["-c", &script]);
        let screen = terminal.until("the table is there", |screen| screen.contains("ended 0")).await;
        assert!(screen.contains("2 users"), "{screen}");
        let lines: Vec<&str> = screen.lines().take(3).collect();
        assert!(lines[0].starts_with("NAME") && lines[1] == lines[2] && lines[1].ends_with("..."), "{name}: {screen}");
    }
}

#[tokio::test]
async fn what_is_told_live_is_text_too() {
    let desk = Desk::signed_in().await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let conversation = desk.server.door.sign_in(Door::ADMIN).await.direct(&ana).await;
    // As much of it as a message holds.
    let text: String = hostile().replace(&"\u{301}".repeat(10_000), &"\u{301}".repeat(7_000));
    for command in [
        &["conversation", "tail"][..],
        &["conversation", "tail", "--json"],
        &["event", "tail"],
        &["event", "tail", "--json"],
    ] {
        let mut child = desk.start(command);
        let mut out = child.stdout.take().expect("it is piped");
        let (sender, told) = std::sync::mpsc::sync_channel(1);
        let reader = std::thread::spawn(move || {
            let mut all = String::new();
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut part) {
                all.push_str(&String::from_utf8_lossy(&part[..read]));
                let _ = sender.try_send(());
            }
            all
        });
        let mut n = 0;
        eventually("it is told", async || {
            n += 1;
            let body = json!({"client_id": format!("{}-{n}", command.join("-")), "text": text});
            ana.call_with("POST", &format!("/conversations/{conversation}/messages"), &body).await.ok();
            told.try_recv().ok()
        })
        .await;
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let told = reader.join().expect("no panic");
        is_text(&command.join(" "), &told);
    }
}
