use chat_proto::Role;
use chat_tests::{Answer, InProcess, Person};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::{NOTE, download, raw};

const KIND: &str = "multipart/form-data; boundary=edge";

async fn form(who: &Person, body: &[u8]) -> Answer {
    who.request("POST", "/attachments").text(KIND, body).send(who.address).await
}

fn part(head: &str, bytes: &[u8]) -> Vec<u8> {
    [b"--edge\r\n", head.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat()
}

#[tokio::test]
async fn a_form_with_one_file_is_an_upload() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"../note.txt\"\r\nContent-Type: image/png";
    let file = part(head, NOTE);
    let end = &b"--edge--\r\n"[..];
    let kept = form(&ana, &[&file, end].concat()).await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let kept = kept.ok();
    assert_eq!((kept["name"].as_str(), kept["media_type"].as_str()), (Some("note.txt"), Some("text/plain")));
    assert_eq!(download(&ana, &kept).await.body, NOTE);

    let digest = |bytes: &[u8]| format!("Content-Digest: sha-256=:{}:", BASE64.encode(&Sha256::digest(bytes)));
    let digested = |of: &[u8]| [&part(&format!("{head}\r\n{}", digest(of)), NOTE), end].concat();
    assert_eq!(form(&ana, &digested(NOTE)).await.status, 201);
    let named = part("Content-Disposition: form-data; name=\"other\"; filename=\"a.txt\"", NOTE);
    for (what, body) in [
        ("another digest", digested(b"other")),
        ("another name", [&named, end].concat()),
        ("two files", [&file, &file, end].concat()),
        ("a part behind it", [&file, &named, end].concat()),
        ("no end", file.clone()),
        ("nothing", end.to_vec()),
        ("no parts", NOTE.to_vec()),
        ("an empty file", [&part(head, b""), end].concat()),
    ] {
        let answer = form(&ana, &body).await;
        assert_eq!(answer.problem().code.as_str(), "invalid", "{what}: {}", answer.text());
    }
    let unbounded = ana.request("POST", "/attachments").text("multipart/form-data", file).send(ana.address).await;
    assert_eq!(unbounded.problem().code.as_str(), "invalid");
}

/// All of it would have to be held until it ends.
#[tokio::test]
async fn a_form_whose_part_has_no_end_to_its_head_is_refused_while_it_comes() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let head = format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; x=\"{}", "x".repeat(3 << 20));
    for path in ["/api/v1/attachments", "/api/chat/messages"] {
        // Its end does not come either.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: {KIND}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{head}\r\n",
            ana.token,
            head.len()
        );
        let answer = raw(ana.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
}
