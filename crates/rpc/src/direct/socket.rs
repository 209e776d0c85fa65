//! Unix sockets that have a name and no file, so that nothing is left of them. Linux has these; elsewhere both functions
//! fail, for a path has no zero byte.

use std::io;

use tokio::net::{UnixListener, UnixStream};

pub(super) fn listen(name: &str) -> io::Result<UnixListener> {
    UnixListener::bind(format!("\0{name}"))
}

pub(super) async fn connect(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect(format!("\0{name}")).await
}

/// Whether the other end is a process of this user.
pub(super) fn is_of_this_user(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}
