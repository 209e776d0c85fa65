//! [`Listener`]: an address, what answers there, and the connections to it.

mod connection;
mod timed;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, RwLock},
    time::Duration,
};

use lattice_provider::Context;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    defaults::{ACCEPT_PAUSE, BACKLOG, CONNECTIONS},
    routes::{Route, Routes},
    tls::Tls,
};

/// What answers at an address. The server changes it, each request looks at it.
pub(crate) struct Site {
    pub(crate) context: Context,
    routes: RwLock<Arc<Routes>>,
    tls: RwLock<Option<Tls>>,
}

impl Site {
    pub(crate) fn route(&self, path: &str) -> Option<Arc<Route>> {
        self.routes().find(path).cloned()
    }

    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().expect("nothing panics while it holds the routes"))
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        *self.routes.write().expect("nothing panics while it holds the routes") = Arc::new(routes);
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.read().expect("nothing panics while it holds the certificate").clone()
    }

    /// For connections that come from now on.
    pub(crate) fn set_tls(&self, tls: Option<Tls>) {
        *self.tls.write().expect("nothing panics while it holds the certificate") = tls;
    }
}

/// Listens at an address. Dropping it ends everything at once; [`Listener::close`] is the orderly way.
pub(crate) struct Listener {
    /// As it was asked for; port 0 stands for any.
    pub(crate) asked: SocketAddr,
    /// As it is.
    pub(crate) address: SocketAddr,
    pub(crate) site: Arc<Site>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listener {
    pub(crate) fn bind(asked: SocketAddr, context: Context, tls: Option<Tls>) -> io::Result<Self> {
        let socket = if asked.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Or connections of an earlier process, closed a moment ago, would hold the address for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(asked)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let site = Arc::new(Site { context, routes: RwLock::default(), tls: RwLock::new(tls) });
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, Arc::clone(&site), stop.clone()));
        Ok(Self { asked, address, site, stop, task })
    }

    /// Whether it still listens.
    pub(crate) fn is_up(&self) -> bool {
        !self.task.is_finished()
    }

    /// Stops listening at once, and waits until what was begun is answered, at most as long as `limit`.
    pub(crate) async fn close(mut self, limit: Duration) {
        self.stop.cancel();
        if timeout(limit, &mut self.task).await.is_err() {
            tracing::warn!(address = %self.address, "connections took too long and were cut");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, site: Arc<Site>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    accept(&listener, &site, &stop, &mut connections).await;
    // Whoever comes now is refused, while those who are there finish.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, site: &Arc<Site>, stop: &CancellationToken, connections: &mut JoinSet<()>) {
    loop {
        // Cancel-safe: accepting and joining are.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => begin(stream, site, stop, connections),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

fn begin(stream: TcpStream, site: &Arc<Site>, stop: &CancellationToken, connections: &mut JoinSet<()>) {
    if connections.len() >= CONNECTIONS {
        return tracing::warn!("too many connections; one is closed");
    }
    // Answers are written whole; to wait for more to send along would only delay them.
    let _ = stream.set_nodelay(true);
    connections.spawn(connection::serve(stream, Arc::clone(site), stop.clone()));
}
