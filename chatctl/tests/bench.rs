//! `chatctl bench`, the real program, against a real server: each scenario in small.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chat_tests::{Door, InProcess, Options, PASSWORD};
use serde_json::Value;

/// How a run ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        serde_json::from_str(&self.stdout).expect("one JSON object")
    }
}

/// Runs `chatctl bench` with the password in its environment. The server lives on this test's thread, so the program
/// is waited for on another.
async fn bench(server: &InProcess, arguments: &[&str]) -> Ran {
    let mut command = chatctl(server, arguments);
    command.env("CHATCTL_PASSWORD", PASSWORD);
    finish(command, "").await
}

fn chatctl(server: &InProcess, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    let url = format!("http://{}", server.door.address);
    command.arg("bench").args(arguments).env_clear().env("CHATCTL_SERVER", url).env("CHATCTL_EMAIL", Door::ADMIN);
    command
}

async fn finish(mut command: Command, stdin: &'static str) -> Ran {
    let run = tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // One that reads nothing may be gone already.
        let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
        child.wait_with_output().expect("it ends")
    });
    let Output { status, stdout, stderr } = run.await.expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn number(figures: &Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or_else(|| panic!("no {name}: {figures}"))
}

#[track_caller]
fn assert_flawless(figures: &Value) {
    for fault in ["lost", "duplicated", "out_of_order", "unanswered", "refused", "broken", "strange"] {
        assert_eq!(figures[fault], 0, "{fault}: {figures}");
    }
}

/// That messages were acknowledged, came to everybody, and were measured.
#[track_caller]
fn assert_busy(figures: &Value) {
    assert_flawless(figures);
    let acked = number(figures, "acked");
    assert!(acked > 0.0 && number(figures, "deliveries") > acked, "{figures}");
    for latency in ["delivery_ms", "ack_ms"] {
        let latency = &figures[latency];
        assert!(number(latency, "p50") > 0.0 && number(latency, "p50") <= number(latency, "max"), "{latency}");
    }
}

#[tokio::test]
async fn support_is_measured_on_the_server_and_on_the_floor() {
    let server = InProcess::start().await;
    let pid = std::process::id().to_string();
    let report = bench(
        &server,
        &["support", "--conversations", "3", "--rate", "60", "--seconds", "1", "--warmup", "0", "--floor", "--json"]
            .into_iter()
            .chain(["--server-pid", &pid])
            .collect::<Vec<_>>(),
    )
    .await
    .json();
    for figures in [&report["figures"], &report["floor"]] {
        assert_busy(figures);
        assert_eq!(figures["connections"], 9);
        assert!(number(figures, "rss_kib") > 0.0);
    }
    assert_eq!(report["scenario"], "support");
    assert!(number(&report["figures"], "cpu_us_per_delivery") > 0.0, "this process ran the server");
}

#[tokio::test]
async fn a_room_is_measured_twice_with_the_same_people() {
    let server = InProcess::start().await;
    let arguments = ["room", "--connections", "8", "--rate", "40", "--seconds", "1", "--warmup", "1", "--json"];
    for _ in 0..2 {
        let report = bench(&server, &arguments).await.json();
        assert_busy(&report["figures"]);
        assert_eq!(report["figures"].get("cpu_us_per_delivery"), None, "nobody said which process it is");
    }
    let people =
        server.door.send(chat_tests::Request::new("GET", "/api/v1/directory?role=customer").token(&server.door.admin));
    let people = people.await.ok();
    assert_eq!(people["items"].as_array().expect("a list").len(), 7);
}

#[tokio::test]
async fn as_many_as_possible_is_more_than_one_at_a_time() {
    let server = InProcess::start().await;
    let ran = bench(&server, &["max", "--conversations", "4", "--seconds", "1", "--warmup", "0", "--json"]).await;
    assert_busy(&ran.json()["figures"]);
}

#[tokio::test]
async fn idle_connections_stand() {
    let server = InProcess::start().await;
    let ran = bench(&server, &["idle", "--connections", "30", "--seconds", "1", "--warmup", "0", "--json"]).await;
    let report = ran.json();
    assert_flawless(&report["figures"]);
    assert_eq!(report["figures"]["connections"], 30);
}

#[tokio::test]
async fn everybody_who_comes_back_is_told_what_they_missed() {
    let server = InProcess::start().await;
    let arguments = ["resume", "--connections", "10", "--missed", "3", "--others", "400", "--json"];
    let report = bench(&server, &arguments).await.json();
    let figures = &report["figures"];
    assert_flawless(figures);
    assert_eq!(figures["deliveries"], 30);
    assert!(number(&figures["back_ms"], "p50") >= number(&figures["told_ms"], "p50"));
}

#[tokio::test]
async fn connections_that_the_server_ends_are_told_and_make_it_fail() {
    let options = Options { access_ttl: Duration::from_secs(5), ..Options::default() };
    let server = InProcess::start_with(options).await;
    let arguments = ["support", "--conversations", "1", "--rate", "20", "--seconds", "6", "--warmup", "0", "--json"];
    let ran = bench(&server, &arguments).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(8), ""), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    assert_eq!(report["figures"]["broken"], 3);
    assert_eq!(report["figures"]["reason"], "closed with 4401: token_expired");
    assert!(number(&report["figures"], "unanswered") > 0.0, "messages were due after the end");
}

#[tokio::test]
async fn the_table_is_for_people_and_the_password_may_come_by_standard_input() {
    let server = InProcess::start().await;
    let arguments = ["max", "--conversations", "1", "--seconds", "1", "--warmup", "0", "--password-stdin"];
    let ran = finish(chatctl(&server, &arguments), "correct horse battery\n").await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for row in ["acknowledged sends /s", "delivery p50 ms", "lost                                 0"] {
        assert!(ran.stdout.contains(row), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("server CPU"), "{}", ran.stdout);
}

#[tokio::test]
async fn what_cannot_be_measured_is_refused_with_a_reason() {
    let server = InProcess::start().await;
    let without = finish(chatctl(&server, &["idle"]), "").await;
    assert_eq!(without.code, Some(2));
    assert!(without.stderr.contains("CHATCTL_PASSWORD"), "{}", without.stderr);

    let wrong = finish(chatctl(&server, &["idle", "--password-stdin"]), "not the password\n").await;
    assert_eq!(wrong.code, Some(4));
    assert!(wrong.stderr.contains("invalid_credentials"), "{}", wrong.stderr);

    let nobody = bench(&server, &["room", "--server-pid", "4194304"]).await;
    assert_eq!(nobody.code, Some(1), "beyond the greatest number of a process: {nobody:?}");

    let elsewhere = bench(&server, &["idle", "--server", "http://127.0.0.1:1"]).await;
    assert_eq!(elsewhere.code, Some(7), "{elsewhere:?}");
}
