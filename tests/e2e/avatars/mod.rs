//! Pictures of people: made small, seen by those whom they concern, and gone when they are replaced.

mod gone;
mod hostile;
mod seen;

use chat_tests::{Answer, Person, Request};
use image::ImageFormat;
use serde_json::Value;

use crate::attachments::made::{coded, jpeg, noisy};

fn put(who: &Person, bytes: &[u8]) -> Request {
    who.request("PUT", "/me/avatar").text("application/octet-stream", bytes)
}

/// Sets a picture, and is the account then.
async fn set(who: &Person, bytes: &[u8]) -> Value {
    put(who, bytes).send(who.address).await.ok()
}

async fn picture_of(whose: &Person, seen_by: &Person) -> Answer {
    seen_by.call("GET", &format!("/users/{}/avatar", whose.id)).await
}

/// A picture that differs for each number.
fn picture(n: u32) -> Vec<u8> {
    coded(&noisy(300 + n, 200, 9), ImageFormat::Png)
}

/// One as a camera writes it that was held sideways: with where it was taken.
fn photograph() -> Vec<u8> {
    let jpeg = jpeg(&noisy(600, 400, 9), 90);
    let note =
        [&b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"[..], b"GPSLatitude 52.5"].concat();
    let length = u16::try_from(note.len() + 2).expect("it is short").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &note, &jpeg[2..]].concat()
}
