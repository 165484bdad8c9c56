//! The WebSocket: one task per socket.

mod handshake;
mod outbox;
mod seats;
mod session;

pub(crate) use self::seats::{Seat, Seats};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chat_proto::ErrorCode;
use chat_proto::wire::SUBPROTOCOL;
use http::{HeaderMap, HeaderValue, header};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::listener::Place;
use crate::pages::Page;
use crate::problem::Refused;

/// `GET /api/v1/ws`
pub(crate) async fn upgrade(State(app): State<App>, mut request: Request) -> Response {
    let address = request.extensions().get::<ClientAddress>().copied().unwrap_or_default();
    if let Err(refused) = admit(&app, request.headers(), address) {
        return refused.into_response();
    }
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        let detail = "This path is a WebSocket (RFC 6455): send an upgrade request.";
        return Refused::new(ErrorCode::Unsupported, detail).into_response();
    };
    let (open, seat) = match app.drain.enter().and_then(|open| Ok((open, app.seats.take(address.ip())?))) {
        Ok(let_in) => let_in,
        Err(refused) => return refused.into_response(),
    };
    if request.headers().contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        let chosen = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    // Keeps the socket counted among the connections.
    let place = request.extensions().get::<Place>().cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = app.config.tasks.clone();
    tasks.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = config(app.config.frame_bytes, app.chat.limits().text_bytes);
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        session::run(app, socket, seat).await;
        drop((place, open));
    });
    response
}

/// Small buffers: the library's defaults cost 137 KiB a connection and three times the CPU, and bound neither the
/// write buffer nor, to speak of, a message.
fn config(frame_bytes: usize, text_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1 << 10)
        .write_buffer_size(16 << 10)
        // The longest message in its longest form (JSON escapes a byte as six) must fit, or its event could never be told.
        .max_write_buffer_size((1 << 20) + 6 * text_bytes)
        .max_message_size(Some(frame_bytes))
        .max_frame_size(Some(frame_bytes))
}

/// Browsers say which page opens the socket: only the shop's own pages may. Other programs say nothing and may try.
fn admit(app: &App, headers: &HeaderMap, address: ClientAddress) -> Result<(), Refused> {
    if Page::of(&app.config, headers, address) == Page::Foreign {
        return Err(Refused::new(ErrorCode::Forbidden, "Pages of this origin may not open the WebSocket."));
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut offered = offered.flat_map(|value| value.split(',')).map(str::trim).peekable();
    if offered.peek().is_some() && !offered.any(|protocol| protocol == SUBPROTOCOL) {
        let detail = format!("This server speaks the sub-protocol `{SUBPROTOCOL}`.");
        return Err(Refused::new(ErrorCode::Unsupported, detail));
    }
    Ok(())
}
