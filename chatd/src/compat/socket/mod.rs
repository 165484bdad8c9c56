//! Socket.IO at `/socket.io/`: Engine.IO 4 over WebSocket and long polling, Socket.IO 5 in text, namespaces `/` and `/chat`.
//!
//! Engine.IO is `engineioxide`'s, with every limit set. Socket.IO itself is here ([`packet`], [`connection`]), since it is
//! little, and has to do what the layer above it does not: answer what one client asks in its order, say with a refused
//! connection why in a form that programs can read, end one connection without ending its namespaces first, and refuse what
//! is binary before any of it is kept.
//!
//! What somebody is told comes from their [`EventStream`](chatcore::EventStream) and nowhere else: there are no rooms here,
//! and joining one asks the engine whether one may.

mod asked;
mod connection;
mod dialect;
mod greeting;
mod inbox;
mod packet;
mod requests;
mod session;
mod telling;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use chat_proto::ErrorCode;
use engineioxide::config::EngineIoConfig;
use engineioxide::service::{EngineIoService, NotFoundService};
use http::Method;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tower::ServiceExt;

use self::connection::{Arriving, Connections};
use crate::app::App;
use crate::body;
use crate::client_address::ClientAddress;
use crate::pages::Page;
use crate::problem::Refused;

/// Where clients of Socket.IO look for it; some leave the last stroke out.
const PATHS: [&str; 2] = ["/socket.io/", "/socket.io"];

/// As the replaced backend had them, which are the defaults of Socket.IO.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// Packets that wait for one client. When there are more the events wait in its mailbox, and then in the log.
const PACKETS: usize = 64;

/// The routes of both transports.
pub(crate) fn routes(app: &App) -> Router<App> {
    let door = Door::new(app.clone());
    PATHS.iter().fold(Router::new(), |router, path| {
        let door = door.clone();
        router.route(path, any(move |request: Request| door.serve(request)))
    })
}

#[derive(Clone)]
struct Door {
    app: App,
    engine: EngineIoService<Connections, NotFoundService>,
}

impl Door {
    fn new(app: App) -> Self {
        let bytes = app.config.frame_bytes;
        let config = EngineIoConfig::builder()
            .req_path("/socket.io")
            .ping_interval(PING_INTERVAL)
            .ping_timeout(PING_TIMEOUT)
            .upgrade_timeout(UPGRADE_TIMEOUT)
            .max_buffer_size(PACKETS)
            .max_payload(bytes as u64)
            .ws_read_buffer_size(1 << 10)
            .ws_max_message_size(bytes)
            .ws_max_frame_size(bytes)
            .build();
        let handler = Connections::new(app.clone()).into();
        let engine = EngineIoService::with_config_inner(NotFoundService, handler, config);
        Self { app, engine }
    }

    /// Every request of the two transports.
    async fn serve(self, mut request: Request) -> Response {
        if let Err(refused) = self.admit(&mut request) {
            return refused.into_response();
        }
        let request = match self.whole(request).await {
            Ok(request) => request,
            Err(refused) => return refused.into_response(),
        };
        match self.engine.oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }

    /// Asks what is asked of the native sockets.
    fn admit(&self, request: &mut Request) -> Result<(), Refused> {
        let app = &self.app;
        let address = request.extensions().get::<ClientAddress>().copied().unwrap_or_default();
        if Page::of(&app.config, request.headers(), address) == Page::Foreign {
            return Err(Refused::new(ErrorCode::Forbidden, "Pages of this origin may not connect."));
        }
        let pairs = || request.uri().query().unwrap_or_default().split('&');
        let is_websocket = pairs().any(|pair| pair == "transport=websocket");
        let goes_on = pairs().any(|pair| pair.starts_with("sid="));
        if is_websocket && create_response_with_body(request, || ()).is_err() {
            let detail = "The transport `websocket` begins with an upgrade request.";
            return Err(Refused::new(ErrorCode::Unsupported, detail));
        }
        if !goes_on && request.method() == Method::GET {
            let place = app.drain.enter()?;
            let seat = app.seats.take(address.ip())?;
            request.extensions_mut().insert(Arriving::new(seat, place));
        }
        Ok(())
    }

    /// Reads what a client posts, within the bounds of every body.
    async fn whole(&self, request: Request) -> Result<Request, Refused> {
        if request.method() != Method::POST {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        let read = body::read(body, self.app.config.frame_bytes, self.app.config.body_timeout).await?;
        Ok(Request::from_parts(parts, Body::from(read)))
    }
}
