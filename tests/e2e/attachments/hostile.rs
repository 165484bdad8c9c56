use chat_proto::Role;
use chat_tests::{InProcess, Server, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::gone::files;
use super::{NOTE, attach, dot, download, refused};
use crate::CHATD;

#[tokio::test]
async fn a_name_is_data_and_no_place() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for (given, kept) in [
        ("../../../etc/passwd", "passwd.txt"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("invoice.pdf.exe", "invoice.pdf.exe.txt"),
        ("a\u{202e}txt.exe", "atxt.exe.txt"),
        ("x\r\nSet-Cookie: a=b.txt", "xSet-Cookie a=b.txt"),
        ("", "file.txt"),
    ] {
        let file = attach(&ana, given, NOTE).await;
        assert_eq!(file["name"], kept, "{given:?}");
        let answer = download(&ana, &file).await;
        let header = answer.header("content-disposition").expect("a name");
        assert!(header.starts_with("attachment; filename=\"") && answer.header("set-cookie").is_none(), "{header}");
    }
    let long = attach(&ana, &format!("{}.txt", "ü".repeat(1_000)), NOTE).await;
    let long = long["name"].as_str().expect("a name");
    assert!(long.len() <= 255 && long.ends_with("ü.txt"), "{long}");
}

#[tokio::test]
async fn what_only_looks_like_something_harmless_is_not_taken_for_it() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let page = b"<!DOCTYPE html><script>alert(1)</script>";
    for (name, bytes) in
        [("a.svg", &svg[..]), ("a.png", svg), ("a.html", page), ("a.txt", page), ("a.bin", b"\0\x01\x02")]
    {
        assert_eq!(refused(&ana, name, bytes).await, "unsupported_media_type", "{name}");
    }
    assert_eq!(refused(&ana, "empty.png", b"").await, "invalid");
    assert_eq!(refused(&ana, "half.png", &dot()[..40]).await, "invalid");

    // A page behind the picture is not the picture, and not kept.
    let polyglot = attach(&ana, "a.png", &[&dot()[..], page].concat()).await;
    let kept = download(&ana, &polyglot).await;
    assert_eq!(kept.header("content-type"), Some("image/png"));
    assert!(!kept.text().contains("script"), "{}", kept.text());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let folder = server.data_dir().join("attachments");
    for said in ["Content-Length: 5000000", "Transfer-Encoding: chunked"] {
        let head = format!(
            "POST /api/v1/attachments?name=a.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{said}\r\n\r\n",
            ana.token
        );
        let mut stream = TcpStream::connect(ana.address).await.expect("the server listens");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let piece = format!("186a0\r\n{}\r\n", "x".repeat(100_000));
        stream.write_all(piece.as_bytes()).await.expect("it reads");
        eventually("something has come", async || (!files(&folder).is_empty()).then_some(())).await;
        drop(stream);
        eventually("nothing is left", async || files(&folder).is_empty().then_some(())).await;
    }
    // Refused after it has come: nothing is left either.
    assert_eq!(refused(&ana, "a.html", b"<html>").await, "unsupported_media_type");
    assert!(files(&folder).is_empty(), "{:?}", files(&folder));
    attach(&ana, "a.txt", NOTE).await;
    assert_eq!(files(&folder).len(), 1);
}
