//! Files in an object store: the program as it is shipped, and a server that checks signatures.

use std::path::PathBuf;

use chat_proto::Role;
use chat_tests::{Bucket, Server, eventually, run};
use serde_json::Value;

use super::gone::files;
use super::made::{jpeg, noisy};
use super::{NOTE, attach, download, id, messages, send, upload};
use crate::CHATD;

const STORE: (&str, &str) = ("CHATD_ATTACHMENTS__STORE", "s3://mugs/chat");
const ACCESS_KEY: (&str, &str) = ("CHATD_ATTACHMENTS__S3__ACCESS_KEY", Bucket::ACCESS_KEY);
const SECRET_KEY: (&str, &str) = ("CHATD_ATTACHMENTS__S3__SECRET_KEY", Bucket::SECRET_KEY);
/// What the log tells of a request that needed it.
const AWAY: &str = r#""message":"a request failed","code":"unavailable""#;

async fn server(bucket: &Bucket) -> Server {
    let endpoint = bucket.endpoint();
    let endpoint = ("CHATD_ATTACHMENTS__S3__ENDPOINT", endpoint.as_str());
    Server::start_with(CHATD, &[STORE, endpoint, ACCESS_KEY, SECRET_KEY]).await
}

/// Files beside the database, but for the mark of the server.
fn left_here(server: &Server) -> Vec<PathBuf> {
    let folder = server.data_dir().join("attachments");
    files(&folder).into_iter().filter(|file| *file != folder.join("mark")).collect()
}

fn deleted(message: &Value) -> String {
    let conv = message["conversation_id"].as_str().expect("a conversation");
    format!("/conversations/{conv}/messages/{}", message["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn files_lie_in_the_bucket_and_nowhere_else() {
    let bucket = Bucket::start().await;
    let mut server = server(&bucket).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let note = attach(&ana, "a.txt", NOTE).await;
    let picture = attach(&ana, "mug.jpg", &jpeg(&noisy(800, 600, 40), 80)).await;
    let name = note["sha256"].as_str().expect("a digest");
    let objects = bucket.objects();
    assert_eq!(objects.len(), 3, "a note, a picture and a small one: {objects:?}");
    assert!(objects.contains(&format!("chat/contents/{}/{}/{name}", &name[..2], &name[2..4])), "{objects:?}");
    let message = send(&ana, conv, "m1", "", &[&note, &picture]).await.ok();

    server.restart().await;
    let (ana, leo) = (server.door().sign_in(&ana.email).await, server.door().sign_in(&leo.email).await);
    assert_eq!(download(&leo, &note).await.body, NOTE);
    let part = leo.request("GET", &format!("/attachments/{}", id(&note))).header("Range", "bytes=4-7");
    let part = part.send(leo.address).await;
    assert_eq!((part.status, &*part.body), (206, &NOTE[4..8]));
    let small = leo.call("GET", &format!("/attachments/{}/thumbnail", id(&picture))).await;
    assert_eq!((small.status, image::load_from_memory(&small.body).expect("a picture").width()), (200, 320));
    assert!(left_here(&server).is_empty(), "nothing is left on this machine");

    ana.call("DELETE", &deleted(&message)).await.ok();
    eventually("all is out of the bucket", async || bucket.objects().is_empty().then_some(())).await;
    assert_eq!(download(&leo, &note).await.status, 404);
}

#[tokio::test]
async fn while_the_bucket_is_away_files_wait_and_messages_do_not() {
    let mut bucket = Bucket::start().await;
    let mut server = server(&bucket).await;
    server.expect_in_log(r#""status":507"#);
    server.expect_in_log(r#""code":"storage_full""#);
    server.expect_in_log(AWAY);
    let ana = server.door().person(Role::Customer, "ana").await;
    let leo = server.door().person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let before = attach(&ana, "a.txt", NOTE).await;
    let sent = send(&ana, conv, "m1", "", &[&before]).await.ok();

    bucket.away().await;
    for answer in [upload(&ana, "b.txt", b"Another").send(ana.address).await, download(&leo, &before).await] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{}", answer.text());
        assert_eq!(answer.problem().code.as_str(), "unavailable");
    }
    send(&ana, conv, "m2", "Did you get it?", &[]).await.ok();
    // It is gone for people at once, and out of the bucket when that can be asked.
    ana.call("DELETE", &deleted(&sent)).await.ok();
    assert_eq!(messages(&leo, conv).await.len(), 2);
    assert!(left_here(&server).is_empty(), "what failed leaves nothing");

    bucket.back().await;
    let after = attach(&ana, "b.txt", b"Another").await;
    send(&ana, conv, "m3", "", &[&after]).await.ok();
    assert_eq!(download(&leo, &after).await.body, b"Another");
    server.restart().await;
    eventually("what was deleted goes now", async || (bucket.objects().len() == 1).then_some(())).await;

    bucket.refuse("PUT", 507, "XMinioStorageFull");
    let full = upload(&ana, "c.txt", b"A third").send(server.door().address).await;
    assert_eq!((full.status, full.problem().code.as_str()), (507, "storage_full"), "{}", full.text());
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_stops_the_start() {
    let bucket = Bucket::start().await;
    let endpoint = bucket.endpoint();
    let endpoint = ("CHATD_ATTACHMENTS__S3__ENDPOINT", endpoint.as_str());
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("a plain path")];
    let other = ("CHATD_ATTACHMENTS__STORE", "s3://cups");
    for (what, settings) in [
        ("ATTACHMENTS__STORE: `mugs` is no bucket", vec![("CHATD_ATTACHMENTS__STORE", "mugs")]),
        ("`attachments.s3.access_key` and `attachments.s3.secret_key`", vec![STORE, endpoint, ACCESS_KEY]),
        (
            "ATTACHMENTS__S3__ENDPOINT: what people send",
            vec![STORE, ACCESS_KEY, SECRET_KEY, ("CHATD_ATTACHMENTS__S3__ENDPOINT", "http://s3.shop.test")],
        ),
        ("files would lie in the data folder. Set `attachments.store`", vec![endpoint]),
        (
            "attachments.s3.access_key: the object store does not take",
            vec![STORE, endpoint, ACCESS_KEY, ("CHATD_ATTACHMENTS__S3__SECRET_KEY", "hunter2")],
        ),
        (
            "attachments.s3.access_key: the object store does not take",
            vec![STORE, endpoint, ("AWS_ACCESS_KEY_ID", "somebody"), ("AWS_SECRET_ACCESS_KEY", "hunter2")],
        ),
        ("attachments.store: there is no bucket `cups`", vec![other, endpoint, ACCESS_KEY, SECRET_KEY]),
    ] {
        let refused = run(CHATD, &serve, &settings).await;
        assert_eq!(refused.code, Some(78), "{what}: {refused:?}");
        assert!(refused.stderr.contains(what), "{what}: {refused:?}");
        assert!(!refused.stderr.contains("hunter2") && !refused.stderr.contains("panicked"), "{refused:?}");
    }
    bucket.refuse("PUT", 403, "AccessDenied");
    let refused = run(CHATD, &serve, &[STORE, endpoint, ACCESS_KEY, SECRET_KEY]).await;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(
        refused.stderr.contains("attachments.s3.access_key: the access key may not do in the bucket `mugs`"),
        "{refused:?}"
    );
    assert!(bucket.objects().is_empty(), "trying leaves nothing");
}

#[tokio::test]
async fn another_servers_prefix_is_left_alone() {
    let bucket = Bucket::start().await;
    let mut server = server(&bucket).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let kept = attach(&ana, "a.txt", NOTE).await;

    let endpoint = bucket.endpoint();
    let endpoint = ("CHATD_ATTACHMENTS__S3__ENDPOINT", endpoint.as_str());
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("a plain path")];
    let refused = run(CHATD, &serve, &[STORE, endpoint, ACCESS_KEY, SECRET_KEY]).await;
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("belongs to another server, by its object `owner`"), "{refused:?}");

    server.restart().await;
    let ana = server.door().sign_in(&ana.email).await;
    assert_eq!(download(&ana, &kept).await.body, NOTE);
    assert_eq!(bucket.objects().len(), 1);
}

#[tokio::test]
async fn a_bucket_that_is_away_does_not_stop_the_start_and_the_variables_of_aws_count() {
    let mut bucket = Bucket::start().await;
    let endpoint = bucket.endpoint();
    bucket.away().await;
    let aws = [
        STORE,
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", Bucket::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", Bucket::SECRET_KEY),
    ];
    let mut server = Server::start_with(CHATD, &aws).await;
    server.expect_in_log(AWAY);
    let log = server.log();
    assert!(log.iter().any(|line| line.contains("the object store cannot be reached")), "{log:#?}");
    let ana = server.door().person(Role::Customer, "ana").await;
    assert_eq!(upload(&ana, "a.txt", NOTE).send(ana.address).await.problem().code.as_str(), "unavailable");
    bucket.back().await;
    let kept = attach(&ana, "a.txt", NOTE).await;
    assert_eq!((download(&ana, &kept).await.body, bucket.objects().len()), (NOTE.to_vec(), 1));
}
