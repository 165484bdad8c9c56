//! Pictures of people, as the old front ends set and show them.

use chat_proto::{ErrorCode, Role};
use chat_tests::{InProcess, Person, Request};
use image::ImageFormat;
use serde_json::{Value, json};

use super::{ask, call, field, form, get, login, messages, send, with};
use crate::attachments::made::{coded, noisy};

/// A form with this name and, before or after it, this picture.
fn change(who: &Person, name: &str, picture: &[u8], picture_first: bool) -> Request {
    let name = format!("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n").into_bytes();
    let head = b"--x\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n\r\n";
    let picture = [head, picture, b"\r\n"].concat();
    let parts = if picture_first { [picture, name] } else { [name, picture] };
    let body = [parts.concat(), b"--x--\r\n".to_vec()].concat();
    ask(who, "PUT", "/users/profile").text("multipart/form-data; boundary=x", body)
}

fn picture(n: u32) -> Vec<u8> {
    coded(&noisy(300 + n, 200, 9), ImageFormat::Png)
}

#[tokio::test]
async fn a_picture_in_the_profile_form_is_shown_beside_its_person() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let conversation = with(&ana, &leo).await["_id"].take();
    send(&ana, &conversation, "Hello").await.ok();
    assert_eq!(get(&ana, "/auth/profile").await["data"]["avatar"], Value::Null);
    let at = async |address: &Value| {
        Request::new("GET", address.as_str().expect("an address")).send(server.door.address).await
    };
    let mut before = Vec::new();
    for (n, first) in [(1, true), (2, false)] {
        let changed = change(&ana, &format!("Ana {n}"), &picture(n), first).send(ana.address).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let data = &changed.ok()["data"];
        assert_eq!(data["name"], format!("Ana {n}"));
        let seen = at(&data["avatar"]).await;
        assert_eq!((seen.status, seen.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(image::load_from_memory(&seen.body).expect("a picture").width(), 200);
        assert_ne!(seen.body, before);
        before = seen.body;
    }
    // For each who sees her, wherever she is shown.
    let listed = get(&leo, "/chat/conversations").await["data"][0]["participants"].take();
    let listed = listed.as_array().expect("people").iter().find(|one| one["name"] == "Ana 2").expect("her").clone();
    let message = messages(&leo, &conversation).await.remove(0);
    let face = message["conversation"]["participants"].as_array().expect("people").iter();
    let face = face.clone().find(|one| one["name"] == "Ana 2").expect("her");
    let signed_in = login(ana.address, &ana.email).await.ok()["data"]["avatar"].take();
    for avatar in [&listed["avatar"], &message["sender"]["avatar"], &face["avatar"], &signed_in] {
        assert!(avatar.as_str().is_some_and(|avatar| avatar.starts_with("/uploads/user_")), "{avatar}");
        assert_eq!(at(avatar).await.body, before);
    }
    assert_eq!(
        messages(&leo, &conversation).await[0]["sender"]["avatar"],
        message["sender"]["avatar"],
        "it stays the same"
    );
    // By token too; and by nothing to whom she is nobody.
    let plain = |who: &Person| Request::new("GET", format!("/uploads/{}", ana.id)).token(&who.token);
    assert_eq!(plain(&leo).send(leo.address).await.body, before);
    let eve = server.door.person(Role::Merchant, "eve").await;
    assert_eq!(plain(&eve).send(eve.address).await.failure().0, ErrorCode::NotFound);
    let altered = listed["avatar"].as_str().expect("an address").replace(&ana.id.to_string(), &leo.id.to_string());
    assert_eq!(at(&json!(altered)).await.failure().0, ErrorCode::NotFound);
    // A form that sends everything sends what it was shown.
    let same = call(&ana, "PUT", "/users/profile", &json!({"name": "Ana 3", "avatar": signed_in})).await.ok();
    assert_eq!((&same["data"]["name"], at(&same["data"]["avatar"]).await.body), (&json!("Ana 3"), before));
}

#[tokio::test]
async fn what_is_no_picture_changes_nothing() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    change(&ana, "Ana", &picture(1), true).send(ana.address).await.ok();
    let before = get(&ana, "/auth/profile").await["data"].take();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    for first in [true, false] {
        for (bytes, code) in [
            (&svg[..], ErrorCode::UnsupportedMediaType),
            (b"", ErrorCode::Invalid),
            (&picture(2)[..50], ErrorCode::Invalid),
            (&vec![0; (5 << 20) + 1], ErrorCode::TooLarge),
        ] {
            let answer = change(&ana, "Changed", bytes, first).send(ana.address).await;
            assert_eq!(answer.failure().0, code, "{}", answer.text());
        }
    }
    // Of a form whose name is none the picture is not taken either.
    assert_eq!(change(&ana, "", &picture(2), true).send(ana.address).await.failure().0, ErrorCode::Invalid);
    let preferences = [field("avatar", "undefined"), field("notificationPreferences", "all")];
    let answer = form(ask(&ana, "PUT", "/users/profile"), &preferences).send(ana.address).await;
    assert_eq!(answer.failure().0, ErrorCode::Invalid);
    assert_eq!(get(&ana, "/auth/profile").await["data"], before);
}
