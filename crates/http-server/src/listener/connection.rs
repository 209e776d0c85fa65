//! One connection, from its first byte to its end.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Site, timed::Timed};
use crate::{
    answer::answer,
    defaults::{HANDSHAKE_LIMIT, HEAD, HEAD_LIMIT, PING_INTERVAL, STREAMS, WRITE_PAUSE},
};

/// Serves until the client ends it, is too slow, or `stop` comes and what was begun is answered.
pub(super) async fn serve(stream: TcpStream, site: Arc<Site>, stop: CancellationToken) {
    let stream = Timed::new(stream, WRITE_PAUSE);
    let tls = site.tls();
    let answer = move |request| {
        let site = Arc::clone(&site);
        async move { answer(&site, request).await }
    };
    let Some(tls) = tls else { return speak(stream, answer, stop).await };
    let handshake = timeout(HANDSHAKE_LIMIT, tls.acceptor.accept(stream));
    match stop.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => speak(stream, answer, stop).await,
        Some(Ok(Err(error))) => tracing::debug!(%error, "no TLS with a client"),
        Some(Err(_)) => tracing::debug!("a client took too long for its TLS handshake"),
        None => {}
    }
}

async fn speak<S, A, F>(stream: S, answer: A, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let begun = AtomicBool::new(false);
    let service = service_fn(|request| {
        begun.store(true, Ordering::Relaxed);
        answer(request).map(Ok::<_, Infallible>)
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's own limit begins once it knows which protocol it is, and a client need not say.
    let mut first = pin!(sleep(HEAD_LIMIT));
    let (mut stopping, mut waiting) = (false, true);
    loop {
        // Cancel-safe: the connection stays, the others are not begun anew.
        tokio::select! {
            ended = connection.as_mut() => return told(ended),
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut first, if waiting => {
                waiting = false;
                if !begun.load(Ordering::Relaxed) {
                    return tracing::debug!("a client took too long for its first request");
                }
            }
        }
    }
}

fn told(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(HEAD);
    let http2 = &mut builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(HEAD as u32);
    http2.keep_alive_interval(PING_INTERVAL).keep_alive_timeout(HEAD_LIMIT);
    builder
}

#[cfg(test)]
mod tests;
