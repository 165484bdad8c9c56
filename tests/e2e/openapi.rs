//! The API document is what is committed, and can be read without any other host.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chat_tests::{InProcess, Request, option};
use serde_json::Value;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[tokio::test]
async fn the_served_document_is_the_committed_one() {
    let server = InProcess::start().await;
    let answer = server.door.send(Request::new("GET", "/api/v1/openapi.json")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let served = answer.ok();
    let described = chatd::document();
    assert_eq!(served["paths"], described["paths"]);
    let text = serde_json::to_string_pretty(&served).expect("JSON") + "\n";
    let committed = Path::new(COMMITTED);
    if option("CHAT_UPDATE_OPENAPI").is_some_and(|update| update == 1) {
        std::fs::write(committed, &text).expect("docs/openapi.json can be written");
    }
    let kept = std::fs::read_to_string(committed).unwrap_or_default();
    let difference = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
    assert!(
        kept == text,
        "docs/openapi.json is not what the server serves, first at {difference:?}; \
         look at the change and run the tests with CHAT_UPDATE_OPENAPI=1"
    );
}

#[tokio::test]
async fn every_route_says_who_may_and_what_can_go_wrong() {
    let document = chatd::document();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let responses = operation["responses"].as_object().expect("responses");
            assert!(operation["summary"].is_string(), "{method} {path}");
            // Whoever signs out or wants a ticket shows a token; all the other doors are there for those who have none.
            let is_compat = operation["tags"][0] == "compat";
            let is_probe = ["/livez", "/readyz"].contains(&path.as_str());
            assert_eq!(is_compat, !is_probe && !path.starts_with("/api/v1/"), "{method} {path}");
            let open = is_probe
                || path == "/api/v1/server"
                || ["/api/auth/register", "/api/auth/login", "/api/auth/middleware/{token}"].contains(&path.as_str())
                || (path.starts_with("/api/v1/auth/")
                    && !["/logout", "/ws-ticket"].iter().any(|own| path.ends_with(own)));
            assert_eq!(operation["security"].is_array(), !open, "{method} {path}");
            if path.contains("{id}") {
                assert!(responses.contains_key("404"), "{method} {path} does not say that it may be not found");
            }
            for (status, response) in responses {
                let problem = &response["content"];
                // A probe says all by its status.
                let is_error = status.as_str() >= "400" && !(is_probe && status == "503");
                let error = if is_compat { "schemas/CompatFailure" } else { "schemas/Problem" };
                let refers = problem.to_string().contains(error);
                assert_eq!(refers, is_error, "{method} {path} {status}: {problem}");
            }
        }
    }
}

/// As the standard asks: generators make the names of functions of them, and the page its anchors.
#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let document = chatd::document();
    let mut seen = HashMap::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let name = operation["operationId"].as_str().expect("a name");
            let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(word) && !name.contains("__"), "{name}");
            let other = seen.insert(name, (method, path));
            assert_eq!(other, None, "{name} is {method} {path} too");
        }
    }
}

/// What is described but stands in no snapshot could change without anybody seeing it.
#[tokio::test]
async fn everything_that_is_described_is_in_a_snapshot_of_the_protocol() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chat-proto/tests/serialised/snapshots");
    let mut shown = String::new();
    for file in std::fs::read_dir(folder).expect("the snapshots") {
        shown += &std::fs::read_to_string(file.expect("a file").path()).expect("a snapshot");
    }
    let document = chatd::document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let is_shown = |name: &str| shown.lines().any(|line| line.split([' ', ',']).next() == Some(name));
    // A list is shown with its rows, and so is what else has a row in it.
    let inner = |name: &str| name.split_once('_').map_or(name.to_owned(), |(_, inner)| inner.to_owned());
    let mut seen: HashSet<String> = schemas.keys().filter(|name| is_shown(name)).cloned().collect();
    let mut open: Vec<String> = seen.iter().cloned().collect();
    while let Some(name) = open.pop() {
        for part in referred(&schemas[&name]) {
            if seen.insert(part.clone()) {
                open.push(part);
            }
        }
    }
    // The dialect has snapshots of its own.
    let missing = schemas.keys().filter(|name| !name.starts_with("Compat") && !seen.contains(&inner(name)));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0], "add them to chat-proto/tests/serialised");
}

/// The names of the schemas that this one refers to.
fn referred(schema: &Value) -> Vec<String> {
    match schema {
        Value::Array(items) => items.iter().flat_map(referred).collect(),
        Value::Object(members) => {
            let named = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            named.map(str::to_owned).into_iter().chain(members.values().flat_map(referred)).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn nothing_is_said_to_be_null() {
    fn nulls(at: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Null => found.push(at.to_owned()),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| nulls(&format!("{at}/{i}"), item, found));
            }
            Value::Object(members) => {
                // What stands in an example or an enumeration is a value, not the document.
                let said =
                    members.iter().filter(|(name, _)| !["example", "examples", "enum", "default"].contains(&&***name));
                said.for_each(|(name, member)| nulls(&format!("{at}/{name}"), member, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    nulls("", &chatd::document()["paths"], &mut found);
    assert_eq!(found, [""; 0]);
}

#[tokio::test]
async fn the_page_needs_no_script_and_no_other_host() {
    let server = InProcess::start().await;
    let page = server.door.send(Request::new("GET", "/api/docs")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let style = server.door.send(Request::new("GET", "/api/docs.css")).await;
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css")));
    let html = page.text().to_lowercase();
    assert!(!html.contains("<script") && !html.contains("javascript:"), "a script");
    for text in [html.as_str(), &style.text().to_lowercase()] {
        for marker in ["src=\"http", "href=\"http", "href=\"//", "src=\"//", "url(", "@import"] {
            assert!(!text.contains(marker), "{marker}");
        }
    }
    for path in chatd::document()["paths"].as_object().map(serde_json::Map::keys).expect("paths") {
        // With or without the placeholders marked up.
        let plain = path.split('{').next().unwrap_or_default();
        assert!(html.contains(plain), "{path} is not on the page");
    }
    let _: Value = server.door.send(Request::new("GET", "/api/v1/openapi.json")).await.ok();
}
