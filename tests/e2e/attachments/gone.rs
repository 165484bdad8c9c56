use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_proto::Role;
use chat_tests::{InProcess, Options, Server, eventually};
use serde_json::{Value, json};

use super::{NOTE, attach, dot, download, send};
use crate::CHATD;

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_the_disk_unless_somebody_else_needs_it() {
    let server = Server::start(CHATD).await;
    let door = server.door();
    let ana = door.person(Role::Customer, "ana").await;
    let leo = door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let folder = server.data_dir().join("attachments");
    let (first, second) = (attach(&ana, "a.txt", NOTE).await, attach(&leo, "b.txt", NOTE).await);
    let picture = attach(&ana, "dot.png", &dot()).await;
    // Its thumbnail may be the same content.
    let kept = files(&folder).len();
    assert!((2..=3).contains(&kept), "{:?}", files(&folder));
    assert!(kept == files(&folder.join("contents")).len(), "nothing else is left");
    private(&server.data_dir());

    let one = send(&ana, conv, "m1", "", &[&first, &picture]).await.ok();
    let other = send(&leo, conv, "l1", "", &[&second]).await.ok();
    let path = |message: &Value| format!("/conversations/{conv}/messages/{}", message["id"].as_str().expect("an id"));
    let left = ana.call("DELETE", &path(&one)).await.ok();
    assert_eq!(left.get("attachments"), None, "{left}");
    for gone in [&first, &picture] {
        assert_eq!(download(&ana, gone).await.status, 404);
    }
    eventually("the picture is off the disk", async || (files(&folder).len() == 1).then_some(())).await;
    assert_eq!(download(&ana, &second).await.body, NOTE);
    leo.call("DELETE", &path(&other)).await.ok();
    eventually("all is off the disk", async || files(&folder).is_empty().then_some(())).await;
}

/// Nobody else on this machine can look into any of it.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    assert_eq!(mode(&folder.join("attachments")), 0o700);
    for file in files(&folder.join("attachments")) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn what_nobody_sends_is_forgotten_after_a_day() {
    let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let (unsent, sent) = (attach(&ana, "unsent.txt", NOTE).await, attach(&ana, "sent.txt", NOTE).await);
    send(&ana, conv, "m1", "", &[&sent]).await.ok();
    server.advance(Duration::from_hours(23));
    let ana = server.door.sign_in(&ana.email).await;
    assert_eq!(download(&ana, &unsent).await.body, NOTE);
    let later = attach(&ana, "later.txt", NOTE).await;
    server.advance(Duration::from_hours(1) + Duration::from_mins(1));
    let ana = server.door.sign_in(&ana.email).await;
    eventually("it is forgotten", async || {
        // The clock is turned on, since it is looked only every ten minutes.
        server.advance(Duration::from_secs(1));
        (download(&ana, &unsent).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(send(&ana, conv, "m2", "", &[&unsent]).await.problem().code.as_str(), "invalid");
    for there in [&sent, &later] {
        assert_eq!(download(&ana, there).await.body, NOTE);
    }
    assert_eq!(send(&ana, conv, "m3", "", &[&later]).await.ok()["attachments"], json!([later]));
}
