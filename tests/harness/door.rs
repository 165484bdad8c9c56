use std::net::SocketAddr;

use chat_client::Client;
use chat_proto::{ConversationId, Role, UserId};
use serde_json::{Value, json};

use crate::{Answer, EventSource, PASSWORD, Request, Socket};

/// Where a server is met, whichever way it runs.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where it listens.
    pub address: SocketAddr,
    /// The first admin's token.
    pub admin: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: UserId,
    pub role: Role,
    pub email: String,
    pub token: String,
    pub refresh_token: String,
    /// Where they are signed in.
    pub address: SocketAddr,
}

impl Door {
    /// The address of the first admin, whose password is everybody's.
    pub const ADMIN: &'static str = "admin@shop.test";

    /// Makes an account as the admin and signs in to it; the address is made of the name.
    pub async fn person(&self, role: Role, name: &str) -> Person {
        let email = format!("{name}@shop.test");
        let body = json!({"email": email, "name": name, "password": PASSWORD, "role": role});
        let made = Request::new("POST", "/api/v1/users").token(&self.admin).json(&body).send(self.address).await;
        assert_eq!(made.status, 201, "{}", made.text());
        self.sign_in(&email).await
    }

    /// Signs in.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn sign_in(&self, email: &str) -> Person {
        sign_in(self.address, email).await
    }

    /// Where to send things without a token.
    pub async fn send(&self, request: Request) -> Answer {
        request.send(self.address).await
    }
}

/// See [`Door::sign_in`].
pub(crate) async fn sign_in(address: SocketAddr, email: &str) -> Person {
    let signed_in = Request::new("POST", "/api/v1/auth/login")
        .json(&json!({"email": email, "password": PASSWORD}))
        .send(address)
        .await
        .ok();
    Person { email: email.to_owned(), ..Person::of(&signed_in, address) }
}

impl Person {
    /// Who was signed in by this answer.
    ///
    /// # Panics
    /// When it is none.
    pub fn of(signed_in: &Value, address: SocketAddr) -> Self {
        Self {
            id: serde_json::from_value(signed_in["user"]["id"].clone()).expect("a user id"),
            role: serde_json::from_value(signed_in["user"]["role"].clone()).expect("a role"),
            email: signed_in["user"]["email"].as_str().expect("an address").to_owned(),
            token: signed_in["access_token"].as_str().expect("a token").to_owned(),
            refresh_token: signed_in["refresh_token"].as_str().expect("a token").to_owned(),
            address,
        }
    }

    /// The same person, where the server listens since its restart.
    #[must_use]
    pub fn at(&self, door: &Door) -> Self {
        Self { address: door.address, ..self.clone() }
    }

    /// A request of theirs, under `/api/v1`.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("/api/v1{path}")).token(&self.token)
    }

    /// Sends a request without a body.
    pub async fn call(&self, method: &str, path: &str) -> Answer {
        self.request(method, path).send(self.address).await
    }

    /// Sends a request with a JSON body.
    pub async fn call_with(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request(method, path).json(body).send(self.address).await
    }

    /// What is at a path.
    pub async fn get(&self, path: &str) -> Value {
        self.call("GET", path).await.ok()
    }

    /// The typed client.
    ///
    /// # Panics
    /// Never: the address is one.
    pub fn client(&self) -> Client {
        Client::with_token(&format!("http://{}", self.address), &self.token).expect("an address")
    }

    /// A socket of theirs that tells what happens from now on.
    pub async fn socket(&self) -> Socket {
        self.hello(json!({"token": self.token})).await
    }

    /// A socket of theirs that goes on from a cursor.
    pub async fn socket_after(&self, cursor: &str) -> Socket {
        self.hello(json!({"token": self.token, "resume": cursor})).await
    }

    async fn hello(&self, mut hello: Value) -> Socket {
        let mut socket = Socket::connect(self.address).await;
        hello["t"] = json!("hello");
        socket.say(&hello).await;
        let welcome = socket.json().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        assert_eq!(welcome["user"]["id"], json!(self.id), "{welcome}");
        assert_eq!(welcome["resumed"], json!(hello.get("resume").is_some()), "{welcome}");
        socket.until_t("live").await;
        socket
    }

    /// An event stream of theirs, from now on or after a cursor.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn event_source(&self, after: Option<&str>) -> EventSource {
        let authorization = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(after.map(|cursor| ("Last-Event-ID", cursor)));
        let opened = EventSource::open(self.address, "", &headers).await;
        opened.unwrap_or_else(|refused| panic!("{}", refused.text()))
    }

    /// The conversation of the two.
    pub async fn direct(&self, with: &Self) -> ConversationId {
        let body = json!({"kind": "direct", "participants": [with.id]});
        let begun = self.call_with("POST", "/conversations", &body).await.ok();
        serde_json::from_value(begun["id"].clone()).expect("a conversation id")
    }

    /// A new group.
    pub async fn group(&self, subject: &str, with: &[&Self]) -> ConversationId {
        let with: Vec<UserId> = with.iter().map(|person| person.id).collect();
        let body = json!({"kind": "group", "participants": with, "subject": subject});
        let begun = self.call_with("POST", "/conversations", &body).await.ok();
        serde_json::from_value(begun["id"].clone()).expect("a conversation id")
    }

    /// Sends a message over REST; its text is its client id too, as far as it can be one.
    pub async fn write(&self, conversation: ConversationId, text: &str) -> Answer {
        let client_id = text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let body = json!({"client_id": client_id, "text": text});
        self.call_with("POST", &format!("/conversations/{conversation}/messages"), &body).await
    }

    /// The unread number of a conversation, as the list of conversations shows it.
    pub async fn unread(&self, conversation: ConversationId) -> u64 {
        let list = self.get("/conversations").await;
        let rows = list["items"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["id"] == json!(conversation));
        row.expect("it is in the list")["unread"].as_u64().expect("a number")
    }
}
