//! What is no picture of anybody.

use chat_proto::Role;
use chat_tests::{InProcess, Person, Server};
use image::ImageFormat;

use super::{picture_of, put, set};
use crate::CHATD;
use crate::attachments::files;
use crate::attachments::made::{chunk, coded, noisy, packed_zeros, png_start};

const PAGE: &[u8] = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>";

async fn refused(who: &Person, bytes: &[u8]) -> (u16, String) {
    let answer = put(who, bytes).send(who.address).await;
    (answer.status, answer.problem().code.to_string())
}

#[tokio::test]
async fn nothing_but_a_picture_is_taken_and_what_is_refused_leaves_nothing() {
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    let folder = server.data_dir().join("attachments");
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let end = chunk(b"IEND", &[]);
    let bomb = [png_start(10, 10), chunk(b"IDAT", &packed_zeros(100 << 20)), end.clone()].concat();
    let huge = [png_start(50_000, 50_000), chunk(b"IDAT", &packed_zeros(1 << 20)), end].concat();
    let dot = coded(&noisy(3, 3, 9), ImageFormat::Png);
    for (what, bytes, status, code) in [
        ("nothing", &b""[..], 400, "invalid"),
        ("a drawing", svg, 415, "unsupported_media_type"),
        ("a page", PAGE, 415, "unsupported_media_type"),
        ("a text", b"me", 415, "unsupported_media_type"),
        ("a document", b"%PDF-1.7\n1 0 obj\n", 415, "unsupported_media_type"),
        ("half of one", &dot[..40], 400, "invalid"),
        ("more than its head says", &bomb, 400, "invalid"),
        ("more than there is room for", &huge, 413, "too_large"),
        ("too many bytes", &vec![0; (5 << 20) + 1], 413, "too_large"),
    ] {
        assert_eq!(refused(&ana, bytes).await, (status, code.to_owned()), "{what}");
    }
    assert!(files(&folder).is_empty(), "{:?}", files(&folder));
    assert_eq!(ana.get("/me").await.get("avatar"), None);
    server.kill();
}

#[tokio::test]
async fn of_a_picture_that_is_a_page_too_only_the_picture_is_left() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let sent = [&coded(&noisy(40, 30, 9), format)[..], PAGE].concat();
        set(&ana, &sent).await;
        let seen = picture_of(&ana, &ana).await;
        assert!(!seen.text().to_ascii_lowercase().contains("script"), "{format:?}");
        let pixels = image::load_from_memory(&seen.body).expect("a picture");
        assert_eq!((pixels.width(), pixels.height()), (30, 30), "{format:?}");
    }
}

#[tokio::test]
async fn a_form_and_a_digest_are_understood() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let picture = coded(&noisy(40, 30, 9), ImageFormat::Png);
    let head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../me.png\"\r\n\r\n";
    let form = [&head[..], &picture, b"\r\n--x--\r\n"].concat();
    let request = ana.request("PUT", "/me/avatar").text("multipart/form-data; boundary=x", form);
    let in_form = request.send(ana.address).await.ok()["avatar"].clone();
    assert_eq!(set(&ana, &picture).await["avatar"], in_form);
    let another = put(&ana, &picture).header("Content-Digest", format!("sha-256=:{}=:", "A".repeat(43)));
    assert_eq!(another.send(ana.address).await.problem().code.as_str(), "invalid");
}
