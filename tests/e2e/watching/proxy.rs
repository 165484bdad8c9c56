//! A door in between, which is slammed now and then.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chat_tests::Person;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Passes connections on to a server until they are cut.
pub(super) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    to: SocketAddr,
    open: Vec<AbortHandle>,
}

impl Proxy {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { to: server, open: Vec::new() }));
        let mut tasks = JoinSet::new();
        let of_task = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut inner, _)) = listener.accept().await {
                let mut state = of_task.lock().unwrap_or_else(PoisonError::into_inner);
                let to = state.to;
                state.open.retain(|connection| !connection.is_finished());
                state.open.push(connections.spawn(async move {
                    if let Ok(mut outer) = TcpStream::connect(to).await {
                        // Either side may end it.
                        let _ = copy_bidirectional(&mut inner, &mut outer).await;
                    }
                }));
                drop(state);
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, state, _tasks: tasks }
    }

    /// The same person, behind the proxy.
    pub(super) fn before(&self, person: &Person) -> Person {
        Person { address: self.address, ..person.clone() }
    }

    /// The server listens elsewhere since its restart.
    pub(super) fn moved(&self, server: SocketAddr) {
        self.lock().to = server;
    }

    /// Cuts all connections; how many those were.
    pub(super) fn cut(&self) -> usize {
        let open = std::mem::take(&mut self.lock().open);
        open.iter().filter(|connection| !connection.is_finished()).inspect(|connection| connection.abort()).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
