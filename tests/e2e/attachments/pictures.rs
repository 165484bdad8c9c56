//! Pictures that nobody sends by mistake, as the server answers them.

use chat_proto::Role;
use chat_tests::{InProcess, Server};
use image::ImageFormat;

use super::gone::files;
use super::made::{chunk, coded, noisy, packed_zeros, png_start};
use super::many::most_resident;
use super::{attach, download, id, upload};
use crate::CHATD;

const MIB: u64 = 1 << 20;
const PAGE: &[u8] = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>";

fn end() -> Vec<u8> {
    chunk(b"IEND", &[])
}

#[tokio::test]
async fn a_picture_that_would_fill_the_memory_costs_nothing() {
    let mut server = Server::start(CHATD).await;
    let ana = server.door().person(Role::Customer, "ana").await;
    upload(&ana, "small.png", &coded(&noisy(64, 64, 9), ImageFormat::Png)).send(ana.address).await.ok();
    let before = most_resident(server.pid());
    // A hundred points that unpack to 100 MiB: more than its head says, and so damaged.
    let bomb = [png_start(10, 10), chunk(b"IDAT", &packed_zeros(100 << 20)), end()].concat();
    // 50,000 × 50,000 points, which would be 10 GB: too large by its head, whatever stands behind it.
    let huge = [png_start(50_000, 50_000), chunk(b"IDAT", &packed_zeros(1 << 20)), end()].concat();
    for (name, picture, status, code) in [("bomb.png", &bomb, 400, "invalid"), ("huge.png", &huge, 413, "too_large")] {
        let answer = upload(&ana, name, picture).send(ana.address).await;
        assert_eq!((answer.status, answer.problem().code.as_str()), (status, code), "{}", answer.text());
    }
    let grown = most_resident(server.pid()) - before;
    assert!(grown < 16 * MIB, "{} MiB", grown / MIB);
    assert_eq!(files(&server.data_dir().join("attachments")).len(), 2, "the small one and its thumbnail");
    server.kill();
}

/// A segment of a JPEG, behind its beginning.
fn with_segment(jpeg: &[u8], name: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("it is short").to_be_bytes();
    [&jpeg[..2], &[0xff, name], &length, content, &jpeg[2..]].concat()
}

/// A comment of a GIF, in front of its end.
fn with_comment(gif: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("it is short");
    [&gif[..gif.len() - 1], &[0x21, 0xfe, length], content, &[0, 0x3b]].concat()
}

/// A chunk of a WebP that nobody knows.
fn with_riff(webp: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short").to_le_bytes();
    let padding = vec![0; content.len() % 2];
    let mut whole = [webp, b"HTML", &length, content, &padding].concat();
    let length = u32::try_from(whole.len() - 8).expect("it is short").to_le_bytes();
    whole[4..8].copy_from_slice(&length);
    whole
}

#[tokio::test]
async fn a_picture_that_is_a_page_too_is_only_the_picture_when_it_comes_back() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let picture = noisy(40, 30, 9);
    let [png, jpeg, gif, webp] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP]
        .map(|format| coded(&picture, format));
    let text = [b"Comment\0", PAGE].concat();
    let polyglots = [
        ("image/png", [&png[..], PAGE].concat()),
        ("image/png", [&png[..33], &chunk(b"tEXt", &text), &png[33..]].concat()),
        ("image/jpeg", [&jpeg[..], PAGE].concat()),
        ("image/jpeg", with_segment(&jpeg, 0xfe, PAGE)),
        ("image/jpeg", with_segment(&jpeg, 0xe1, PAGE)),
        ("image/gif", [&gif[..], PAGE].concat()),
        ("image/gif", with_comment(&gif, PAGE)),
        ("image/webp", [&webp[..], PAGE].concat()),
        ("image/webp", with_riff(&webp, PAGE)),
    ];
    for (n, (kind, sent)) in polyglots.iter().enumerate() {
        let kept = attach(&ana, "page.html", sent).await;
        assert_eq!(kept["media_type"], *kind, "{n}");
        let whole = download(&ana, &kept).await;
        let small = ana.call("GET", &format!("/attachments/{}/thumbnail", id(&kept))).await;
        for answer in [&whole, &small] {
            let text = answer.text().to_ascii_lowercase();
            assert!(!["html", "script", "cookie"].iter().any(|word| text.contains(word)), "{n}: {text}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{n}");
        }
        assert_eq!(whole.header("content-type"), Some(*kind), "{n}");
        let seen = image::load_from_memory(&whole.body).expect("it is a picture");
        assert_eq!((seen.width(), seen.height()), (40, 30), "{n}");
    }
    // Between the pixels, where nothing can be left out.
    let inside = [&jpeg[..jpeg.len() - 2], PAGE, &jpeg[jpeg.len() - 2..]].concat();
    let answer = upload(&ana, "page.jpg", &inside).send(ana.address).await;
    assert_eq!((answer.status, answer.problem().code.as_str()), (400, "invalid"));
}
