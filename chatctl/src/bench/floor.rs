//! The floor: what it costs to pass texts on between sockets and to do nothing else. It knows nobody, checks nothing
//! and stores nothing; what a server needs beyond it is the price of being a chat.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};
use tokio_util::task::TaskTracker;

use super::failure::Failure;
use super::frame;
use super::line::Address;
use super::measure::Process;
use super::traffic::Venue;
use crate::exit::{Exit, complain, print};

/// Serves until its standard input ends, and prints where it listens. The scenarios start it by themselves with
/// `--floor`.
#[derive(Debug, Args)]
pub(super) struct Floor {
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Texts that wait for one connection; one that does not keep up leaves the room.
const WAITING: usize = 4_096;

/// Which rooms a connection of the floor is in, in the place of a token.
pub(super) fn token(room: &str) -> String {
    room.to_owned()
}

/// The floor in a process of its own, so that its CPU time can be told from the bench's; dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    process: Child,
    address: String,
}

impl Running {
    pub(super) fn start() -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["bench", "floor"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut address)?;
        }
        Ok(Self { process, address: address.trim().to_owned() })
    }

    pub(super) fn venue(&self) -> Result<Venue, Failure> {
        let address = Address::of(&format!("http://{}", self.address))?;
        Ok(Venue { address, process: Some(Process::new(self.process.id())) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the floor's own process.
pub(super) fn run(args: &Floor) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the runtime did not start: {error}"), Exit::Failed),
    };
    match runtime.block_on(serve(args.listen)) {
        Ok(()) => Exit::Ok,
        Err(error) => complain(&error.to_string(), Exit::Failed),
    }
}

async fn serve(listen: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    print(&format!("{}\n", listener.local_addr()?), Exit::Ok);
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    })?;
    let (hall, tasks) = (Arc::new(Hall::default()), TaskTracker::new());
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            let hall = Arc::clone(&hall);
            tasks.spawn(async move {
                // Whoever goes, goes.
                let _ = attend(stream, &hall).await;
            });
        }
    };
    tokio::select! {
        accepted = accept => accepted,
        _ = end => Ok(()),
    }
}

/// All rooms, by the ids of their conversations.
#[derive(Debug, Default)]
struct Hall(Mutex<HashMap<String, Arc<Mutex<Room>>>>);

#[derive(Debug, Default)]
struct Room {
    last_seq: u64,
    listeners: Vec<mpsc::Sender<Utf8Bytes>>,
}

impl Hall {
    fn room(&self, id: &str) -> Arc<Mutex<Room>> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rooms.entry(id.to_owned()).or_default())
    }
}

impl Room {
    fn publish(&mut self, conversation: &str, text: &str) -> u64 {
        self.last_seq += 1;
        let event = Utf8Bytes::from(event(conversation, self.last_seq, text));
        self.listeners.retain(|listener| listener.try_send(event.clone()).is_ok());
        self.last_seq
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn attend(stream: TcpStream, hall: &Hall) -> Result<(), SocketError> {
    stream.set_nodelay(true)?;
    // As small as chatd's, or they alone would cost more than all the rest.
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(16 << 10);
    let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    let Some(Ok(Message::Text(hello))) = socket.next().await else { return Ok(()) };
    let Some((id, _)) = frame::string(&hello, r#""token":""#) else { return Ok(()) };
    let room = hall.room(id);
    let id = id.to_owned();
    drop(hello);
    let (listener, mut texts) = mpsc::channel(WAITING);
    lock(&room).listeners.push(listener);
    socket.feed(Message::text(r#"{"t":"welcome"}"#)).await?;
    socket.feed(Message::text(r#"{"t":"live","c":""}"#)).await?;
    socket.flush().await?;
    loop {
        tokio::select! {
            frame = socket.next() => {
                let Some(mut frame) = frame else { return Ok(()) };
                loop {
                    hear(&mut socket, frame?, &id, &room).await?;
                    let Some(Some(next)) = socket.next().now_or_never() else { break };
                    frame = next;
                }
            }
            text = texts.recv() => {
                let Some(text) = text else { return Ok(()) };
                socket.feed(Message::Text(text)).await?;
            }
        }
        while let Ok(text) = texts.try_recv() {
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await?;
    }
}

async fn hear(socket: &mut Socket, frame: Message, id: &str, room: &Mutex<Room>) -> Result<(), SocketError> {
    let Message::Text(frame) = frame else { return Ok(()) };
    let Some((re, rest)) = frame::number(&frame, r#""re":"#) else { return Ok(()) };
    let Some((text, _)) = frame::string(rest, r#""text":""#) else { return Ok(()) };
    let seq = lock(room).publish(id, text);
    socket.feed(Message::text(format!(r#"{{"t":"ok","re":{re},"d":{{"seq":{seq}}}}}"#))).await
}

fn lock(room: &Mutex<Room>) -> std::sync::MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As long as chatd's, and the same for everybody.
fn event(conversation: &str, seq: u64, text: &str) -> String {
    let by = r#"{"id":"user_01kay8m2r3f9vvk1a2b3c4d5e1","name":"Bench 0001","role":"customer"}"#;
    let at = "2026-11-22T14:07:23.250Z";
    let cursor = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    format!(
        r#"{{"t":"ev","n":1,"c":"{cursor}","e":"message.created","conv":"{conversation}","seq":{seq},"v":1,"at":"{at}","by":{by},"d":{{"id":"msg_01kay8m2r3f9vvk1a2b3c4d5e1","conversation_id":"{conversation}","seq":{seq},"version":1,"author":{by},"kind":"message","text":"{text}","created_at":"{at}"}}}}"#
    )
}
