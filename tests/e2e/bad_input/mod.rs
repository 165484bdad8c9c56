//! Whatever comes in is answered with the documented error, stores nothing and never takes the server down.

mod forged;
mod frames;
mod requests;
mod tokens;

use chat_proto::{ConversationId, ErrorCode, Role};
use chat_tests::{Answer, Door, InProcess, Options, Person, Request};
use serde_json::Value;

/// A conversation with one message, and what must be the same after everything bad that was said.
struct Shop {
    server: InProcess,
    ana: Person,
    leo: Person,
    order: ConversationId,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    async fn open_with(options: Options) -> Self {
        let server = InProcess::start_with(options).await;
        let ana = server.door.person(Role::Customer, "ana").await;
        let leo = server.door.person(Role::Agent, "leo").await;
        let order = ana.direct(&leo).await;
        ana.write(order, "The only message").await.ok();
        Self { server, ana, leo, order }
    }

    fn door(&self) -> &Door {
        &self.server.door
    }

    fn path(&self, rest: &str) -> String {
        format!("/conversations/{}{rest}", self.order)
    }

    /// Everything that could have been changed.
    async fn stored(&self) -> Vec<Value> {
        let mut stored = Vec::new();
        for who in [&self.ana, &self.leo] {
            stored.push(who.get("/me").await);
            stored.push(who.get("/conversations").await["items"].take());
            stored.push(who.get(&self.path("/messages")).await["items"].take());
        }
        for role in Role::ALL {
            let people = Request::new("GET", format!("/api/v1/directory?role={role}")).token(&self.door().admin);
            stored.push(self.door().send(people).await.ok()["items"].take());
        }
        stored
    }
}

fn refused(case: &str, answer: &Answer, code: ErrorCode) {
    let text = answer.text();
    assert_eq!(answer.status, code.status(), "{case}: {text}");
    let problem = answer.problem();
    assert_eq!(problem.code, code, "{case}: {text}");
    if code == ErrorCode::Invalid {
        assert!(!problem.fields.is_empty(), "{case}: {text}");
    }
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}
