//! Where the link in a mail leads with which one ends such mails (RFC 8058): a page for people, and a door for programs
//! for mail that click for them. It is no part of the API, and needs nobody to be signed in.

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::app::App;
use crate::problem::Refused;

pub(crate) const PATH: &str = "/api/v1/notifications/unsubscribe";

#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    token: String,
}

/// Changes nothing: what looks at links before people do (virus scanners, previews) would end mails that somebody wants.
pub(crate) async fn ask(headers: HeaderMap) -> Response {
    let words = Words::of(&headers);
    let button = format!("<form method=\"post\"><button>{}</button></form>", words.end);
    page(words, StatusCode::OK, words.question, &button)
}

/// Ends them. What is in the body does not matter: programs send `List-Unsubscribe=One-Click`, the page sends nothing.
pub(crate) async fn end(State(app): State<App>, Query(link): Query<Link>, headers: HeaderMap) -> Response {
    let words = Words::of(&headers);
    match app.chat.unsubscribe(&link.token).await {
        Ok(()) => page(words, StatusCode::OK, words.ended, ""),
        Err(error) if error.code() == chat_proto::ErrorCode::Invalid => {
            page(words, StatusCode::BAD_REQUEST, words.no_link, "")
        }
        Err(error) => Refused::from(error).into_response(),
    }
}

/// All of it is ours: nothing from the address or of anybody stands in it.
fn page(words: &Words, status: StatusCode, text: &str, below: &str) -> Response {
    let Words { language, title, .. } = words;
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n{below}\n</html>\n"
    );
    let policy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    (status, [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], Html(html)).into_response()
}

struct Words {
    language: &'static str,
    title: &'static str,
    question: &'static str,
    end: &'static str,
    ended: &'static str,
    no_link: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Mails about messages",
    question: "Do you want no more mails about messages that you have not read?",
    end: "No more mails",
    ended: "You get no more mails about messages. You can change that again where you read them.",
    no_link: "This link is not good any more. You can change which mails you get where you read your messages.",
};

const GERMAN: Words = Words {
    language: "de",
    title: "Mails über Nachrichten",
    question: "Möchten Sie keine Mails mehr über Nachrichten, die Sie nicht gelesen haben?",
    end: "Keine Mails mehr",
    ended: "Sie bekommen keine Mails mehr über Nachrichten. Sie können das dort wieder ändern, wo Sie sie lesen.",
    no_link: "Dieser Link gilt nicht mehr. Welche Mails Sie bekommen, ändern Sie dort, wo Sie Ihre Nachrichten lesen.",
};

impl Words {
    /// In the language that the browser asks for first.
    fn of(headers: &HeaderMap) -> &'static Self {
        let first = headers.get(header::ACCEPT_LANGUAGE).and_then(|languages| languages.to_str().ok());
        let is_german =
            first.is_some_and(|languages| languages.trim().get(..2).is_some_and(|l| l.eq_ignore_ascii_case("de")));
        if is_german { &GERMAN } else { &ENGLISH }
    }
}
