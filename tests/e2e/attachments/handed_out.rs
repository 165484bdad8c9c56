use std::time::Duration;

use chat_proto::{ConversationId, Role};
use chat_tests::{Answer, InProcess, Options, Person, Request};
use serde_json::Value;

use super::{NOTE, attach, dot, download, id, send};

/// A file and a picture that were sent, and who is in the conversation.
struct Sent {
    server: InProcess,
    ana: Person,
    leo: Person,
    mia: Person,
    conv: ConversationId,
    note: Value,
    picture: Value,
}

impl Sent {
    async fn new() -> Self {
        let server = InProcess::start_with(Options { manual_clock: true, ..Options::default() }).await;
        let ana = server.door.person(Role::Customer, "ana").await;
        let leo = server.door.person(Role::Agent, "leo").await;
        let mia = server.door.person(Role::Customer, "mia").await;
        let conv = leo.group("Mugs", &[&ana]).await;
        let note = attach(&ana, "Grüße \"1\".txt", NOTE).await;
        let picture = attach(&ana, "dot.png", &dot()).await;
        send(&ana, conv, "m1", "Look", &[&note, &picture]).await.ok();
        Self { server, ana, leo, mia, conv, note, picture }
    }

    async fn note(&self, headers: &[(&str, &str)]) -> Answer {
        let request = self.leo.request("GET", &format!("/attachments/{}", id(&self.note)));
        headers.iter().fold(request, |request, (name, value)| request.header(name, *value)).send(self.leo.address).await
    }

    async fn link(&self, who: &Person, attachment: &Value, query: &str) -> String {
        let link = who.get(&format!("/attachments/{}/link{query}", id(attachment))).await;
        link["url"].as_str().expect("a link").to_owned()
    }

    /// What somebody gets who has only the link.
    async fn follow(&self, url: &str) -> Answer {
        Request::new("GET", url).send(self.leo.address).await
    }
}

#[tokio::test]
async fn no_browser_is_led_to_run_what_is_handed_out() {
    let sent = Sent::new().await;
    let (note, picture) = (sent.note(&[]).await, download(&sent.leo, &sent.picture).await);
    for answer in [&note, &picture] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    }
    assert_eq!(note.header("content-type"), Some("text/plain; charset=utf-8"));
    let name = "attachment; filename=\"Gr__e 1.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%201.txt";
    assert_eq!(note.header("content-disposition"), Some(name));
    assert_eq!(picture.header("content-type"), Some("image/png"));
    let name = "inline; filename=\"dot.png\"; filename*=UTF-8''dot.png";
    assert_eq!(picture.header("content-disposition"), Some(name));
}

#[tokio::test]
async fn a_part_is_handed_out_and_nothing_that_is_there_already() {
    let sent = Sent::new().await;
    let all = sent.note(&[]).await;
    let tag = all.header("etag").expect("a tag").to_owned();
    let size = NOTE.len();
    assert_eq!((all.status, all.header("accept-ranges")), (200, Some("bytes")));
    for (range, part) in [("bytes=0-3", 0..4), ("bytes=4-", 4..size), ("bytes=-5", size - 5..size)] {
        for headers in [&[("Range", range)][..], &[("Range", range), ("If-Range", &tag)]] {
            let answer = sent.note(headers).await;
            assert_eq!((answer.status, &answer.body[..]), (206, &NOTE[part.clone()]), "{range}");
            let place = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), Some(&*place));
        }
        let other = sent.note(&[("Range", range), ("If-Range", "\"another\"")]).await;
        assert_eq!((other.status, &other.body[..]), (200, NOTE));
    }
    let beyond = sent.note(&[("Range", "bytes=4000-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(&*format!("bytes */{size}"))));
    for has in [&*tag, "*", &*format!("\"x\", W/{tag}")] {
        let unchanged = sent.note(&[("If-None-Match", has), ("Range", "bytes=0-3")]).await;
        assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, Some(&*tag)), "{has}");
    }
    let head = sent.leo.call("HEAD", &format!("/attachments/{}", id(&sent.note))).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*size.to_string()));
}

#[tokio::test]
async fn a_link_is_good_for_one_file_and_five_minutes() {
    let sent = Sent::new().await;
    let (ana, note) = (&sent.ana, &sent.note);
    let url = sent.link(ana, note, "").await;
    let answer = sent.follow(&url).await;
    assert_eq!((answer.status, &answer.body[..]), (200, NOTE));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    let small = sent.link(ana, &sent.picture, "?thumbnail=true").await;
    assert_eq!(sent.follow(&small).await.status, 200);
    assert_eq!(ana.call("GET", &format!("/attachments/{}/link?thumbnail=true", id(note))).await.status, 404);

    // For nothing else, and not changed in any way.
    let (path, proof) = url.split_once('?').expect("a query");
    let (expires, signature) = proof.split_once('&').expect("two values");
    let later: i64 = expires.strip_prefix("expires=").expect("a moment").parse().expect("a number");
    let other = id(&sent.picture);
    for altered in [
        format!("/api/v1/attachments/{other}?{proof}"),
        format!("{path}/thumbnail?{proof}"),
        small.replace("/thumbnail", ""),
        format!("{path}?expires={}&{signature}", later + 1),
        format!("{path}?{expires}&{}", &signature[..signature.len() - 1]),
        format!("{path}?{expires}&signature="),
        format!("{path}?{expires}&signature=AAAA"),
    ] {
        let refused = sent.follow(&altered).await.problem();
        assert_eq!(refused.code.as_str(), "not_found", "{altered}");
    }
    for halved in [format!("{path}?{expires}"), format!("{path}?{signature}")] {
        assert_eq!(sent.follow(&halved).await.problem().code.as_str(), "invalid", "{halved}");
    }
    assert_eq!(sent.follow(path).await.problem().code.as_str(), "unauthenticated");

    sent.server.advance(Duration::from_mins(5) - Duration::from_secs(1));
    assert_eq!(sent.follow(&url).await.status, 200);
    sent.server.advance(Duration::from_secs(2));
    assert_eq!(sent.follow(&url).await.problem().code.as_str(), "not_found");
}

#[tokio::test]
async fn a_link_ends_with_what_its_asker_may() {
    let sent = Sent::new().await;
    let (of_ana, of_leo) = (sent.link(&sent.ana, &sent.note, "").await, sent.link(&sent.leo, &sent.note, "").await);
    assert_eq!(sent.follow(&of_ana).await.status, 200);
    sent.ana.call("POST", "/auth/logout").await.ok();
    assert_eq!(sent.follow(&of_ana).await.problem().code.as_str(), "not_found");
    let ana = sent.server.door.sign_in(&sent.ana.email).await;
    let of_ana = sent.link(&ana, &sent.note, "").await;
    let out = sent.leo.call("DELETE", &format!("/conversations/{}/participants/{}", sent.conv, ana.id)).await;
    assert_eq!(out.status, 204);
    assert_eq!(sent.follow(&of_ana).await.problem().code.as_str(), "not_found");
    assert_eq!(sent.follow(&of_leo).await.status, 200);
}

#[tokio::test]
async fn strangers_and_those_who_left_get_no_byte() {
    let sent = Sent::new().await;
    let file = id(&sent.note);
    let nothing_for = async |who: &Person| {
        for path in ["", "/thumbnail", "/link", "/link?thumbnail=true"] {
            for (method, id) in [("GET", file), ("HEAD", file), ("GET", "att_01kay8m2r3f9vvk1a2b3c4d5e6")] {
                let answer = who.call(method, &format!("/attachments/{id}{path}")).await;
                assert_eq!(answer.status, 404, "{method} {path}");
                assert!(!answer.text().contains("12.50"));
            }
        }
        let ranged = who.request("GET", &format!("/attachments/{file}")).header("Range", "bytes=0-3");
        assert_eq!(ranged.send(who.address).await.status, 404);
        let tagged = who.request("GET", &format!("/attachments/{file}")).header("If-None-Match", "*");
        assert_eq!(tagged.send(who.address).await.status, 404);
        assert_eq!(who.call("DELETE", &format!("/attachments/{file}")).await.status, 404);
    };
    nothing_for(&sent.mia).await;
    // Who is added later sees what was said before, and what was sent with it.
    let add = serde_json::json!({"user_id": sent.mia.id});
    sent.leo.call_with("POST", &format!("/conversations/{}/participants", sent.conv), &add).await.ok();
    assert_eq!(download(&sent.mia, &sent.note).await.body, NOTE);
    for who in [&sent.mia, &sent.ana] {
        let out = sent.leo.call("DELETE", &format!("/conversations/{}/participants/{}", sent.conv, who.id)).await;
        assert_eq!(out.status, 204);
    }
    nothing_for(&sent.mia).await;
    // Also to her who sent it.
    assert_eq!(download(&sent.ana, &sent.note).await.status, 404);
    assert_eq!(download(&sent.leo, &sent.note).await.body, NOTE);
}
