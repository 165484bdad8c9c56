//! The dialect of the replaced backend, as its front ends speak it: over plain HTTP, with a bearer token or the cookie.

mod admin;
mod auth;
mod avatars;
mod chat;
mod cookie;
mod files;
mod forms;
mod holes;
mod lists;

use std::fmt::Write as _;
use std::net::SocketAddr;

use chat_tests::{Answer, PASSWORD, Person, Request};
use serde_json::{Value, json};

/// A request of somebody's, under `/api`.
fn ask(who: &Person, method: &str, path: &str) -> Request {
    Request::new(method, format!("/api{path}")).token(&who.token)
}

/// What is at a path, for somebody.
async fn get(who: &Person, path: &str) -> Value {
    ask(who, "GET", path).send(who.address).await.ok()
}

/// What comes of a JSON body.
async fn call(who: &Person, method: &str, path: &str, body: &Value) -> Answer {
    ask(who, method, path).json(body).send(who.address).await
}

async fn login(at: SocketAddr, email: &str) -> Answer {
    Request::new("POST", "/api/auth/login").json(&json!({"email": email, "password": PASSWORD})).send(at).await
}

/// The conversation with this person, which may begin by it.
async fn with(who: &Person, other: &Person) -> Value {
    get(who, &format!("/chat/conversation/{}", other.id)).await["data"].take()
}

/// Sends a message as the old front ends do.
async fn send(who: &Person, conversation: &Value, content: &str) -> Answer {
    call(who, "POST", "/chat/messages", &json!({"conversation": conversation, "content": content})).await
}

/// The messages of a conversation.
async fn messages(who: &Person, conversation: &Value) -> Vec<Value> {
    let id = conversation.as_str().expect("an id");
    let mut answer = get(who, &format!("/chat/conversations/{id}/messages")).await;
    assert_eq!(answer["status"], "success");
    let messages = answer["data"]["messages"].as_array_mut().map(std::mem::take).expect("messages");
    assert_eq!(answer["results"], messages.len());
    messages
}

/// A part of a form.
#[derive(Clone, Copy)]
struct Part<'a> {
    name: &'a str,
    /// That of a file.
    file: Option<&'a str>,
    content: &'a str,
}

fn field<'a>(name: &'a str, content: &'a str) -> Part<'a> {
    Part { name, file: None, content }
}

fn file<'a>(name: &'a str, file: &'a str, content: &'a str) -> Part<'a> {
    Part { name, file: Some(file), content }
}

/// A form as browsers send it.
fn form(request: Request, parts: &[Part<'_>]) -> Request {
    let mut body = String::new();
    for Part { name, file, content } in parts {
        let _ = write!(body, "--boundary\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(file) = file {
            let _ = write!(body, "; filename=\"{file}\"\r\nContent-Type: image/png");
        }
        let _ = write!(body, "\r\n\r\n{content}\r\n");
    }
    body.push_str("--boundary--\r\n");
    request.text("multipart/form-data; boundary=boundary", body)
}
