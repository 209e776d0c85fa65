//! HTTP requests over connections that stay open.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{self, SendRequest},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    error::BenchError,
    load::{Load, timed},
};

/// An address of this machine on which nobody listens.
pub(crate) fn free_address() -> Result<SocketAddr, BenchError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(|source| BenchError::NoPort { source })
}

/// Gets a page. Each caller has a connection to itself while it waits; clones share those that are free.
#[derive(Clone)]
pub(crate) struct HttpGet {
    address: SocketAddr,
    path: &'static str,
    free: Arc<Mutex<Vec<Connection>>>,
}

type Connection = SendRequest<Empty<Bytes>>;

impl HttpGet {
    pub(crate) fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, free: Arc::default() }
    }

    async fn get(&self) -> Result<(), BenchError> {
        let mut connection = match self.take() {
            Some(free) => free,
            None => self.connect().await?,
        };
        let request = Request::get(self.path).header(HOST, "bench").body(Empty::new()).expect("a request");
        let failed = |source| BenchError::Http { address: self.address, source };
        connection.ready().await.map_err(failed)?;
        let response = connection.send_request(request).await.map_err(failed)?;
        let status = response.status();
        response.into_body().collect().await.map_err(failed)?;
        if status != StatusCode::OK {
            return Err(BenchError::Status { path: self.path, status: status.as_u16() });
        }
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(())
    }

    fn take(&self) -> Option<Connection> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn connect(&self) -> Result<Connection, BenchError> {
        let unreachable = |source| BenchError::Unreachable { address: self.address, source };
        let stream = TcpStream::connect(self.address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|source| BenchError::Http { address: self.address, source })?;
        // Ends with the sender; what goes wrong on it is told to whoever waits for a response.
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl Load for HttpGet {
    async fn once(&self) -> Result<Duration, BenchError> {
        let ((), took) = timed(self.get()).await?;
        Ok(took)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers so many requests on each connection with this status, one connection after the other.
    async fn serve(listener: TcpListener, status: &str, connections: usize) -> usize {
        let mut served = 0;
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            let mut bytes = [0; 4096];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                served += 1;
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nhello");
                stream.write_all(answer.as_bytes()).await.expect("it is read");
            }
        }
        served
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let address = listener.local_addr().expect("it has one");
        (listener, address)
    }

    #[tokio::test]
    async fn one_caller_keeps_its_connection() {
        let (listener, address) = listen().await;
        let asked = async {
            let get = HttpGet::new(address, "/");
            for _ in 0..3 {
                get.clone().once().await.expect("it is answered");
            }
        };
        assert_eq!(tokio::join!(serve(listener, "200 OK", 1), asked).0, 3);
    }

    #[tokio::test]
    async fn another_status_is_an_error() {
        let (listener, address) = listen().await;
        let asked = async { HttpGet::new(address, "/page").once().await.expect_err("it is no page") };
        let (_, error) = tokio::join!(serve(listener, "503 Service Unavailable", 1), asked);
        assert_eq!(error.to_string(), "`/page` is answered with status 503");
    }

    #[tokio::test]
    async fn who_does_not_listen_is_named() {
        let address = free_address().expect("there is one");
        let error = HttpGet::new(address, "/").once().await.expect_err("nobody listens");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
