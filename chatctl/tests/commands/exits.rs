//! Every exit code of the table, reached.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::sync_channel;

use chat_proto::{ConversationId, Role};
use chat_tests::{Door, PASSWORD, Person, eventually};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};

use crate::desk::Desk;

#[tokio::test]
async fn each_way_to_end_has_its_code() {
    let desk = Desk::signed_in().await;
    desk.server.door.person(Role::Agent, "leo").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let nobody = format!("http://{closed}");
    let create = |email: &'static str| ["user", "create", email, "--role", "agent", "--password-stdin"];
    for (code, arguments, stdin) in [
        (0, &["whoami"][..], ""),
        (1, &create("mia@shop.test"), "password1"),
        (2, &["user"], ""),
        (2, &["user", "list", "--role", "king"], ""),
        (2, &["user", "disable", "leo@shop.test"], ""),
        (3, &["user", "delete", "leo@shop.test", "--confirm", "Leo"], ""),
        (4, &["whoami", "--server", "http://127.0.0.2:9"], ""),
        (5, &["user", "show", "nobody@shop.test"], ""),
        (6, &create("leo@shop.test"), PASSWORD),
        (7, &["status", "--server", &nobody], ""),
        (8, &["policy", "can", "customer", "manage_users"], ""),
        (9, &["user", "disable", "leo@shop.test", "nobody@shop.test", Door::ADMIN, "--yes"], ""),
    ] {
        let ran = desk.run_with(arguments, stdin).await;
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert_eq!(ran.err.is_empty(), matches!(code, 0 | 8), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn several_at_once_are_done_as_far_as_they_can_be() {
    let desk = Desk::signed_in().await;
    for name in ["ana", "bo"] {
        desk.server.door.person(Role::Customer, name).await;
    }
    let ran = desk.run(&["user", "disable", "ana@shop.test", "nobody@shop.test", "bo@shop.test", "--yes"]).await;
    assert_eq!(ran.code, Some(9), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().map(|line| line.split('.').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["Disabled ana", "Disabled bo"]);
    assert_eq!(ran.err, "chatctl: nobody@shop.test: There is no account nobody@shop.test.\n");
    let ran = desk.run(&["user", "enable", "ana@shop.test", "bo@shop.test", "nobody@shop.test", "--json"]).await;
    assert_eq!(ran.code, Some(9), "{ran:?}");
    let done: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&done["items"][0]["state"], &done["items"][1]["name"]), (&"active".into(), &"bo".into()));
    let failed: serde_json::Value = serde_json::from_str(&ran.err).expect("JSON");
    assert_eq!((&failed["what"], &failed["problem"]["exit_code"]), (&"nobody@shop.test".into(), &5.into()));
    let all = desk.run(&["user", "revoke-sessions", "ana@shop.test", "bo@shop.test", "--yes"]).await;
    assert_eq!(all.ok(), "Signed ana out everywhere.\nSigned bo out everywhere.\n");
    let none = desk.run(&["user", "enable", "no@shop.test", "nobody@shop.test"]).await;
    assert_eq!(none.code, Some(5), "nothing was done: {none:?}");
}

/// A command that goes on, the first line that it printed, and where the others come from.
pub(crate) async fn tailing(
    desk: &Desk,
    command: &[&str],
    ana: &Person,
    conversation: ConversationId,
) -> (Child, String, BufReader<ChildStdout>) {
    let mut child = desk.start(command);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let (sender, told) = sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = lines.read_line(&mut line);
        assert!(read.is_ok_and(|bytes| bytes > 0), "it ended without a line");
        sender.send((line, lines))
    });
    let begun = child.id();
    let mut ana = ana.clone();
    let mut n = 0;
    let (first, lines) = eventually("an event is told", async || {
        n += 1;
        let sent = ana.write(conversation, &format!("message {begun} {n}")).await;
        if sent.status == 401 {
            // Her token may be as short as that of the command.
            ana = desk.server.door.sign_in(&ana.email).await;
        } else {
            sent.ok();
        }
        told.try_recv().ok()
    })
    .await;
    (child, first, lines)
}

pub(crate) fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::INT).expect("a signal");
}

fn what_it_said(child: &mut Child) -> String {
    let mut said = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("text");
    said
}

pub(crate) async fn ended(child: &mut Child) -> Option<i32> {
    eventually("it ends", async || child.try_wait().expect("a process")).await.code()
}

#[tokio::test]
async fn ctrl_c_and_a_reader_that_has_heard_enough_end_it_quietly() {
    let desk = Desk::signed_in().await;
    let ana = desk.server.door.person(Role::Customer, "ana").await;
    let conversation = desk.server.door.sign_in(Door::ADMIN).await.direct(&ana).await;

    let (mut child, _, _lines) = tailing(&desk, &["event", "tail"], &ana, conversation).await;
    interrupt(&child);
    assert_eq!((ended(&mut child).await, what_it_said(&mut child)), (Some(130), String::new()));

    let (mut child, _, lines) = tailing(&desk, &["event", "tail"], &ana, conversation).await;
    drop(lines);
    let mut n = 0;
    let status = eventually("it ends", async || {
        n += 1;
        ana.write(conversation, &format!("unread {n}")).await.ok();
        child.try_wait().expect("a process")
    })
    .await;
    assert_eq!((status.code(), what_it_said(&mut child)), (Some(141), String::new()));
}

/// Waits until the program does something of its own at Ctrl-C.
async fn hears_ctrl_c(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    let hears = async || {
        let status = std::fs::read_to_string(&status).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("its signals");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("a mask");
        (caught & 1 << (Signal::INT.as_raw() - 1) != 0).then_some(())
    };
    eventually("it hears of Ctrl-C", hears).await;
}

#[tokio::test]
async fn ctrl_c_ends_what_waits_for_its_input() {
    let desk = Desk::signed_in().await;
    let url = desk.url();
    for command in [
        &["login", &url, "--email", "ana@shop.test", "--password-stdin"][..],
        &["user", "create", "ana@shop.test", "--role", "agent", "--password-stdin"],
        &["conversation", "send", "conv_01k9w2fxgre00v5sm7f3n1g8qt", "--text", "-"],
        &["attachment", "upload", "-"],
    ] {
        let mut child = desk.start_with(command, Stdio::piped());
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(b"half a line").expect("it reads");
        let is_taken = async || ioctl_fionread(&input).is_ok_and(|left| left == 0).then_some(());
        eventually("it reads", is_taken).await;
        hears_ctrl_c(&child).await;
        interrupt(&child);
        assert_eq!((ended(&mut child).await, what_it_said(&mut child)), (Some(130), String::new()), "{command:?}");
    }
}
