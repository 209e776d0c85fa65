//! A door before a registry, through which answers come at once or in small pieces.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
    time::sleep,
};

/// Bytes of a piece: an image has some dozens of them.
const PIECE: usize = 32 << 10;
/// The pause before each. All of them are some tenths of a second, so that chance finds a moment in each stage of a pull.
const PAUSE: Duration = Duration::from_millis(2);

/// Closed when this is dropped.
pub(crate) struct Door {
    server: String,
    is_slow: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Door {
    /// One before that server, `localhost:PORT`.
    pub(crate) async fn before(server: &str) -> Self {
        let (registry, is_slow) = (server.replace("localhost", "127.0.0.1"), Arc::new(AtomicBool::new(false)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let server = listener.local_addr().expect("it is bound").to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, registry, Arc::clone(&is_slow)));
        Self { server, is_slow, _tasks: tasks }
    }

    /// The server as references name it.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Says how answers come from now on.
    pub(crate) fn set_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, registry: String, is_slow: Arc<AtomicBool>) {
    let mut visits = JoinSet::new();
    while let Ok((visitor, _)) = listener.accept().await {
        let (registry, is_slow) = (registry.clone(), Arc::clone(&is_slow));
        // Whoever is killed ends a visit in the middle.
        visits.spawn(async move { drop(visit(visitor, &registry, &is_slow).await) });
        while visits.try_join_next().is_some() {}
    }
}

async fn visit(visitor: TcpStream, registry: &str, is_slow: &AtomicBool) -> io::Result<()> {
    let (mut asks, is_told) = visitor.into_split();
    let (answers, mut is_asked) = TcpStream::connect(registry).await?.into_split();
    // Either may end first; nothing is said after that.
    tokio::select! {
        asked = tokio::io::copy(&mut asks, &mut is_asked) => asked.map(drop),
        told = tell(answers, is_told, is_slow) => told,
    }
}

async fn tell(mut answers: OwnedReadHalf, mut visitor: OwnedWriteHalf, is_slow: &AtomicBool) -> io::Result<()> {
    let mut piece = [0; PIECE];
    loop {
        let length = answers.read(&mut piece).await?;
        if length == 0 {
            return visitor.shutdown().await;
        }
        if is_slow.load(Ordering::SeqCst) {
            sleep(PAUSE).await;
        }
        visitor.write_all(&piece[..length]).await?;
    }
}
