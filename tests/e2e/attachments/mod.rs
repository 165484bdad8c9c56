//! Files that people send with messages: kept, checked, and shown to nobody but those who see the message.

mod bucket;
mod full_disk;
mod gone;
mod handed_out;
mod hostile;
mod in_bucket;
mod killed;
mod limits;
pub(crate) mod made;
mod many;
mod many_pictures;
mod multipart;
mod pictures;
mod sent;

pub(crate) use self::gone::files;

use std::net::SocketAddr;

use chat_proto::ConversationId;
use chat_tests::{Answer, DEADLINE, Person, Request};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A picture of one point.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const NOTE: &[u8] = b"The mug is blue, and it was 12.50 last week.\n";

pub(crate) fn dot() -> Vec<u8> {
    BASE64.decode(DOT.as_bytes()).expect("base64")
}

fn upload(who: &Person, name: &str, bytes: &[u8]) -> Request {
    let name = name.bytes().fold(String::new(), |name, byte| format!("{name}%{byte:02X}"));
    who.request("POST", &format!("/attachments?name={name}")).text("application/octet-stream", bytes)
}

/// Uploads a file, and is what it is then.
async fn attach(who: &Person, name: &str, bytes: &[u8]) -> Value {
    let answer = upload(who, name, bytes).send(who.address).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.ok()
}

/// Why a file is not taken.
async fn refused(who: &Person, name: &str, bytes: &[u8]) -> String {
    upload(who, name, bytes).send(who.address).await.problem().code.to_string()
}

fn id(attachment: &Value) -> &str {
    attachment["id"].as_str().expect("an id")
}

async fn send(who: &Person, conv: ConversationId, name: &str, text: &str, attachments: &[&Value]) -> Answer {
    let ids: Vec<&Value> = attachments.iter().map(|attachment| &attachment["id"]).collect();
    let body = json!({"client_id": name, "text": text, "attachments": ids});
    who.call_with("POST", &format!("/conversations/{conv}/messages"), &body).await
}

async fn download(who: &Person, attachment: &Value) -> Answer {
    who.call("GET", &format!("/attachments/{}", id(attachment))).await
}

async fn messages(who: &Person, conv: ConversationId) -> Vec<Value> {
    who.get(&format!("/conversations/{conv}/messages")).await["items"].as_array().expect("rows").clone()
}

/// What comes back on a connection of its own, whatever is sent.
pub(crate) async fn raw(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).await.expect("the server listens");
    // It may have seen enough before the end.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
