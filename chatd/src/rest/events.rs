use axum::extract::State;
use axum::response::Response;
use chat_proto::model::Cursor;
use chat_proto::wire::Problem;
use http::HeaderMap;
use serde::Deserialize;

use super::Answer;
use crate::app::App;
use crate::extract::{Caller, Query};
use crate::live::{self, sse};

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
))]
pub(crate) async fn stream(
    State(app): State<App>,
    Caller(me): Caller,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    let last = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let cursor = last.filter(|id| !id.is_empty()).or(query.cursor).map(Cursor::from_text);
    let user = me.me().await?;
    let opened = live::open(&me, cursor.as_ref()).await?;
    let welcome = live::welcome(&app, &me, user, &opened);
    Ok(sse::answer(app, &me, welcome, opened))
}
