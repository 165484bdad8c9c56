//! From the upgrade to `welcome`: a stranger gets ten seconds and 8 KiB.

use std::time::Duration;

use chat_proto::ErrorCode;
use chat_proto::model::Cursor;
use chat_proto::wire::{ClientFrame, Hello, ServerFrame, Welcome};
use chatcore::{Actor, EventStream};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::outbox::{End, Socket, feed_frame, flush, frame_error, refusal};
use super::session::PerMinute;
use crate::app::App;
use crate::live::{self, Door, Farewell, Opened};
use crate::problem::Refused;

const FIRST_FRAME: Duration = Duration::from_secs(10);
const BEFORE_WELCOME_BYTES: usize = 8 << 10;
/// Pings and pongs before `hello`.
const SIGNS_BEFORE_HELLO: u32 = 20;

/// Hears who is there and welcomes them.
pub(super) async fn greet(app: &App, socket: &mut Socket) -> Result<(Actor, EventStream), End> {
    let text = match timeout(FIRST_FRAME, first_text(socket)).await {
        Ok(text) => text?,
        Err(_) => return Err(refuse(socket, None, Refused::new(ErrorCode::Unauthenticated, "Say `hello`.")).await),
    };
    let hello = match ClientFrame::parse(&text) {
        Ok(ClientFrame::Hello(hello)) => hello,
        Ok(_) => {
            let refused = Refused::new(ErrorCode::Unauthenticated, "The first frame must be `hello`.");
            return Err(refuse(socket, None, refused).await);
        }
        Err(error) => {
            feed_frame(socket, &frame_error(error)).await?;
            // This is not our protocol; another token would not help.
            return Err(Farewell::because(ErrorCode::Invalid).into());
        }
    };
    match open(app, &hello).await {
        Ok((actor, opened, welcome)) => {
            feed_frame(socket, &ServerFrame::Welcome(welcome)).await?;
            if let Some(reason) = opened.reset {
                feed_frame(socket, &ServerFrame::Reset { reason }).await?;
            }
            flush(socket).await?;
            Ok((actor, opened.stream))
        }
        Err(refused) => Err(refuse(socket, None, refused).await),
    }
}

async fn first_text(socket: &mut Socket) -> Result<String, End> {
    let mut signs = PerMinute::<SIGNS_BEFORE_HELLO>::new(Instant::now());
    loop {
        return match socket.next().await {
            Some(Ok(Message::Text(text))) if text.len() > BEFORE_WELCOME_BYTES => {
                Err(End::Violation { code: 1009, reason: ErrorCode::TooLarge })
            }
            Some(Ok(Message::Text(text))) => Ok(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => match signs.again() {
                Ok(()) => continue,
                Err(end) => Err(end),
            },
            Some(Ok(Message::Binary(_))) => {
                let refused = Refused::new(ErrorCode::Invalid, "Frames are text: one JSON object each.");
                Err(refuse(socket, None, refused).await)
            }
            Some(Ok(Message::Close(_))) => Err(End::Closed),
            Some(Ok(_)) | None => Err(End::Gone),
            Some(Err(error)) => Err(super::session::violation(&error)),
        };
    }
}

async fn refuse(socket: &mut Socket, re: Option<u64>, refused: Refused) -> End {
    refused.log("a socket was not welcomed");
    let code = match refused.code {
        code @ (ErrorCode::Forbidden | ErrorCode::Invalid) => code,
        code if code.ws_close().is_none() && code.status() < 500 => ErrorCode::Unauthenticated,
        code => code,
    };
    // At this point the only thing to have too much of is open sockets, and waiting closes none.
    let too_many = code == ErrorCode::RateLimited;
    let mut frame = refusal(re, &refused);
    if let ServerFrame::Err(err) = &mut frame
        && too_many
    {
        err.retryable = false;
        err.retry_after_ms = None;
    }
    match feed_frame(socket, &frame).await {
        Ok(()) if too_many => Farewell::too_many().into(),
        Ok(()) => Farewell::because(code).into(),
        Err(end) => end,
    }
}

async fn open(app: &App, hello: &Hello) -> Result<(Actor, Opened, Welcome), Refused> {
    let actor = match (&hello.token, &hello.ticket) {
        (Some(token), None) => app.chat.recognise(token).await?,
        (None, Some(ticket)) => app.tickets.take(ticket, app.chat.now())?,
        _ => return Err(Refused::new(ErrorCode::Unauthenticated, "Show a `token` or a `ticket`, and not both.")),
    };
    let user = actor.me().await?;
    let cursor = hello.resume.clone().map(Cursor::from_text);
    let opened = live::open(&actor, cursor.as_ref(), Door::Connection).await?;
    if let Some(client) = &hello.client {
        let (client, version) = (told(&client.name), told(&client.version));
        tracing::debug!(user = %user.id, client, version, "a client says hello");
    }
    let welcome = live::welcome(app, &actor, user, &opened);
    Ok((actor, opened, welcome))
}

/// What a program says of itself, as far as it goes into the log: without what cannot be seen, at most so many characters.
fn told(text: &str) -> String {
    const MOST_CHARS: usize = 200;
    text.chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect()
}
