//! What a shop's web server is to the chat behind it: it ends TLS, and hands on what is under one path.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

type Body = BoxBody<Bytes, hyper::Error>;
/// What goes on between the gate and the server for one connection.
type Inside = Mutex<JoinSet<()>>;
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A reverse proxy with TLS, on a port of its own; dropping it ends it.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Gate {
    /// Where the chat is on the shop's site.
    const PATH: &'static str = "/chat";

    /// Stands before this server and shows this certificate.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn before(server: SocketAddr, certificate: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(certificate);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(attend(server, acceptor, stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, _tasks: tasks }
    }

    /// Where it is met under one of its names.
    pub fn url(&self, name: &str) -> String {
        format!("https://{name}:{}{}", self.address.port(), Self::PATH)
    }
}

async fn attend(server: SocketAddr, acceptor: TlsAcceptor, stream: TcpStream) {
    // The client may not like the certificate, and go at any time.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "what was agreed on");
    let inside = Inside::default();
    let service = service_fn(|request| pass_on(server, request, &inside));
    let _ = server::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    let mut inside = std::mem::take(&mut *inside.lock().unwrap_or_else(PoisonError::into_inner));
    while inside.join_next().await.is_some() {}
}

async fn pass_on(to: SocketAddr, mut request: Request<Incoming>, inside: &Inside) -> Result<Response<Body>, Fault> {
    let path = request.uri().path_and_query().and_then(|path| path.as_str().strip_prefix(Gate::PATH));
    let Some(path) = path.filter(|path| path.starts_with('/')) else {
        let mut elsewhere = Response::new(nothing());
        *elsewhere.status_mut() = StatusCode::NOT_FOUND;
        return Ok(elsewhere);
    };
    *request.uri_mut() = path.parse::<Uri>()?;
    let (mut sender, connection) = client::handshake(TokioIo::new(TcpStream::connect(to).await?)).await?;
    spawn(inside, async move { drop(connection.with_upgrades().await) });
    let upgraded = hyper::upgrade::on(&mut request);
    let mut answer = sender.send_request(request).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(answer.map(BodyExt::boxed));
    }
    let inner = hyper::upgrade::on(&mut answer);
    spawn(inside, async move {
        if let Ok((outer, inner)) = tokio::try_join!(upgraded, inner) {
            // Either side may end it.
            let _ = copy_bidirectional(&mut TokioIo::new(outer), &mut TokioIo::new(inner)).await;
        }
    });
    Ok(answer.map(|_| nothing()))
}

fn spawn(inside: &Inside, task: impl Future<Output = ()> + Send + 'static) {
    inside.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}
