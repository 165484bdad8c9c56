//! For whoever is not in a conversation it does not exist: on no route, by no frame, in no event.

use std::collections::BTreeSet;

use chat_proto::wire::ClientFrame;
use chat_proto::{AttachmentId, ConversationId, MessageId, Role, UserId};
use chat_tests::{Answer, InProcess, Options, Person, Request, Socket, name_of};
use serde_json::{Value, json};

const SECRET: &str = "Orange-submarine-1001";
const SUBJECT: &str = "Tangerine-dirigible";

/// A conversation of others, and everything that could be seen to change in it.
struct Scene {
    server: InProcess,
    owner: Person,
    member: Person,
    conv: ConversationId,
    absent: ConversationId,
    /// One of its messages.
    message: MessageId,
    /// A file that was sent in it.
    file: AttachmentId,
}

impl Scene {
    async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    async fn open_with(options: Options) -> Self {
        let server = InProcess::start_with(options).await;
        let owner = server.door.person(Role::Agent, "owner").await;
        let member = server.door.person(Role::Customer, "member").await;
        let conv = owner.group(SUBJECT, &[&member]).await;
        let written = owner.write(conv, SECRET).await.ok();
        let message = written["id"].as_str().expect("an id").parse().expect("a message's id");
        member.write(conv, "Well-hidden-answer").await.ok();
        let file = member.request("POST", "/attachments?name=Well-hidden-answer.txt").text("text/plain", SECRET);
        let file = file.send(member.address).await.ok()["id"].clone();
        let body = json!({"client_id": "file", "text": "", "attachments": [file]});
        member.call_with("POST", &format!("/conversations/{conv}/messages"), &body).await.ok();
        let file = serde_json::from_value(file).expect("an attachment's id");
        let picture = crate::attachments::dot();
        member.request("PUT", "/me/avatar").text("image/png", picture).send(member.address).await.ok();
        let mut absent = conv.to_bytes();
        absent[15] ^= 1;
        Self { server, owner, member, conv, absent: ConversationId::from_bytes(absent), message, file }
    }

    /// The file that was sent in this conversation, or for the absent one none that is.
    fn file_in(&self, conv: ConversationId) -> AttachmentId {
        let mut file = self.file.to_bytes();
        file[15] ^= u8::from(conv != self.conv);
        AttachmentId::from_bytes(file)
    }

    /// Who is in this conversation and has a picture, or for the absent one nobody.
    fn person_in(&self, conv: ConversationId) -> UserId {
        let mut person = self.member.id.to_bytes();
        person[15] ^= u8::from(conv != self.conv);
        UserId::from_bytes(person)
    }

    /// What the members see of it, but for cursors, which move with everything that happens in the shop.
    async fn contents(&self) -> Vec<Value> {
        let mut contents = Vec::new();
        for who in [&self.owner, &self.member] {
            let mut shown = who.get(&format!("/conversations/{}", self.conv)).await;
            shown["as_of"].take();
            contents.push(shown);
            contents.push(who.get(&format!("/conversations/{}/messages", self.conv)).await["items"].take());
            contents.push(who.get("/conversations").await["items"].take());
        }
        contents
    }
}

/// What a stranger can try on each route. `conv` stands in the path, or the route is about no conversation in
/// particular and the answer must not tell of one. A route that is not here fails the test.
fn attempts(route: &str, stranger: &Person, scene: &Scene, conv: ConversationId) -> Option<Vec<Request>> {
    let at = |method: &str, rest: &str| stranger.request(method, &format!("/conversations/{conv}{rest}"));
    let (member, message) = (scene.member.id, scene.message);
    let me = stranger.id;
    Some(match route {
        "GET /api/v1/conversations/{id}" => vec![at("GET", "")],
        "GET /api/v1/conversations/{id}/messages" => {
            ["", "?limit=1", "?before=2", "?after=0", "?after=1&limit=200", "?around=1", "?before=18446744073709551615"]
                .map(|query| at("GET", &format!("/messages{query}")))
                .to_vec()
        }
        "POST /api/v1/conversations/{id}/messages" => ["Let me in", SECRET]
            .map(|text| at("POST", "/messages").json(&json!({"client_id": SECRET, "text": text})))
            .to_vec(),
        "PATCH /api/v1/conversations/{id}/messages/{message}" => ["", "\"v1\"", "\"v7\""]
            .map(|tag| {
                let edit = at("PATCH", &format!("/messages/{message}")).json(&json!({"text": "Changed"}));
                if tag.is_empty() { edit } else { edit.header("If-Match", tag) }
            })
            .to_vec(),
        "DELETE /api/v1/conversations/{id}/messages/{message}" => vec![at("DELETE", &format!("/messages/{message}"))],
        "GET /api/v1/conversations/{id}/messages/{message}/history" => {
            vec![at("GET", &format!("/messages/{message}/history"))]
        }
        "PUT /api/v1/conversations/{id}/messages/{message}/reactions/{emoji}" => {
            vec![at("PUT", &format!("/messages/{message}/reactions/%E2%9D%A4"))]
        }
        "DELETE /api/v1/conversations/{id}/messages/{message}/reactions/{emoji}" => {
            vec![at("DELETE", &format!("/messages/{message}/reactions/%E2%9D%A4"))]
        }
        "POST /api/v1/conversations/{id}/read" => {
            [0, 1, 9].map(|seq| at("POST", "/read").json(&json!({"seq": seq}))).to_vec()
        }
        "POST /api/v1/conversations/{id}/unread" => {
            [0, 1, 9].map(|seq| at("POST", "/unread").json(&json!({"seq": seq}))).to_vec()
        }
        "POST /api/v1/conversations/{id}/delivered" => {
            [0, 1, 9].map(|seq| at("POST", "/delivered").json(&json!({"seq": seq}))).to_vec()
        }
        "POST /api/v1/conversations/{id}/typing" => {
            [true, false].map(|on| at("POST", "/typing").json(&json!({"on": on}))).to_vec()
        }
        "PUT /api/v1/conversations/{id}/mute" => {
            [json!({}), json!({"until": "2999-01-01T00:00:00Z"})].map(|body| at("PUT", "/mute").json(&body)).to_vec()
        }
        "DELETE /api/v1/conversations/{id}/mute" => vec![at("DELETE", "/mute")],
        "POST /api/v1/conversations/{id}/participants" => [me, member, scene.owner.id]
            .map(|user| at("POST", "/participants").json(&json!({"user_id": user})))
            .to_vec(),
        "DELETE /api/v1/conversations/{id}/participants/{user}" => {
            [me, member, scene.owner.id].map(|user| at("DELETE", &format!("/participants/{user}"))).to_vec()
        }
        "GET /api/v1/conversations" => asks(stranger, "/conversations", &["", "?limit=200", "?unread=true"]),
        "GET /api/v1/directory" => {
            let mut queries = Role::ALL.map(|role| format!("role={role}")).to_vec();
            queries.push("q=a".to_owned());
            queries.iter().map(|query| stranger.request("GET", &format!("/directory?{query}"))).collect()
        }
        "GET /api/v1/me" => vec![stranger.request("GET", "/me")],
        "PATCH /api/v1/me" => vec![stranger.request("PATCH", "/me").json(&json!({"name": "Stranger"}))],
        "GET /api/v1/events" => asks(stranger, "/events", &["?wait=0", "?cursor=x"]),
        "GET /api/v1/server" => vec![stranger.request("GET", "/server")],
        "GET /api/v1/stats/overview" => vec![stranger.request("GET", "/stats/overview?days=90")],
        // Begins something of one's own; that it is another conversation is checked below.
        "POST /api/v1/conversations" => vec![
            stranger
                .request("POST", "/conversations")
                .json(&json!({"kind": "group", "participants": [], "subject": "Let me in"})),
        ],
        "GET /api/chat/conversations/{id}/messages" => ["", "?limit=1", "?before=2", "?before=18446744073709551615"]
            .map(|query| old(stranger, "GET", &format!("/chat/conversations/{conv}/messages{query}")))
            .to_vec(),
        "POST /api/chat/conversations/{id}/read" => {
            vec![old(stranger, "POST", &format!("/chat/conversations/{conv}/read"))]
        }
        "POST /api/chat/messages" => vec![
            old(stranger, "POST", "/chat/messages").json(&json!({"conversation": conv, "content": "Let me in"})),
            old(stranger, "POST", "/chat/messages")
                .json(&json!({"conversation": conv, "content": SECRET, "clientId": SECRET})),
            old(stranger, "POST", "/chat/messages").text(
                "multipart/form-data; boundary=x",
                format!(
                    "--x\r\nContent-Disposition: form-data; name=\"conversation\"\r\n\r\n{conv}\r\n\
                     --x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nLet me in\r\n--x--\r\n"
                ),
            ),
        ],
        "GET /uploads/{id}" => ["", "?thumbnail=true"]
            .map(|query| Request::new("GET", format!("/uploads/{}{query}", scene.file_in(conv))).token(&stranger.token))
            .to_vec(),
        "GET /uploads/{id}/{link}/{name}" => ["4102444800.AAAA", "small.4102444800.AAAA", "0.", "x"]
            .map(|link| {
                let path = format!("/uploads/{}/{link}/Well-hidden-answer.txt", scene.file_in(conv));
                Request::new("GET", path).token(&stranger.token)
            })
            .to_vec(),
        _ if route.contains("/avatar") => attempts_at_pictures(route, stranger, scene.person_in(conv)),
        _ if route.contains("/attachments") => attempts_at_files(route, stranger, scene, conv),
        _ => return account_attempts(route, stranger, scene),
    })
}

/// The same question with each of these behind it.
fn asks(stranger: &Person, path: &str, queries: &[&str]) -> Vec<Request> {
    queries.iter().map(|query| stranger.request("GET", &format!("{path}{query}"))).collect()
}

/// A request in the dialect of the replaced backend.
fn old(stranger: &Person, method: &str, path: &str) -> Request {
    Request::new(method, format!("/api{path}")).token(&stranger.token)
}

/// The same, on its other routes.
fn old_attempts(route: &str, stranger: &Person, scene: &Scene) -> Option<Vec<Request>> {
    let (email, absent) = (&scene.member.email, scene.absent.to_string().replace("conv_", "user_"));
    Some(match route {
        "POST /api/auth/register" => vec![
            old(stranger, "POST", "/auth/register").json(&json!({"email": email, "name": "X", "password": "12345678"})),
        ],
        "POST /api/auth/login" => {
            vec![old(stranger, "POST", "/auth/login").json(&json!({"email": email, "password": "12345678"}))]
        }
        "GET /api/auth/profile" => vec![old(stranger, "GET", "/auth/profile")],
        "GET /api/auth/middleware/{token}" => {
            vec![old(stranger, "GET", &format!("/auth/middleware/{}", stranger.token))]
        }
        "GET /api/users" => {
            ["", "?role=customer"].map(|query| old(stranger, "GET", &format!("/users{query}"))).to_vec()
        }
        "PUT /api/users/profile" => vec![old(stranger, "PUT", "/users/profile").json(&json!({"name": "Stranger"}))],
        "GET /api/chat/conversations" => {
            ["", "?limit=200"].map(|query| old(stranger, "GET", &format!("/chat/conversations{query}"))).to_vec()
        }
        // Whom one may write to is tried in the tests of the dialect: that would be seen in the owner's list.
        "GET /api/chat/conversation/{participantId}" => [absent, stranger.id.to_string()]
            .map(|with| old(stranger, "GET", &format!("/chat/conversation/{with}")))
            .to_vec(),
        "GET /api/admin/stats" => vec![old(stranger, "GET", "/admin/stats")],
        "GET /api/admin/users/recent" => vec![old(stranger, "GET", "/admin/users/recent")],
        // Their session is needed until the end.
        "POST /api/auth/logout" | "GET /api/auth/logout" => vec![],
        _ => return None,
    })
}

/// The same, on routes that are about files: one that was sent in the conversation, or for the absent one none that is.
fn attempts_at_files(route: &str, stranger: &Person, scene: &Scene, conv: ConversationId) -> Vec<Request> {
    let file = scene.file_in(conv);
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let path = path.trim_start_matches("/api/v1").replace("{id}", &file.to_string());
    let request = |query: &str| stranger.request(method, &format!("{path}{query}"));
    match path.strip_prefix(&format!("/attachments/{file}")) {
        None => vec![request("?name=a.txt").text("text/plain", "Mine")],
        Some("/link") => ["", "?thumbnail=true"].map(request).to_vec(),
        Some("" | "/thumbnail") if method == "GET" => vec![
            request(""),
            request("").header("Range", "bytes=0-3"),
            request("").header("If-None-Match", "*"),
            request("?expires=4102444800&signature=AAAA"),
        ],
        Some(_) => vec![request("")],
    }
}

/// The same, on routes that are about pictures of people.
fn attempts_at_pictures(route: &str, stranger: &Person, whose: UserId) -> Vec<Request> {
    let at = |method: &str, rest: &str| stranger.request(method, &format!("/users/{whose}/avatar{rest}"));
    match route {
        "PUT /api/v1/me/avatar" => vec![stranger.request("PUT", "/me/avatar").text("image/png", "No picture")],
        "DELETE /api/v1/me/avatar" => vec![stranger.request("DELETE", "/me/avatar")],
        // They see whoever may write to them.
        _ if matches!(stranger.role, Role::Admin | Role::Agent) => vec![],
        "GET /api/v1/users/{id}/avatar/link" => vec![at("GET", "/link")],
        _ => vec![
            at("GET", ""),
            at("GET", "").header("If-None-Match", "*"),
            at("GET", "?expires=4102444800&signature=A"),
        ],
    }
}

/// The same, on routes that are about accounts; a conversation is no part of them.
fn account_attempts(route: &str, stranger: &Person, scene: &Scene) -> Option<Vec<Request>> {
    Some(match route {
        "POST /api/v1/auth/password/forgot" => {
            vec![stranger.request("POST", "/auth/password/forgot").json(&json!({"email": scene.member.email}))]
        }
        "POST /api/v1/auth/password/reset" => vec![
            stranger.request("POST", "/auth/password/reset").json(&json!({"token": "pt_x", "password": "12345678"})),
        ],
        "POST /api/v1/auth/verify-email" => {
            vec![stranger.request("POST", "/auth/verify-email").json(&json!({"token": "vt_x"}))]
        }
        "POST /api/v1/me/verify-email" => vec![stranger.request("POST", "/me/verify-email")],
        "POST /api/v1/auth/invitation" => vec![
            stranger
                .request("POST", "/auth/invitation")
                .json(&json!({"token": "it_x", "name": "X", "password": "12345678"})),
        ],
        // What is for admins and about one account is tried in the tests of the staff.
        "GET /api/v1/users" => vec![
            stranger.request("GET", "/users"),
            stranger.request("GET", &format!("/users?email={}", scene.member.email)),
        ],
        "GET /api/v1/policy" => vec![stranger.request("GET", "/policy")],
        "GET /api/v1/webhooks" => vec![stranger.request("GET", "/webhooks")],
        "POST /api/v1/webhooks" => {
            vec![stranger.request("POST", "/webhooks").json(&json!({"url": "https://127.0.0.1/x"}))]
        }
        "GET /api/v1/invitations" => vec![stranger.request("GET", "/invitations")],
        "POST /api/v1/invitations" => {
            vec![stranger.request("POST", "/invitations").json(&json!({"email": scene.member.email, "role": "admin"}))]
        }
        // Administration; `staff`, `invitations` and `webhooks` try these as everybody.
        "DELETE /api/v1/invitations/{id}"
        | "DELETE /api/v1/users/{id}"
        | "GET /api/v1/users/{id}"
        | "PATCH /api/v1/users/{id}"
        | "POST /api/v1/users/{id}/disable"
        | "POST /api/v1/users/{id}/enable"
        | "POST /api/v1/users/{id}/password-reset"
        | "DELETE /api/v1/users/{id}/sessions"
        | "GET /api/v1/users/{id}/sessions"
        | "DELETE /api/v1/webhooks/{id}"
        | "GET /api/v1/webhooks/{id}"
        | "PATCH /api/v1/webhooks/{id}"
        | "GET /api/v1/webhooks/{id}/deliveries"
        | "POST /api/v1/webhooks/{id}/replay"
        | "POST /api/v1/webhooks/{id}/secret"
        | "POST /api/v1/webhooks/{id}/test"
        // And `compat` these.
        | "GET /api/users/{id}"
        | "PUT /api/users/{id}"
        | "DELETE /api/users/{id}" => vec![],
        "GET /livez" => vec![Request::new("GET", "/livez")],
        "GET /readyz" => vec![Request::new("GET", "/readyz")],
        "GET /api/v1/me/sessions" => vec![stranger.request("GET", "/me/sessions")],
        // There may be others, which are none of the scene's.
        "DELETE /api/v1/me/sessions" => vec![stranger.request("DELETE", "/me/sessions")],
        "DELETE /api/v1/me/sessions/{id}" => {
            vec![stranger.request("DELETE", "/me/sessions/sess_01kay8m2r3f9vvk1a2b3c4d5e6")]
        }
        "POST /api/v1/me/password" => vec![
            stranger
                .request("POST", "/me/password")
                .json(&json!({"current_password": "12345678", "new_password": "12345678"})),
        ],
        "POST /api/v1/auth/refresh" => {
            vec![stranger.request("POST", "/auth/refresh").json(&json!({"refresh_token": "rt_x"}))]
        }
        "POST /api/v1/users" => vec![
            stranger
                .request("POST", "/users")
                .json(&json!({"email": scene.member.email, "name": "X", "password": "12345678", "role": "admin"})),
        ],
        _ => return attempts_at_accounts(route, stranger, scene),
    })
}

/// The same, of routes that are about nobody else.
fn attempts_at_accounts(route: &str, stranger: &Person, scene: &Scene) -> Option<Vec<Request>> {
    Some(match route {
        "POST /api/v1/auth/register" => vec![
            stranger
                .request("POST", "/auth/register")
                .json(&json!({"email": scene.member.email, "name": "X", "password": "12345678"})),
        ],
        "POST /api/v1/auth/login" => vec![
            stranger.request("POST", "/auth/login").json(&json!({"email": scene.member.email, "password": "12345678"})),
        ],
        "GET /api/v1/audit-log" => {
            ["", "?limit=200"].map(|query| stranger.request("GET", &format!("/audit-log{query}"))).to_vec()
        }
        "GET /api/v1/me/notifications" => vec![stranger.request("GET", "/me/notifications")],
        "PUT /api/v1/me/notifications" => {
            let all = json!({"messages": true, "mentions": true});
            vec![stranger.request("PUT", "/me/notifications").json(&json!({"mail": all, "push": all}))]
        }
        "GET /api/v1/me/muted" => vec![stranger.request("GET", "/me/muted")],
        "GET /api/v1/notifications/undelivered" => vec![stranger.request("GET", "/notifications/undelivered")],
        "POST /api/v1/notifications/undelivered/{notification}/retry" => {
            vec![stranger.request("POST", "/notifications/undelivered/ntf_01kay8m2r3f9vvk1a2b3c4d5e6/retry")]
        }
        "GET /api/v1/api-keys" => vec![stranger.request("GET", "/api-keys")],
        "POST /api/v1/api-keys" => vec![
            stranger
                .request("POST", "/api-keys")
                .json(&json!({"name": "x", "scopes": ["messages:write"], "user": scene.member.id})),
        ],
        "DELETE /api/v1/api-keys/{key}" => {
            vec![stranger.request("DELETE", "/api-keys/key_01kay8m2r3f9vvk1a2b3c4d5e6")]
        }
        "POST /api/v1/auth/visitor" => {
            vec![stranger.request("POST", "/auth/visitor").json(&json!({"site_key": "shop"}))]
        }
        "POST /api/v1/auth/identity" => vec![
            stranger
                .request("POST", "/auth/identity")
                .json(&json!({"token": scene.member.token, "visitor_token": scene.member.token})),
        ],
        "POST /api/v1/me/visitors" => [&scene.member, &scene.owner]
            .map(|who| stranger.request("POST", "/me/visitors").json(&json!({"visitor_token": who.token})))
            .to_vec(),
        "GET /api/v1/me/push-subscriptions" => vec![stranger.request("GET", "/me/push-subscriptions")],
        "POST /api/v1/me/push-subscriptions" => vec![
            stranger
                .request("POST", "/me/push-subscriptions")
                .json(&json!({"endpoint": "https://127.0.0.1/x", "keys": {"p256dh": "A", "auth": "A"}})),
        ],
        "DELETE /api/v1/me/push-subscriptions/{id}" => {
            vec![stranger.request("DELETE", "/me/push-subscriptions/push_01kay8m2r3f9vvk1a2b3c4d5e6")]
        }
        "POST /api/v1/auth/ws-ticket" => vec![stranger.request("POST", "/auth/ws-ticket")],
        // The one comes last of all, in the test of its own; the other never ends, and is read beside the sockets.
        "POST /api/v1/auth/logout" | "GET /api/v1/events/stream" => vec![],
        _ => return old_attempts(route, stranger, scene),
    })
}

/// Frames that a stranger can try. A frame that is not here fails the test.
fn frames(name: &str, stranger: &Person, scene: &Scene, conv: ConversationId) -> Option<Vec<Value>> {
    let id = scene.message;
    Some(match name {
        "hello" => vec![json!({"t": "hello", "token": stranger.token, "resume": null})],
        "auth" => vec![json!({"t": "auth", "re": 7, "token": format!("{}x", stranger.token)})],
        "send" => vec![
            json!({"t": "send", "re": 7, "conv": conv, "client_id": "x1", "text": "Let me in"}),
            json!({"t": "send", "re": 7, "conv": conv, "client_id": SECRET, "text": SECRET}),
            json!({"t": "send", "re": 7, "conv": conv, "client_id": "x2", "text": "", "attachments": [scene.file]}),
        ],
        "edit" => vec![
            json!({"t": "edit", "re": 7, "conv": conv, "id": id, "text": "Changed"}),
            json!({"t": "edit", "re": 7, "conv": conv, "id": id, "text": "Changed", "if_version": 9}),
        ],
        "delete" => vec![json!({"t": "delete", "re": 7, "conv": conv, "id": id})],
        "react" => vec![json!({"t": "react", "re": 7, "conv": conv, "id": id, "emoji": "👍", "on": true})],
        "unread" => vec![json!({"t": "unread", "re": 7, "conv": conv, "seq": 1})],
        "delivered" => vec![json!({"t": "delivered", "re": 7, "conv": conv, "seq": 1})],
        "read" => vec![
            json!({"t": "read", "re": 7, "conv": conv, "seq": 1}),
            json!({"t": "read", "re": 7, "conv": conv, "seq": 0}),
        ],
        "typing" => vec![
            json!({"t": "typing", "re": 7, "conv": conv, "on": true}),
            json!({"t": "typing", "re": 7, "conv": conv, "on": false}),
        ],
        "viewing" => vec![
            json!({"t": "viewing", "re": 7, "conv": conv, "on": true}),
            json!({"t": "viewing", "re": 7, "conv": conv, "on": false}),
        ],
        "presence" => ["away", "online"].map(|state| json!({"t": "presence", "re": 7, "state": state})).to_vec(),
        "ping" => vec![json!({"t": "ping"})],
        _ => return None,
    })
}

fn routes() -> BTreeSet<String> {
    let document = chatd::document();
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(routes.len() >= 17, "{routes:?}");
    routes
}

/// An answer as bytes that may be compared with the answer about another conversation.
fn comparable(mut answer: Answer, scene: &Scene, conv: ConversationId) -> (u16, Vec<(String, String)>, String) {
    answer.headers.retain(|(name, _)| name != "date");
    let text = answer.text().replace(&conv.to_string(), "conv_…").replace(&scene.file_in(conv).to_string(), "att_…");
    let text = [scene.member.id, scene.person_in(conv)]
        .iter()
        .fold(text, |text, person| text.replace(&person.to_string(), "user_…"));
    (answer.status, answer.headers, text)
}

fn tells_nothing(what: &str, text: &str, scene: &Scene) {
    for secret in [SECRET, SUBJECT, "Well-hidden-answer", &scene.conv.to_string()] {
        assert!(!text.contains(secret), "{what} tells of {secret}: {text}");
    }
}

/// Every route, about the conversation and about one that does not exist: the same bytes.
async fn tries_every_route(stranger: &Person, scene: &Scene) {
    for route in routes() {
        let cases = |conv| attempts(&route, stranger, scene, conv).unwrap_or_else(|| panic!("{route} has no case"));
        for (foreign, absent) in cases(scene.conv).into_iter().zip(cases(scene.absent)) {
            let what = format!("{} as {}", foreign.line(), stranger.email);
            let about = foreign.header("X-Request-Id", "same").send(stranger.address).await;
            if route.contains("{id}") || route == "POST /api/chat/messages" {
                let none = absent.header("X-Request-Id", "same").send(stranger.address).await;
                let code = if route.contains("/api/v1/") { about.problem().code } else { about.failure().0 };
                assert_eq!(code.as_str(), "not_found", "{what}: {}", about.text());
                assert_eq!(comparable(about, scene, scene.conv), comparable(none, scene, scene.absent), "{what}");
            } else if route == "GET /api/v1/audit-log" {
                // To admins it says in which conversation the staff did something, and nothing of what is said there.
                tells_nothing(&what, &about.text().replace(&scene.conv.to_string(), ""), scene);
            } else {
                tells_nothing(&what, &about.text(), scene);
            }
        }
    }
}

/// Every frame, about the conversation and about one that does not exist: the same answers.
async fn tries_every_frame(socket: &mut Socket, stranger: &Person, scene: &Scene) {
    for name in ClientFrame::NAMES {
        let cases = |conv| frames(name, stranger, scene, conv).unwrap_or_else(|| panic!("{name} has no case"));
        for (foreign, absent) in cases(scene.conv).into_iter().zip(cases(scene.absent)) {
            let mut answers = Vec::new();
            for frame in [&foreign, &absent] {
                socket.say(frame).await;
                let answer = socket.json().await;
                answers.push(answer);
            }
            if frame_is_about_a_conversation(&foreign) {
                assert_eq!(answers[0]["code"], "not_found", "{foreign}: {}", answers[0]);
                assert_eq!(answers[0], answers[1], "{foreign}");
            }
            // What somebody says of themselves is fine; that nobody here hears of it is checked below.
            assert_eq!(name_of(&answers[0]) == "ok", name == "presence", "{foreign}");
            tells_nothing(name, &answers[0].to_string(), scene);
        }
    }
}

fn frame_is_about_a_conversation(frame: &Value) -> bool {
    frame.get("conv").is_some()
}

/// Makes something happen that this socket must see, and gives back what came before it.
async fn until_marker(socket: &mut Socket, who: &Person, marker: &str) -> Vec<Value> {
    who.call_with("PATCH", "/me", &json!({"name": marker})).await.ok();
    let mut frames = socket.until(|frame| frame["e"] == "user.changed" && frame["d"]["name"] == marker).await;
    frames.pop();
    // On a busy machine it takes long enough for one.
    frames.retain(|frame| frame["t"] != "ping");
    frames
}

#[tokio::test]
async fn no_stranger_of_any_role_reads_joins_posts_or_learns_anything() {
    let scene = Scene::open().await;
    let mut strangers = Vec::new();
    for role in Role::ALL {
        for i in 1..=2 {
            strangers.push(scene.server.door.person(role, &format!("{role}-{i}")).await);
        }
    }
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for stranger in &strangers {
        sockets.push(stranger.socket().await);
        streams.push(stranger.event_source(None).await);
    }
    let mut owners = scene.owner.socket().await;
    until_marker(&mut owners, &scene.owner, "Owner").await;
    let before = scene.contents().await;

    for (stranger, socket) in strangers.iter().zip(&mut sockets) {
        until_marker(socket, stranger, "begin").await;
        tries_every_frame(socket, stranger, &scene).await;
        tries_every_route(stranger, &scene).await;
    }
    // Nothing of it was stored, and the members were told nothing of it.
    assert_eq!(scene.contents().await, before);
    assert_eq!(until_marker(&mut owners, &scene.owner, "Owner again").await, [Value::Null; 0]);

    // The members go on, by every way there is; the strangers hear nothing.
    let late = scene.server.door.person(Role::Merchant, "late").await;
    let path = format!("/conversations/{}", scene.conv);
    for on in [true, false] {
        scene.owner.call_with("POST", &format!("{path}/typing"), &json!({"on": on})).await.ok();
    }
    scene.member.write(scene.conv, "Well-hidden-answer-2").await.ok();
    scene.owner.call_with("POST", &format!("{path}/read"), &json!({"seq": 3})).await.ok();
    scene.owner.call_with("POST", &format!("{path}/participants"), &json!({"user_id": late.id})).await.ok();
    scene.owner.call("DELETE", &format!("{path}/participants/{}", late.id)).await.ok();
    scene.member.socket().await.close().await;
    for ((stranger, socket), stream) in strangers.iter().zip(&mut sockets).zip(&mut streams) {
        let mut heard = until_marker(socket, stranger, "end").await;
        heard.extend(stream.until(|frame| frame["d"]["name"] == "end").await);
        heard.retain(|frame| !matches!(frame["t"].as_str(), Some("welcome" | "live")));
        // What they did themselves on the way comes back to them: their own group, their own name.
        for frame in &heard {
            let own = frame["by"]["id"] == json!(stranger.id);
            assert!(frame["t"] == "ev" && own, "{}: {frame}", stranger.email);
            tells_nothing("an event", &frame.to_string(), &scene);
        }
    }
}

#[tokio::test]
async fn what_a_stranger_missed_is_not_told_on_resume_either() {
    let scene = Scene::open().await;
    for role in Role::ALL {
        let stranger = scene.server.door.person(role, &format!("{role}-1")).await;
        let from = stranger.get("/conversations").await["as_of"].as_str().expect("a cursor").to_owned();
        scene.member.write(scene.conv, &format!("Well-hidden-answer-{role}")).await.ok();
        stranger.call_with("PATCH", "/me", &json!({"name": "Marker"})).await.ok();
        let mut socket = Socket::connect(stranger.address).await;
        socket.say(&json!({"t": "hello", "token": stranger.token, "resume": from})).await;
        let mut stream = stranger.event_source(Some(&from)).await;
        for frames in [socket.until_t("live").await, stream.until(|frame| frame["t"] == "live").await] {
            let heard: Vec<String> = frames.iter().map(name_of).collect();
            assert_eq!(heard, ["welcome", "ev user.changed", "live"], "{role}");
        }
        let batch = stranger.get(&format!("/events?cursor={from}")).await;
        let heard: Vec<String> = batch["items"].as_array().expect("items").iter().map(name_of).collect();
        assert_eq!(heard, ["ev user.changed"], "{role}");
    }
}

#[tokio::test]
async fn former_members_are_strangers_from_that_moment_on() {
    let scene = Scene::open().await;
    for role in Role::ALL {
        let former = scene.server.door.person(role, &format!("former-{role}")).await;
        let mut socket = former.socket().await;
        let from = socket.cursor().to_owned();
        let participants = format!("/conversations/{}/participants", scene.conv);
        let add = json!({"user_id": former.id});
        scene.owner.call_with("POST", &participants, &add).await.ok();
        scene.member.write(scene.conv, &format!("While-{role}-is-in")).await.ok();
        // Their own read mark and message, so that something of theirs is in there.
        former.write(scene.conv, &format!("By-{role}")).await.ok();
        scene.owner.call("DELETE", &format!("{participants}/{}", former.id)).await.ok();
        let heard: Vec<String> = socket
            .until(|frame| frame["e"] == "access.revoked")
            .await
            .iter()
            .filter(|frame| frame["t"] == "ev")
            .map(name_of)
            .collect();
        let expected = ["access.granted", "message.created", "message.created", "access.revoked"];
        assert_eq!(heard, expected.map(|name| format!("ev {name}")), "{role}");

        // The name that one of the routes gives them too, since their message shows it.
        until_marker(&mut socket, &former, "Stranger").await;
        let before = scene.contents().await;
        tries_every_frame(&mut socket, &former, &scene).await;
        tries_every_route(&former, &scene).await;
        assert_eq!(scene.contents().await, before, "{role}");
        scene.member.write(scene.conv, &format!("Without-{role}")).await.ok();
        for frame in until_marker(&mut socket, &former, "Gone").await {
            let own = frame["by"]["id"] == json!(former.id);
            assert!(frame["t"] == "ev" && own, "{role}: {frame}");
        }

        // A cursor from before does not bring back what may no longer be seen.
        let mut resumed = Socket::connect(former.address).await;
        resumed.say(&json!({"t": "hello", "token": former.token, "resume": from})).await;
        let told = resumed.until_t("live").await;
        let about: Vec<String> = told.iter().filter(|frame| frame["conv"] == json!(scene.conv)).map(name_of).collect();
        assert_eq!(about, ["ev access.revoked"], "{role}");
        assert!(!json!(told).to_string().contains("While-"), "{role}: {told:?}");
    }
}

#[tokio::test]
async fn a_former_member_is_not_told_that_somebody_stopped_writing() {
    let scene = Scene::open_with(Options { manual_clock: true, ..Options::default() }).await;
    let path = format!("/conversations/{}", scene.conv);
    let witness = scene.server.door.person(Role::Merchant, "witness").await;
    let add = json!({"user_id": witness.id});
    scene.owner.call_with("POST", &format!("{path}/participants"), &add).await.ok();
    let (mut member_socket, mut witness_socket) = (scene.member.socket().await, witness.socket().await);
    scene.owner.call_with("POST", &format!("{path}/typing"), &json!({"on": true})).await.ok();
    for socket in [&mut member_socket, &mut witness_socket] {
        assert_eq!(socket.find("eph typing").await["on"], true);
    }
    let out = format!("{path}/participants/{}", scene.member.id);
    scene.owner.call("DELETE", &out).await.ok();
    member_socket.find("ev access.revoked").await;
    scene.server.advance(std::time::Duration::from_secs(7));
    assert_eq!(witness_socket.find("eph typing").await["on"], false);
    let heard = until_marker(&mut member_socket, &scene.member, "Marker").await;
    assert_eq!(heard, [Value::Null; 0]);
}
