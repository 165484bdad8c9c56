//! An event stream (`GET /events/stream`), read byte for byte.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::{Answer, DEADLINE};

/// A reader of an event stream. It checks of every `ev` that `n` counts 1, 2, 3 … and that its id is its cursor, and
/// keeps the last id as browsers do.
#[derive(Debug)]
pub struct EventSource {
    stream: BufReader<TcpStream>,
    /// Of the answer; its body is what [`next`](Self::next) gives.
    pub head: Answer,
    /// Came, and is not a whole event yet.
    rest: String,
    last_id: Option<String>,
    retry_ms: Option<u64>,
    n: u64,
    over: bool,
}

/// One server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

impl EventSource {
    /// Opens a stream with these headers. `path` is everything after `/api/v1/events/stream`.
    ///
    /// # Errors
    /// The server's refusal.
    ///
    /// # Panics
    /// When the server does neither.
    pub async fn open(to: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let opened = timeout(DEADLINE, Self::try_open(to, path, headers)).await.expect("an answer in time");
        opened.expect("the server listens")
    }

    /// Opens a stream on a server that may just be gone.
    ///
    /// # Errors
    /// When it is.
    ///
    /// # Panics
    /// When what it answers is not HTTP.
    pub async fn try_open(
        to: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> std::io::Result<Result<Self, Answer>> {
        let socket = TcpSocket::new_v4()?;
        // Small, so that a reader that does not read is noticed soon.
        socket.set_recv_buffer_size(16 << 10)?;
        let mut stream = BufReader::new(socket.connect(to).await?);
        let mut request = format!("GET /api/v1/events/stream{path} HTTP/1.1\r\nHost: {to}\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut head).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut head = Answer::parse_head(&head).expect("HTTP");
        if head.status != 200 {
            let length = head.header("content-length").and_then(|length| length.parse().ok());
            head.body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut head.body).await?;
            return Ok(Err(head));
        }
        assert_eq!(head.header("transfer-encoding"), Some("chunked"), "{head:?}");
        let rest = String::new();
        Ok(Ok(Self { stream, head, rest, last_id: None, retry_ms: None, n: 0, over: false }))
    }

    /// The id of the last event that had one: what to come back with.
    ///
    /// # Panics
    /// When none had.
    pub fn cursor(&self) -> &str {
        self.last_id.as_deref().expect("a cursor")
    }

    /// How long to wait before coming back, as the server said last.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// The next event; `None` at the end, broken off or not.
    ///
    /// # Panics
    /// When nothing comes, or something that is none.
    pub async fn next(&mut self) -> Option<Sent> {
        timeout(DEADLINE, self.read()).await.expect("an event in time")
    }

    /// Waits for the next event without a deadline.
    pub async fn read(&mut self) -> Option<Sent> {
        loop {
            if let Some(end) = self.rest.find("\n\n") {
                let text: String = self.rest.drain(..end + 2).collect();
                return Some(self.parse(&text));
            }
            let chunk = self.chunk().await?;
            self.rest.push_str(std::str::from_utf8(&chunk).expect("UTF-8; no event is cut in a letter"));
        }
    }

    /// Data of the next part of the body.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        if self.over {
            return None;
        }
        let mut size = String::new();
        self.stream.read_line(&mut size).await.ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(size);
        self.over = size == 0;
        (!self.over).then_some(chunk)
    }

    fn parse(&mut self, text: &str) -> Sent {
        let (mut id, mut name, mut data) = (None, None, None);
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(": ").expect("a field");
            let once = match field {
                "id" => id.replace(value.to_owned()).is_none(),
                "event" => name.replace(value.to_owned()).is_none(),
                "data" => data.replace(value).is_none(),
                "retry" => self.retry_ms.replace(value.parse().expect("a number")) != Some(0),
                _ => false,
            };
            assert!(once, "{text}");
        }
        let (name, data) = (name.expect("a name"), data.expect("data"));
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["t"], json!(name), "{text}");
        if name == "ev" {
            self.n += 1;
            assert_eq!(data["n"], json!(self.n), "an event is missing or doubled: {text}");
        }
        if matches!(name.as_str(), "ev" | "live" | "ping") {
            assert_eq!(data["c"], json!(id), "{text}");
        }
        if id.is_some() {
            self.last_id.clone_from(&id);
        }
        Sent { id, name, data }
    }

    /// The data of all events up to the first that is looked for, it included.
    ///
    /// # Panics
    /// At the end.
    pub async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let Some(sent) = self.next().await else { panic!("ended after {frames:?}") };
            let found = is_it(&sent.data);
            frames.push(sent.data);
            if found {
                return frames;
            }
        }
    }

    /// The data of all events up to the end.
    pub async fn end(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        while let Some(sent) = self.next().await {
            frames.push(sent.data);
        }
        frames
    }

    /// Whether the server ended the answer properly.
    pub fn is_complete(&self) -> bool {
        self.over
    }
}
