use std::time::Duration;

use chat_proto::Role;
use chat_tests::{InProcess, Options};
use chatcore::{Accepted, Limits};
use data_encoding::BASE64;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{NOTE, attach, dot, raw, refused, send, upload};

fn limited(change: impl FnOnce(&mut chatcore::AttachmentLimits)) -> Options {
    let mut limits = Limits::default();
    change(&mut limits.attachments);
    Options { limits, manual_clock: true, ..Options::default() }
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_and_while_it_comes() {
    let server = InProcess::start_with(limited(|limits| limits.bytes = 1_000)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let info = ana.get("/server").await;
    assert_eq!(info["limits"]["attachment_bytes"], 1_000);
    assert_eq!(attach(&ana, "a.txt", &[b'x'; 1_000]).await["size"], 1_000);
    assert_eq!(refused(&ana, "a.txt", &[b'x'; 1_001]).await, "too_large");
    // Nobody says how long it is.
    let mut chunked = String::from("3e9\r\n");
    chunked.push_str(&"x".repeat(1_001));
    chunked.push_str("\r\n0\r\n\r\n");
    let answer = raw(
        ana.address,
        &format!(
            "POST /api/v1/attachments?name=a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{chunked}",
            ana.token
        ),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("too_large"), "{answer}");
}

#[tokio::test]
async fn a_message_has_so_many_files() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conv = ana.direct(&leo).await;
    let mut files = Vec::new();
    for n in 0..11 {
        files.push(attach(&ana, &format!("{n}.txt"), NOTE).await);
    }
    let all: Vec<_> = files.iter().collect();
    assert_eq!(send(&ana, conv, "m1", "", &all).await.problem().code.as_str(), "too_many_attachments");
    let many: Vec<&serde_json::Value> = all.iter().copied().cycle().take(10_000).collect();
    let answer = send(&ana, conv, "m1", "", &many).await;
    assert_eq!((answer.status, answer.problem().code.as_str()), (413, "too_many_attachments"));
    let mut socket = ana.socket().await;
    let ids: Vec<_> = files.iter().map(|file| &file["id"]).collect();
    let frame = json!({"t": "send", "re": 1, "conv": conv, "client_id": "m1", "text": "", "attachments": ids});
    assert_eq!(socket.ask(&frame).await["code"], "too_many_attachments");
    let sent = send(&ana, conv, "m1", "", &all[..10]).await.ok();
    assert_eq!(sent["attachments"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn nobody_uploads_more_than_so_much_in_a_day() {
    let server = InProcess::start_with(limited(|limits| limits.bytes_per_day = 100)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    attach(&ana, "a.txt", &[b'x'; 60]).await;
    let answer = upload(&ana, "b.txt", &[b'y'; 60]).send(ana.address).await;
    assert_eq!(answer.problem().code.as_str(), "rate_limited");
    let wait: u64 = answer.header("retry-after").expect("when").parse().expect("seconds");
    assert!((1..=86_400).contains(&wait), "{wait}");
    // Others have a day of their own; what she takes back is not given back, or it would be no limit.
    attach(&leo, "b.txt", &[b'y'; 60]).await;
    attach(&ana, "c.txt", &[b'z'; 40]).await;
    assert_eq!(refused(&ana, "d.txt", b"d").await, "rate_limited");
    server.advance(Duration::from_secs(wait));
    let ana = server.door.sign_in(&ana.email).await;
    attach(&ana, "d.txt", &[b'd'; 100]).await;
}

#[tokio::test]
async fn kinds_are_taken_of_those_who_may_send_them() {
    let accepted = Accepted::default().of_role(Role::Customer, ["image/png"]);
    let server = InProcess::start_with(limited(|limits| limits.accepted = accepted)).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    attach(&leo, "a.txt", NOTE).await;
    attach(&ana, "dot.png", &dot()).await;
    assert_eq!(refused(&ana, "a.txt", NOTE).await, "unsupported_media_type");
    // Its name makes it no picture.
    assert_eq!(refused(&ana, "a.png", NOTE).await, "unsupported_media_type");
}

#[tokio::test]
async fn a_digest_that_is_said_is_verified() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let digest = |bytes: &[u8]| format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(bytes)));
    let said = |digest: String| upload(&ana, "a.txt", NOTE).header("Content-Digest", digest);
    assert_eq!(said(digest(NOTE)).send(ana.address).await.status, 201);
    for wrong in [digest(b"something else"), "sha-256=AAAA".to_owned(), "sha-256=:AAAA:".to_owned()] {
        assert_eq!(said(wrong).send(ana.address).await.problem().code.as_str(), "invalid");
    }
}
