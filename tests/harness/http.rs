//! Requests byte for byte as the test wants them, one connection each.

use std::fmt::Write as _;
use std::net::SocketAddr;

use chat_proto::ErrorCode;
use chat_proto::wire::Problem;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::DEADLINE;

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without any framing.
    pub body: Vec<u8>,
}

impl Request {
    /// Path and query are sent as they are.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Which route this is a request to, for messages.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// A body of any kind and content.
    #[must_use]
    pub fn text(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", kind)
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Panics
    /// When no answer comes, or none that is HTTP.
    pub async fn send(&self, to: SocketAddr) -> Answer {
        let (answer, bytes) = self.exchange(to).await.expect("the server listens");
        answer.unwrap_or_else(|| panic!("{}: {:?}", self.line(), String::from_utf8_lossy(&bytes)))
    }

    /// Sends it to a server that may just be gone; `None` when it is, or breaks off.
    ///
    /// # Panics
    /// When it is there and no answer comes.
    pub async fn try_send(&self, to: SocketAddr) -> Option<Answer> {
        self.exchange(to).await.ok()?.0
    }

    /// What came back, also as bytes.
    async fn exchange(&self, to: SocketAddr) -> std::io::Result<(Option<Answer>, Vec<u8>)> {
        let exchange = async {
            let stream = TcpStream::connect(to).await?;
            let (mut from, mut into) = stream.into_split();
            let mut head = format!("{} {} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n", self.method, self.path);
            for (name, value) in &self.headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
                let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
            }
            head.push_str("\r\n");
            let mut answer = Vec::new();
            let write = async {
                // A server that has seen enough may answer and close before it has read everything.
                let _ = into.write_all(head.as_bytes()).await;
                let _ = into.write_all(&self.body).await;
            };
            let read = async {
                let _ = from.read_to_end(&mut answer).await;
            };
            tokio::join!(write, read);
            Ok::<_, std::io::Error>(answer)
        };
        let bytes = timeout(DEADLINE, exchange).await;
        let bytes = bytes.unwrap_or_else(|_| panic!("{}: no answer", self.line()))?;
        // What would be the body's length is told all the same.
        let answer = if self.method == "HEAD" { Answer::parse_headed(&bytes) } else { Answer::parse(&bytes) };
        Ok((answer, bytes))
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let answer = Self { body: bytes[end..].to_vec(), ..Self::parse_head(&bytes[..end])? };
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        (length.unwrap_or(answer.body.len()) == answer.body.len()).then_some(answer)
    }

    fn parse_headed(bytes: &[u8]) -> Option<Self> {
        let end = bytes.strip_suffix(b"\r\n\r\n")?;
        Self::parse_head(end)
    }

    /// The answer without its body.
    pub(crate) fn parse_head(head: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Self { status, headers, body: Vec::new() })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, for messages and searches.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a success.
    ///
    /// # Panics
    /// When it is an error, or no JSON.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The code and the words for people of an error in the dialect of the replaced backend, checked for what every error of
    /// it has to have.
    ///
    /// # Panics
    /// When something of that is missing.
    pub fn failure(&self) -> (ErrorCode, String) {
        let text = self.text();
        assert_eq!(self.header("content-type"), Some("application/json"), "{} {text}", self.status);
        let failure: Value = serde_json::from_slice(&self.body).expect("JSON");
        let code: ErrorCode = serde_json::from_value(failure["code"].clone()).expect("a code");
        assert_eq!(code.status(), self.status, "{text}");
        assert_eq!(failure["status"], if self.status < 500 { "fail" } else { "error" }, "{text}");
        assert_eq!(failure["request_id"].as_str(), self.header("x-request-id"), "{text}");
        let message = failure["message"].as_str().expect("a message");
        assert!(message.ends_with('.') && message.starts_with(|c: char| c.is_uppercase() || c == '`'), "{message}");
        if matches!(self.status, 429 | 503 | 507) {
            assert!(self.header("retry-after").is_some(), "{text}");
        }
        (code, message.to_owned())
    }

    /// The body of an error, checked for what every error has to have.
    ///
    /// # Panics
    /// When something of that is missing.
    pub fn problem(&self) -> Problem {
        let text = self.text();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {text}", self.status);
        let problem: Problem = serde_json::from_slice(&self.body).expect("a problem document");
        assert_eq!(problem.status, self.status, "{text}");
        assert_eq!(problem.code.status(), self.status, "{text}");
        assert_eq!(problem.retryable, problem.code.is_retryable(), "{text}");
        assert_eq!(Some(problem.request_id.as_str()), self.header("x-request-id"), "{text}");
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{text}");
        assert!(problem.kind.ends_with(problem.code.as_str()), "{text}");
        if matches!(self.status, 429 | 503 | 507) {
            assert!(self.header("retry-after").is_some(), "{text}");
        }
        problem
    }
}
