//! Who sees whom.

use chat_client::Upload;
use chat_proto::{ErrorCode, Role, UserId};
use chat_tests::{Answer, Door, InProcess, Options, Person, Request};
use chatcore::Site;
use serde_json::{Value, json};

use super::{photograph, picture, picture_of, put, set};

fn headers<'a>(answer: &'a Answer, names: &[&str]) -> Vec<Option<&'a str>> {
    names.iter().map(|name| answer.header(name)).collect()
}

/// Without what differs from one request to the next.
fn told(mut answer: Answer, about: UserId) -> (u16, Vec<(String, String)>, String) {
    let id = answer.problem().request_id;
    answer.headers.retain(|(name, _)| name != "date" && name != "x-request-id");
    let text = answer.text().replace(&about.to_string(), "user_…").replace(&id, "req_…");
    (answer.status, answer.headers, text)
}

async fn sees_nothing(who: &Person, whose: &Person) {
    let absent = {
        let mut id = whose.id.to_bytes();
        id[15] ^= 1;
        UserId::from_bytes(id)
    };
    for rest in ["", "/link", "?expires=4102444800&signature=AAAA"] {
        let path = |id| format!("/users/{id}/avatar{rest}");
        let about = who.call("GET", &path(whose.id)).await;
        assert_eq!(about.problem().code, ErrorCode::NotFound, "{rest} as {}", who.email);
        let none = who.call("GET", &path(absent)).await;
        assert_eq!(told(about, whose.id), told(none, absent), "{rest} as {}", who.email);
    }
}

#[tokio::test]
async fn a_picture_is_small_upright_and_says_nothing_of_where_it_was_taken() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    assert_eq!(ana.get("/me").await.get("avatar"), None);
    let mut anas = ana.socket().await;
    let user = set(&ana, &photograph()).await;
    let version = user["avatar"].as_str().expect("it says which").to_owned();
    assert_eq!((version.len(), &user["version"]), (16, &json!(2)));
    assert_eq!(anas.find("ev user.changed").await["d"]["avatar"], json!(version), "her other devices hear of it");
    assert_eq!(ana.get("/me").await, user);

    let seen = picture_of(&ana, &leo).await;
    assert_eq!(seen.status, 200);
    let names = ["content-type", "cache-control", "x-content-type-options", "content-security-policy"];
    let expected = ["image/jpeg", "private, no-cache", "nosniff", "sandbox; default-src 'none'"];
    assert_eq!(headers(&seen, &names), expected.map(Some));
    assert!(seen.header("etag").is_some_and(|tag| tag.starts_with(&format!("\"{version}"))), "{:?}", seen.headers);
    for word in ["Exif", "Latitude"] {
        assert!(!seen.body.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }
    let pixels = image::load_from_memory(&seen.body).expect("a picture").to_rgb8();
    assert_eq!(pixels.dimensions(), (256, 256));
    // Darker to the left and to the top as it was stored; it was turned to the right by a quarter.
    let [right, left, low] = [(250, 5), (5, 5), (250, 250)].map(|(x, y)| {
        let part = image::imageops::crop_imm(&pixels, x - 5, y - 5, 10, 10).to_image();
        part.pixels().map(|pixel| u64::from(pixel.0[0]) + u64::from(pixel.0[1])).sum::<u64>()
    });
    assert!(right < left && right < low, "{right} {left} {low}");
    let again = leo.request("GET", &format!("/users/{}/avatar", ana.id));
    let again = again.header("If-None-Match", seen.header("etag").expect("a tag")).send(leo.address).await;
    assert_eq!((again.status, again.body.len()), (304, 0));

    // It stands beside her name wherever that stands.
    let chat = ana.direct(&leo).await;
    ana.write(chat, "Hello").await.ok();
    let conversation = leo.get(&format!("/conversations/{chat}")).await;
    let in_it = conversation["participants"].as_array().expect("people").iter();
    let avatars: Vec<&Value> = in_it.filter(|one| one["id"] == json!(ana.id)).map(|one| &one["avatar"]).collect();
    assert_eq!(avatars, [&json!(version)]);
    assert_eq!(conversation["last_message"]["author"]["avatar"], json!(version));
    let people = leo.get("/directory?role=customer").await;
    assert_eq!(people["items"][0]["avatar"], json!(version), "{people}");

    let user = ana.call("DELETE", "/me/avatar").await.ok();
    assert_eq!((user.get("avatar"), &user["version"]), (None, &json!(3)));
    assert_eq!(picture_of(&ana, &leo).await.problem().code, ErrorCode::NotFound);
    assert_eq!(ana.call("DELETE", "/me/avatar").await.ok(), user, "again is nothing");
}

#[tokio::test]
async fn nobody_sees_the_picture_of_a_stranger() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    set(&ana, &picture(1)).await;
    for who in [&ana, &leo, &admin] {
        assert_eq!(picture_of(&ana, who).await.status, 200, "{}", who.email);
    }
    let mut others = Vec::new();
    for role in [Role::Customer, Role::Merchant, Role::Designer] {
        others.push(server.door.person(role, &format!("{role}-1")).await);
    }
    for other in &others {
        sees_nothing(other, &ana).await;
        assert_eq!(picture_of(&ana, &Person { token: "x".to_owned(), ..other.clone() }).await.status, 401);
    }
    // Whoever is brought into a conversation with her sees her, until one of them is out of it.
    let group = leo.group("Order 1042", &[&ana]).await;
    let participants = format!("/conversations/{group}/participants");
    for other in &others {
        leo.call_with("POST", &participants, &json!({"user_id": other.id})).await.ok();
        let seen = picture_of(&ana, other).await;
        assert_eq!(seen.status, 200, "{}", other.email);
        let link = other.get(&format!("/users/{}/avatar/link", ana.id)).await["url"].clone();
        let link = Request::new("GET", link.as_str().expect("an address"));
        let by_link = server.door.send(link.clone()).await;
        assert_eq!((by_link.status, &by_link.body), (200, &seen.body));
        assert_eq!(by_link.header("cross-origin-resource-policy"), Some("cross-origin"));
        leo.call("DELETE", &format!("{participants}/{}", other.id)).await.ok();
        sees_nothing(other, &ana).await;
        assert_eq!(server.door.send(link).await.problem().code, ErrorCode::NotFound, "{}", other.email);
    }
}

#[tokio::test]
async fn a_link_is_to_one_person_and_ends_with_its_session() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    set(&ana, &picture(1)).await;
    set(&leo, &picture(2)).await;
    let link = leo.get(&format!("/users/{}/avatar/link", ana.id)).await["url"].as_str().expect("an address").to_owned();
    let get = |path: &str| server.door.send(Request::new("GET", path));
    assert_eq!(get(&link).await.status, 200);
    // Not to anybody else, nor to a file of that number.
    let others = link.replace(&ana.id.to_string(), &leo.id.to_string());
    let file = link.replace("/users/user_", "/attachments/att_").replace("/avatar?", "?");
    for path in [others, file, link.replace("expires=", "expires=1")] {
        assert_eq!(get(&path).await.problem().code, ErrorCode::NotFound, "{path}");
    }
    // Whichever picture she has then.
    set(&ana, &picture(3)).await;
    assert_eq!(get(&link).await.body, picture_of(&ana, &ana).await.body);
    leo.call("POST", "/auth/logout").await.ok();
    assert_eq!(get(&link).await.problem().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn only_people_have_pictures_and_only_while_they_may_sign_in() {
    let sites = vec![Site::new("shop").expect("well made").origins(["https://shop.test".to_owned()])];
    let server = InProcess::start_with(Options { sites, ..Options::default() }).await;
    let admin = server.door.sign_in(Door::ADMIN).await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let admit = Request::new("POST", "/api/v1/auth/visitor").json(&json!({"site_key": "shop"}));
    let visitor = Person::of(&server.door.send(admit).await.ok(), server.door.address);
    let key = json!({"name": "Till", "scopes": ["messages:write"], "bot": {"name": "Robin", "role": "agent"}});
    let key = admin.call_with("POST", "/api-keys", &key).await.ok()["key"].as_str().expect("a key").to_owned();
    let bot = Person { token: key, ..ana.clone() };
    for who in [&visitor, &bot] {
        // Before it is looked at.
        for bytes in [&picture(1)[..], b"me"] {
            assert_eq!(put(who, bytes).send(who.address).await.problem().code, ErrorCode::Forbidden);
        }
        assert_eq!(who.call("DELETE", "/me/avatar").await.problem().code, ErrorCode::Forbidden);
    }
    set(&ana, &picture(1)).await;
    admin.call("POST", &format!("/users/{}/disable", ana.id)).await.ok();
    assert_eq!(put(&ana, &picture(2)).send(ana.address).await.problem().code, ErrorCode::TokenRevoked);
    assert_eq!(picture_of(&ana, &admin).await.status, 200);
    // Who did it, when and from where stands in the audit log.
    let log = admin.get("/audit-log?action=user.avatar_changed").await;
    assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!(log["items"][0]["by"]["id"], json!(ana.id), "{log}");
}

#[tokio::test]
async fn programs_set_see_and_remove_it_with_the_typed_client() {
    let server = InProcess::start().await;
    let ana = server.door.person(Role::Customer, "ana").await;
    let leo = server.door.person(Role::Agent, "leo").await;
    let bytes = picture(1);
    let upload = Upload::reader("me.png", bytes.len() as u64, std::io::Cursor::new(bytes));
    let user = ana.client().set_avatar(upload).await.expect("it is taken");
    assert_eq!(user.avatar.as_deref(), ana.get("/me").await["avatar"].as_str());
    let seen = leo.client().avatar(ana.id).await.expect("he sees her");
    assert_eq!(seen, picture_of(&ana, &leo).await.body);
    let link = leo.client().avatar_link(ana.id).await.expect("a link").url;
    let path = link.strip_prefix(&format!("http://{}", leo.address)).expect("of this server");
    assert_eq!(server.door.send(Request::new("GET", path)).await.body, seen);
    let no_picture = Upload::reader("me.png", 2, &b"me"[..]);
    let refused = ana.client().set_avatar(no_picture).await.expect_err("it is none");
    assert_eq!(refused.code(), Some(ErrorCode::UnsupportedMediaType));
    assert_eq!(ana.client().remove_avatar().await.expect("it goes").avatar, None);
    let gone = leo.client().avatar(ana.id).await.expect_err("there is none");
    assert_eq!(gone.code(), Some(ErrorCode::NotFound));
}
