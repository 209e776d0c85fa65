//! Unix sockets that have a name and no file, so that nothing is left of them.

use std::io;

use tokio::net::{UnixListener, UnixStream};

#[cfg(target_os = "linux")]
pub(super) fn listen(name: &str) -> io::Result<UnixListener> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net};

    let address = net::SocketAddr::from_abstract_name(name)?;
    let listener = net::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[cfg(target_os = "linux")]
pub(super) fn connect(name: &str) -> io::Result<UnixStream> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net};

    // Does not wait: whoever listens on this machine has a place for it or not.
    let stream = net::UnixStream::connect_addr(&net::SocketAddr::from_abstract_name(name)?)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn listen(_name: &str) -> io::Result<UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn connect(_name: &str) -> io::Result<UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}
