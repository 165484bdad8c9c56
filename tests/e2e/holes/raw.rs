//! Bytes on a connection, as no client of good will sends them.

use std::net::SocketAddr;

use chat_tests::DEADLINE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) struct Raw(TcpStream);

impl Raw {
    pub(super) async fn connect(to: SocketAddr) -> Self {
        Self(TcpStream::connect(to).await.expect("the server listens"))
    }

    /// A WebSocket, up to the end of the handshake.
    pub(super) async fn web_socket(to: SocketAddr) -> Self {
        let mut raw = Self::connect(to).await;
        let upgrade = "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert!(raw.send(upgrade).await);
        let head = raw.read_until(b"\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// `false`: the server has hung up.
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        timeout(DEADLINE, self.0.write_all(bytes.as_ref())).await.expect("the server reads").is_ok()
    }

    pub(super) async fn read_until(&mut self, end: &[u8]) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !read.ends_with(end) {
                read.push(self.0.read_u8().await.expect("more to read"));
            }
        };
        timeout(DEADLINE, reading).await.expect("it comes in time");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Everything up to the end of the connection; a reset is an end too.
    pub(super) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        let _ = timeout(DEADLINE, self.0.read_to_end(&mut read)).await.expect("the server closes");
        read
    }
}

/// The head of a frame of a client: its first byte, and the length that it claims. The mask is zero, so that what follows
/// is as it is.
pub(super) fn frame_head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0xff];
    head.extend(length.to_be_bytes());
    head.extend([0; 4]);
    head
}

/// A whole text frame.
pub(super) fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = frame_head(0x81, text.len() as u64);
    frame.extend(text.as_bytes());
    frame
}

/// The code of the close frame at the end of what a server sent.
pub(super) fn close_code(read: &[u8]) -> Option<u16> {
    let at = (0..read.len().checked_sub(3)?).rev().find(|at| {
        let length = usize::from(read[at + 1]);
        read[*at] == 0x88 && at + 2 + length == read.len()
    })?;
    Some(u16::from_be_bytes([read[at + 2], read[at + 3]]))
}
