//! `chatctl --data-dir`: the first admin of a shop whose server has never run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chat_tests::PASSWORD;
use chatcore::{Chat, Role};

async fn run(folder: &Path, arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    command.arg("--data-dir").arg(folder).args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let stdin = stdin.to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the program starts");
        // One that reads nothing may be gone already.
        let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
        child.wait_with_output().expect("it ends")
    });
    let Output { status, stdout, stderr } = run.await.expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

const MIA: [&str; 8] =
    ["user", "create", "mia@shop.example", "--role", "admin", "--name", "Mia Lind", "--password-stdin"];

#[tokio::test]
async fn the_first_admin_is_made_before_the_server_has_ever_run() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("data");
    let (code, _, err) = run(&folder, &["user", "show", "mia@shop.example"], "").await;
    assert_eq!(code, Some(5), "{err}");
    assert!(!folder.exists(), "looking makes nothing");

    let (code, out, err) = run(&folder, &MIA, PASSWORD).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("Created user_") && out.ends_with(" Mia Lind (admin).\n"), "{out}");
    assert!(err.contains("is a new data folder"), "{err}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&folder).expect("a folder").permissions());
    assert_eq!(mode & 0o777, 0o700);
    let (code, _, err) = run(&folder, &MIA, PASSWORD).await;
    assert_eq!(code, Some(6), "{err}");
    let (code, out, _) = run(&folder, &["user", "show", "MIA@shop.example", "--json"], "").await;
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).expect("JSON")["role"], "admin");

    let chat = Chat::open(&folder).await.expect("it opens");
    let signed_in = chat.login("mia@shop.example", PASSWORD.to_owned()).await.expect("she signs in");
    assert_eq!((signed_in.user.role, &*signed_in.user.name), (Role::Admin, "Mia Lind"));
    assert!(chat.has_admin().await.expect("readable"));
    chat.close(Duration::from_secs(10)).await.expect("it closes");
}

#[tokio::test]
async fn a_folder_that_a_server_has_open_is_told_in_one_sentence() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("data");
    let chat = Chat::open(&folder).await.expect("it opens");
    for (arguments, stdin) in [(&MIA[..], PASSWORD), (&["user", "show", "mia@shop.example"], "")] {
        let (code, out, err) = run(&folder, arguments, stdin).await;
        assert_eq!((code, out.as_str()), (Some(7), ""), "{err}");
        let expected = format!(
            "chatctl: chatd has {} open: leave --data-dir away to ask it, or stop it first.\n",
            folder.display()
        );
        assert_eq!(err, expected);
    }
    chat.close(Duration::from_secs(10)).await.expect("it closes");
}

#[tokio::test]
async fn what_does_not_go_offline_says_what_does() {
    let home = tempfile::tempdir().expect("a folder");
    for arguments in [&["user", "list"][..], &["status"], &["user", "disable", "a@b.c", "--yes"], &["whoami"]] {
        let (code, out, err) = run(home.path(), arguments, "").await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains("`user create`, `user show` and `import`"), "{err}");
    }
    let (code, _, err) = run(home.path(), &MIA[..MIA.len() - 1], PASSWORD).await;
    assert_eq!(code, Some(2), "nobody can be asked: {err}");
    assert!(err.contains("--password-stdin"), "{err}");
}

#[tokio::test]
async fn what_is_refused_leaves_no_folder_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("new/data");
    let no_address = ["user", "create", "mia", "--role", "admin", "--password-stdin"];
    for (arguments, stdin) in [(&no_address[..], PASSWORD), (&MIA, "password1"), (&MIA, "")] {
        let (code, _, err) = run(&folder, arguments, stdin).await;
        assert!(matches!(code, Some(1 | 2)), "{err}");
        assert!(!home.path().join("new").exists(), "{arguments:?}");
    }
}
