//! How the program starts and ends.

use std::time::Duration;

use chat_proto::Role;
use chat_tests::{PASSWORD, Server, run};
use serde_json::json;
use tokio::time::timeout;

use crate::CHATD;

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_turned_away() {
    let server = Server::start(CHATD).await;
    let folder = server.data_dir();
    let folder = folder.to_str().expect("a plain path");
    let second = run(CHATD, &["serve", "--listen", "127.0.0.1:0", "--data-dir", folder], &[]).await;
    assert_eq!(second.code, Some(75), "{second:?}");
    assert!(second.stdout.is_empty(), "{second:?}");
    let said: Vec<&str> = second.stderr.lines().collect();
    let [sentence] = said[..] else {
        panic!("not one line: {second:?}");
    };
    assert!(sentence.starts_with("chatd: Another program has the data folder open"), "{sentence}");
    // The first goes on.
    assert_eq!(server.door().send(chat_tests::Request::new("GET", "/readyz")).await.status, 200);
}

#[tokio::test]
async fn a_wrong_configuration_exits_78_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chatd.toml");
    std::fs::write(&file, "listenn = \"127.0.0.1:1\"\n").expect("a file");
    let file = file.to_str().expect("a plain path");
    let file_flag = ["serve", "--config", file];
    let data = folder.path().join("data");
    let data = data.to_str().expect("a plain path");
    let missing = folder.path().join("none");
    let missing = missing.to_str().expect("a plain path");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    for (what, arguments, settings) in [
        ("did you mean `listen`", &file_flag[..], vec![]),
        ("CHATD_LISTENN", &serve, vec![("CHATD_LISTENN", "x")]),
        ("public_url", &["serve", "--listen", "0.0.0.0:0"], vec![]),
        ("jwt_secret", &serve, vec![("JWT_SECRET", "secret")]),
        ("chatctl import mongo", &serve, vec![("DATABASE", "mongodb+srv://shop:hunter2@db.test/chat")]),
        ("chatctl import mongo", &["config", "check"], vec![("DATABASE", "mongodb://shop:hunter2@db.test/chat")]),
        ("log.level", &serve, vec![("CHATD_LOG__LEVEL", "a=b=c")]),
        (
            missing,
            &serve,
            vec![("CHATD_BOOTSTRAP__ADMIN_EMAIL", "a@shop.test"), ("CHATD_BOOTSTRAP__ADMIN_PASSWORD_FILE", missing)],
        ),
    ] {
        let refused = run(CHATD, arguments, &settings).await;
        assert_eq!(refused.code, Some(78), "{what}: {refused:?}");
        assert!(refused.stderr.contains(what), "{what}: {refused:?}");
        assert!(!refused.stderr.contains("panicked"), "{refused:?}");
        assert!(!refused.stderr.contains("hunter2") && !refused.stderr.contains("db.test"), "{refused:?}");
    }
}

#[tokio::test]
async fn the_configuration_can_be_printed_shown_and_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let default = run(CHATD, &["config", "default"], &[]).await;
    assert_eq!(default.code, Some(0), "{default:?}");
    assert!(default.stdout.contains("listen = \"127.0.0.1:9000\""), "{default:?}");

    // The printed defaults are a configuration.
    let file = folder.path().join("chatd.toml");
    std::fs::write(&file, &default.stdout).expect("a file");
    let file = file.to_str().expect("a plain path");
    let check = run(CHATD, &["config", "check", "--config", file], &[]).await;
    assert_eq!((check.code, check.stdout.as_str()), (Some(0), "The configuration is good.\n"), "{check:?}");

    let secret = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let settings = [("JWT_SECRET", secret), ("CHATD_LISTEN", "127.0.0.1:7001")];
    let show = run(CHATD, &["config", "show", "--config", file], &settings).await;
    assert_eq!(show.code, Some(0), "{show:?}");
    assert!(show.stdout.contains("127.0.0.1:7001") && show.stdout.contains("CHATD_LISTEN"), "{show:?}");
    assert!(!show.stdout.contains(secret) && !show.stderr.contains(secret), "{show:?}");

    let bad = run(CHATD, &["config", "check", "--listen", "nowhere"], &[]).await;
    assert_eq!(bad.code, Some(78), "{bad:?}");
}

#[tokio::test]
async fn the_demo_listens_on_this_machine_only() {
    let settings = [("CHATD_PUBLIC_URL", "https://chat.shop.test")];
    let refused = run(CHATD, &["serve", "--demo", "--listen", "0.0.0.0:0"], &settings).await;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("only listens on 127.0.0.1"), "{refused:?}");
}

#[tokio::test]
async fn sigterm_ends_in_order_and_tells_the_sockets_to_come_back() {
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let order = ana.direct(&leo).await;
    let mut talking = ana.socket().await;
    let mut silent = leo.socket().await;
    // One that has not said hello must not hold the shutdown up.
    let mut mute = chat_tests::Socket::connect(server.door().address).await;
    talking.say(&json!({"t": "send", "re": 1, "conv": order, "client_id": "last", "text": "last"})).await;
    talking.until_t("ok").await;
    server.terminate();
    for socket in [&mut talking, &mut silent] {
        let (frames, code) = socket.end().await;
        let bye = frames.last().expect("a last word");
        assert_eq!(code, Some(4503), "{frames:?}");
        assert_eq!(bye["t"], "bye", "{frames:?}");
        assert_eq!((&bye["code"], &bye["reconnect"]), (&json!(4503), &json!(true)), "{bye}");
        assert!(bye["after_ms"].as_u64().is_some_and(|wait| wait > 0), "{bye}");
    }
    let status = timeout(Duration::from_secs(10), server.exited()).await;
    assert_eq!(status.expect("it ends within 10 s").code(), Some(0));
    mute.end().await;

    server.spawn();
    server.ready().await;
    let page = ana.at(server.door()).get(&format!("/conversations/{order}/messages")).await;
    assert_eq!(page["items"][0]["text"], "last", "what was acknowledged is there");
    // The same admin is not made twice, and can sign in.
    let admin = server.door().sign_in(chat_tests::Door::ADMIN).await;
    assert_eq!(admin.role, Role::Admin, "{PASSWORD}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_stored_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Server::start(CHATD).await;
    let folder = server.data_dir();
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let owner_only = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), owner_only, "{}", path.display());
    }
}

/// security.md 44 and 45: what the server makes and holds is its owner's alone.
#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "the limits of a process are asked of /proc")]
async fn threat_44_what_others_on_the_machine_could_read_is_taken_out_of_their_reach() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let allow = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    let mut server = Server::start(CHATD).await;
    let told = |server: &Server, words: &str| server.log().iter().filter(|line| line.contains(words)).count();
    let words = ["others could read the server's key", "Others can look into the data folder"];
    assert_eq!(words.map(|words| told(&server, words)), [0, 0]);
    let of_process = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", server.pid())).expect("readable");
    assert!(of_process("status").contains("Umask:\t0077"), "{}", of_process("status"));
    let limits = of_process("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");

    let (folder, key) = (server.data_dir(), server.data_dir().join("server.key"));
    server.terminate();
    server.exited().await;
    allow(&key, 0o644);
    allow(&folder, 0o755);
    server.spawn();
    server.ready().await;
    assert_eq!((mode(&key), mode(&folder)), (0o600, 0o755), "the folder may be open on purpose");
    assert_eq!(words.map(|words| told(&server, words)), [1, 1]);
    server.restart().await;
    assert_eq!(words.map(|words| told(&server, words)), [1, 2]);
}
