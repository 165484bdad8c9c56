use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use chat_proto::model::Cursor;
use chat_proto::wire::{EventBatch, Problem};
use http::{HeaderMap, HeaderName, header};
use serde::Deserialize;

use super::{Answer, DEFAULT_ROWS};
use crate::app::App;
use crate::extract::{Caller, Query};
use crate::live::{self, Door, poll, sse};

/// What to wait for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PollQuery {
    /// An event cursor: the `cursor` of the answer before, or the `as_of` of a list.
    cursor: Option<String>,
    /// How many seconds to wait when nothing was missed; 25 without it, never more than 60.
    wait: Option<u64>,
    /// The most events; 50 without it, never more than 200.
    limit: Option<usize>,
}

/// Seconds that a poll waits when the request does not say: less than what usually cuts a silent connection.
const DEFAULT_WAIT: u64 = 25;

/// What happened since
///
/// At once when something was missed, else when the first event comes or the wait is over; then without events, and the
/// cursor may have moved all the same. Without a cursor: at once, with the cursor of now. Everything from the last
/// answer's cursor on comes once and in order. Typing and presence are not told, and who polls is not seen to be online.
#[utoipa::path(get, path = "/events", tag = "events", security(("bearer" = [])), params(PollQuery), responses(
    (status = 200, description = "Events, and where to go on; `reset` when the cursor cannot be followed",
        body = EventBatch),
    (status = 429, description = "`rate_limited`: too many connections open", body = Problem),
    (status = 503, description = "`draining`: come back in a moment", body = Problem),
))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(me): Caller,
    Query(query): Query<PollQuery>,
) -> Answer<([(HeaderName, &'static str); 1], String)> {
    let _place = app.drain.enter()?;
    let wait = Duration::from_secs(query.wait.unwrap_or(DEFAULT_WAIT)).min(poll::LONGEST_WAIT);
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, chatcore::PAGE_ROWS);
    let cursor = query.cursor.map(Cursor::from_text);
    let opened = live::open(&me, cursor.as_ref(), Door::Poll).await?;
    let batch = poll::answer(&app, &me, opened, wait, limit as u64).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], batch))
}

/// Where to go on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    /// An event cursor, such as the `as_of` of a list; without it the stream begins now.
    cursor: Option<String>,
}

/// Follow events over plain HTTP
///
/// Server-sent events: the frames that the WebSocket sends, with their `t` as the name of the event and the cursor as
/// its id. The last one is `bye`.
#[utoipa::path(get, path = "/events/stream", tag = "events", security(("bearer" = [])),
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was \
        applied, as browsers send it when they come back; beats `cursor`")),
    responses(
        (status = 200, description = "Events, until the connection ends", content_type = "text/event-stream",
            body = String),
        (status = 429, description = "`rate_limited`: too many connections open", body = Problem),
        (status = 503, description = "`draining`: come back in a moment", body = Problem),
))]
pub(crate) async fn stream(
    State(app): State<App>,
    Caller(me): Caller,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    let place = app.drain.enter()?;
    let last = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let cursor = last.filter(|id| !id.is_empty()).or(query.cursor).map(Cursor::from_text);
    let user = me.me().await?;
    let opened = live::open(&me, cursor.as_ref(), Door::Connection).await?;
    let welcome = live::welcome(&app, &me, user, &opened);
    Ok(sse::answer(app, place, &me, welcome, opened))
}
