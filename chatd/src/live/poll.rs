//! Events by asking again and again: for clients and networks that let no answer stay open.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use chat_proto::ErrorCode;
use chatcore::{Actor, EventStream, Incoming};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::{Opened, TOO_OLD, encode, expires_at};
use crate::app::App;
use crate::problem::Refused;

/// How long an answer waits for something to happen, at the most.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Somebody who missed little of what was said to them may have missed much of what was said to others, which has to be
/// looked through. After so long the answer is where that has come to.
const CATCH_UP: Duration = Duration::from_secs(10);
/// An answer that has grown to this size is given, however many events may still follow.
const ANSWER_BYTES: usize = 1 << 20;

/// The answer, as the JSON of an [`EventBatch`](chat_proto::wire::EventBatch): at once with what was missed, else when
/// something happens or the wait is over. Who gave no cursor that can be followed is told where to begin.
pub(crate) async fn answer(
    app: &App,
    actor: &Actor,
    opened: Opened,
    wait: Duration,
    limit: u64,
) -> Result<String, Refused> {
    let Opened { mut stream, resumed, reset } = opened;
    let mut batch = Batch { items: String::new(), count: 0, limit, reset };
    if resumed {
        gather(app, actor, &mut stream, &mut batch, wait).await?;
    }
    Ok(batch.json(stream.cursor().as_str()))
}

async fn gather(
    app: &App,
    actor: &Actor,
    stream: &mut EventStream,
    batch: &mut Batch,
    wait: Duration,
) -> Result<(), Refused> {
    let mut until = Instant::now() + CATCH_UP;
    let expires_at = expires_at(app, actor).unwrap_or(until + LONGEST_WAIT);
    let mut live = false;
    let mut leaving = pin!(app.drain.left());
    loop {
        while !batch.is_full()
            && let Some(incoming) = stream.try_next()
        {
            batch.take(stream, &incoming);
        }
        if batch.is_full() || (live && !batch.is_empty()) {
            return Ok(());
        }
        tokio::select! {
            incoming = stream.next() => match incoming {
                // What was missed is in the batch; if it was nothing, something has to happen first.
                Some(Ok(Incoming::Live)) => {
                    live = true;
                    until = Instant::now() + wait;
                }
                Some(Ok(Incoming::Reset)) => {
                    batch.reset = Some(TOO_OLD.to_owned());
                    return Ok(());
                }
                Some(Ok(incoming)) => batch.take(stream, &incoming),
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Refused::new(ErrorCode::TokenRevoked, "The session has ended.")),
            },
            () = sleep_until(until) => {
                // Much of what happens is for others; the cursor passes it all the same. If it does not, something has
                // just come.
                if !live || stream.idle_cursor().is_some() {
                    return Ok(());
                }
            }
            () = sleep_until(expires_at) => {
                return Err(Refused::new(ErrorCode::TokenExpired, "This token's time is over. Sign in again."));
            }
            turn = &mut leaving => return Err(turn.refusal()),
        }
    }
}

/// The events of an answer.
struct Batch {
    /// Frames, with commas between them.
    items: String,
    count: u64,
    limit: u64,
    /// Why the cursor could not be followed.
    reset: Option<String>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn is_full(&self) -> bool {
        self.count >= self.limit || self.items.len() >= ANSWER_BYTES
    }

    fn take(&mut self, stream: &EventStream, incoming: &Incoming) {
        if let Incoming::Event(told) = incoming
            && let Some(body) = encode::event(told, |told| stream.cursor_of(told))
        {
            self.count += 1;
            if self.count > 1 {
                self.items.push(',');
            }
            self.items.push_str(&encode::numbered(self.count, &body));
        }
    }

    fn json(self, cursor: &str) -> String {
        let items = self.items;
        // A cursor is plain, the items are JSON already.
        let mut json = format!(r#"{{"items":[{items}],"cursor":"{cursor}""#);
        if let Some(reason) = self.reset {
            let _ = write!(json, r#","reset":{}"#, json!(reason));
        }
        json.push('}');
        json
    }
}
