//! Files, to and from a server that says what each test wants.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_client::{Client, Draft, Error, FollowOptions, Upload};
use chat_proto::AttachmentId;
use chat_proto::model::Attachment;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fake_daemon::FakeDaemon;
use crate::values::conv;

/// SHA-256 of `hello world`.
const DIGEST: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

fn id() -> AttachmentId {
    AttachmentId::from_bytes([7; 16])
}

fn kept(media_type: &str, sha256: &str) -> String {
    json!({"id": id(), "name": "a.txt", "media_type": media_type, "size": 11, "sha256": sha256}).to_string()
}

fn attachment() -> Attachment {
    serde_json::from_str(&kept("text/plain", DIGEST)).unwrap()
}

/// The head of an answer with `hello world`, or a part of it.
fn head(status: &str, place: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nETag: \"{DIGEST}\"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Content-Disposition: attachment; filename*=UTF-8''..%2Fa.txt\r\n{place}Connection: close\r\n\r\n"
    )
}

/// A server that gives these answers, one a connection, each when a whole request is there; what was asked.
async fn answering(answers: Vec<String>) -> (Client, JoinSet<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::with_token(&format!("http://{}", listener.local_addr().unwrap()), "aaa.bbb.ccc").unwrap();
    let mut asked = JoinSet::new();
    asked.spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.push(request(&mut stream).await);
            // The client may have gone.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        asked
    });
    (client, asked)
}

/// A request with as much of a body as it says, or as comes.
async fn request(stream: &mut TcpStream) -> String {
    let (mut text, mut piece) = (String::new(), vec![0; 4_096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => text.push_str(std::str::from_utf8(&piece[..read]).unwrap()),
        }
    }
}

fn created(body: &str) -> String {
    format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_file_goes_up_with_its_name_length_and_digest() {
    let file = std::env::temp_dir().join(format!("chat-client {}.txt", std::process::id()));
    std::fs::write(&file, "hello world").unwrap();
    let (client, mut asked) = answering(vec![created(&kept("text/plain", DIGEST))]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let of_upload = Arc::clone(&told);
    let upload = Upload::file(&file).await.unwrap().progress(move |done| of_upload.lock().unwrap().push(done));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(upload.size(), 11);
    assert_eq!(client.attach(upload).await.unwrap(), attachment());
    assert_eq!(*told.lock().unwrap(), [11]);
    let asked = asked.join_next().await.unwrap().unwrap().remove(0);
    let line = format!("POST /api/v1/attachments?name=chat-client%20{}.txt HTTP/1.1\r\n", std::process::id());
    assert!(asked.starts_with(&line) && asked.ends_with("\r\n\r\nhello world"), "{asked}");
    for header in [
        "content-length: 11\r\n",
        "content-digest: sha-256=:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=:\r\n",
        "authorization: Bearer aaa.bbb.ccc\r\n",
    ] {
        assert!(asked.contains(header), "{header} in {asked}");
    }
}

#[tokio::test]
async fn a_source_that_is_not_what_was_said_is_an_error_on_this_side() {
    for (said, reason) in [(12, "shorter"), (10, "longer")] {
        let (client, _asked) = answering(vec![created(&kept("text/plain", DIGEST))]).await;
        let upload = Upload::reader("a.txt", said, &b"hello world"[..]);
        let error = client.attach(upload).await.unwrap_err();
        assert!(matches!(&error, Error::File(cause) if cause.to_string().contains(reason)), "{error:?}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_server_that_keeps_something_else_is_found_out_but_for_pictures() {
    let other = "0".repeat(64);
    let (client, _asked) =
        answering(vec![created(&kept("text/plain", &other)), created(&kept("image/png", &other))]).await;
    let upload = || Upload::reader("a", 11, &b"hello world"[..]);
    assert_matches!(client.attach(upload()).await, Err(Error::Protocol(_)));
    assert_eq!(client.attach(upload()).await.unwrap().media_type, "image/png");
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let answers = vec![
        head("200 OK", "", 11) + "hello",
        head("206 Partial Content", "Content-Range: bytes 5-10/11\r\n", 6) + " w",
        head("206 Partial Content", "Content-Range: bytes 7-10/11\r\n", 4) + "orld",
    ];
    let (client, mut asked) = answering(answers).await;
    let download = client.download(id()).await.unwrap();
    assert_eq!(download.info().name, "../a.txt", "as the server says it");
    assert_eq!((download.info().size, download.info().media_type.as_str()), (11, "text/plain"));
    let (mut got, mut told) = (Vec::new(), Vec::new());
    download.save(&mut got, |done| told.push(done)).await.unwrap();
    assert_eq!(got, b"hello world");
    assert_eq!(told.last(), Some(&11));
    let asked = asked.join_next().await.unwrap().unwrap();
    for (asked, from) in asked[1..].iter().zip(["5", "7"]) {
        let asked = asked.to_ascii_lowercase();
        assert!(asked.contains(&format!("range: bytes={from}-\r\n")), "{asked}");
        assert!(asked.contains(&format!("if-range: \"{DIGEST}\"\r\n")), "{asked}");
    }
}

#[tokio::test]
async fn a_file_is_there_when_it_is_whole_and_never_before() {
    let folder = std::env::temp_dir().join(format!("chat-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.txt");
    let entries = || folder.read_dir().unwrap().count();

    // Another file than its digest says.
    let (client, _asked) = answering(vec![head("200 OK", "", 11) + "HELLO WORLD"]).await;
    let wrong = client.download(id()).await.unwrap().save_as(&path, false, |_| {}).await;
    assert_matches!(wrong, Err(Error::Protocol(_)));
    assert_eq!(entries(), 0);
    // One that was changed on the server meanwhile.
    let (client, _asked) =
        answering(vec![head("200 OK", "", 11) + "hello", head("200 OK", "", 11) + "hello world"]).await;
    let changed = client.download(id()).await.unwrap().save_as(&path, false, |_| {}).await;
    assert_matches!(changed, Err(Error::Protocol(_)));
    assert_eq!(entries(), 0);

    let whole = || vec![head("200 OK", "", 11) + "hello world"; 3];
    let (client, _asked) = answering(whole()).await;
    client.download(id()).await.unwrap().save_as(&path, false, |_| {}).await.unwrap();
    std::fs::write(&path, "mine").unwrap();
    let taken = client.download(id()).await.unwrap().save_as(&path, false, |_| {}).await;
    assert_matches!(&taken, Err(Error::File(cause)) if cause.kind() == ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    client.download(id()).await.unwrap().save_as(&path, true, |_| {}).await.unwrap();
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), entries()), ("hello world", 1));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::new(&url).unwrap().timeout(Duration::from_millis(50));
    let upload = Upload::reader("a.txt", 11, &b"hello world"[..]);
    assert_matches!(client.attach(upload).await, Err(Error::Timeout));
    drop(listener);
}

#[tokio::test]
async fn the_outbox_sends_files_by_their_ids_and_shows_them_meanwhile() {
    let mut daemon = FakeDaemon::new().await;
    let (follower, _updates) = daemon.client.follow(FollowOptions::new());
    let entry = follower.send(conv(), Draft::text("").attachments(vec![attachment()])).unwrap();
    assert_eq!(entry.attachments, [attachment()]);
    let (_, mut socket) = daemon.welcomed().await;
    let frame = socket.frame().await;
    assert_eq!((&frame["t"], &frame["attachments"]), (&json!("send"), &json!([id()])));
}
