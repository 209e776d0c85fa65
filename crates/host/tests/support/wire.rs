//! A connection to the NATS server that can be cut and mended, as networks do.

use async_nats::Client;
use lattice_testkit::NatsServer;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A way to the server. It ends with its owner.
pub(crate) struct Wire {
    port: u16,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(nats: &NatsServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let whole = watch::Sender::new(true);
        let task = tokio::spawn(serve(listener, nats.port(), whole.subscribe()));
        Self { port, whole, task }
    }

    /// A client that goes this way.
    pub(crate) async fn client(&self) -> Client {
        async_nats::connect(format!("nats://127.0.0.1:{}", self.port)).await.expect("the server is there")
    }

    /// Ends every connection, and lets nobody through.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, port: u16, whole: watch::Receiver<bool>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut cut = whole.clone();
        if !*cut.borrow() {
            continue;
        }
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = cut.wait_for(|whole| !whole) => {}
            }
        });
    }
}
