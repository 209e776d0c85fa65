//! Sending one question, and being sent on: who is asked what, and what goes along. What an answer means is not judged here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures::stream;
use reqwest::{
    Body, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, LOCATION},
};
use tokio::time;

use super::{
    ask::Ask,
    error::OciError,
    place::OciPlace,
    site::{authority, is_insecure},
    transport,
};
use crate::{
    defaults::{MAX_REDIRECTS, TRANSFER_STEP},
    progress::Progress,
    web::Web,
};

/// An answer, whom it is from, and whether that is who was asked at first.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) place: OciPlace,
    pub(super) is_home: bool,
}

/// Asks, and follows whom is sent to. The authorization is for the server of the question and seen by no other: not even by itself,
/// once it has sent elsewhere.
pub(super) async fn follow(
    web: &Web,
    place: &OciPlace,
    ask: &Ask,
    authorization: Option<&HeaderValue>,
) -> Result<Answer, OciError> {
    let mut trail = vec![ask.url.clone()];
    let (mut place, mut authorization, mut is_home) = (place.clone(), authorization, true);
    loop {
        let url = trail.last().expect("it began with one");
        let response = send(web, &place, ask, url, authorization).await?;
        if !is_redirect(response.status()) {
            return Ok(Answer { response, place, is_home });
        }
        let next = target(web, &place, ask, &response)?;
        extend(&mut trail, &next, &place)?;
        if next.origin() != response.url().origin() {
            (place, authorization, is_home) = (place.at(&authority(&next)), None, false);
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn extend(trail: &mut Vec<Url>, next: &Url, place: &OciPlace) -> Result<(), OciError> {
    if trail.contains(next) {
        return Err(OciError::RedirectLoop { place: place.clone() });
    }
    if trail.len() > MAX_REDIRECTS {
        return Err(OciError::TooManyRedirects { place: place.clone(), max: MAX_REDIRECTS });
    }
    trail.push(next.clone());
    Ok(())
}

/// Where the answer sends to, if the question may go there.
fn target(web: &Web, place: &OciPlace, ask: &Ask, response: &Response) -> Result<Url, OciError> {
    let from = response.url();
    let to = location(place, response)?;
    let place = place.clone();
    if let Some(what) = ask.stays() {
        return Err(OciError::RedirectElsewhere { place, what, to: authority(&to) });
    }
    match to.scheme() == "https" || is_insecure(from, web) && is_insecure(&to, web) {
        true => Ok(to),
        false => Err(OciError::RedirectToHttp { place, to: authority(&to) }),
    }
}

/// The URL in the header `Location`, which may be relative.
pub(super) fn location(place: &OciPlace, response: &Response) -> Result<Url, OciError> {
    let text = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let url = text.and_then(|text| response.url().join(text).ok()).filter(|url| url.has_host());
    url.ok_or_else(|| OciError::NoLocation { place: place.clone() })
}

async fn send(
    web: &Web,
    place: &OciPlace,
    ask: &Ask,
    url: &Url,
    authorization: Option<&HeaderValue>,
) -> Result<Response, OciError> {
    let client = if ask.body.is_some() { web.uploads() } else { web.client() };
    let mut request = client.request(ask.method.clone(), url.clone()).headers(ask.headers.clone());
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization.clone());
    }
    match &ask.body {
        None => request.send().await.map_err(|error| transport::failure(error, place, url, web.silence())),
        Some((bytes, progress)) => upload(web, place, url, request, Outgoing::new(bytes, progress)).await,
    }
}

/// Sends a body for as long as it takes, while it goes on.
async fn upload(
    web: &Web,
    place: &OciPlace,
    url: &Url,
    request: RequestBuilder,
    outgoing: Outgoing,
) -> Result<Response, OciError> {
    let sent = Arc::clone(&outgoing.sent);
    let request = request.header(CONTENT_LENGTH, outgoing.bytes.len()).body(outgoing.into_body());
    let stands_still = async {
        loop {
            let before = sent.load(Ordering::Relaxed);
            time::sleep(web.silence()).await;
            if sent.load(Ordering::Relaxed) == before {
                break;
            }
        }
    };
    // Both may be dropped: a request that is not waited for is given up, and the other one only looks.
    tokio::select! {
        answer = request.send() => answer.map_err(|error| transport::failure(error, place, url, web.silence())),
        () = stands_still => Err(OciError::Silent { place: place.clone(), silence: web.silence() }),
    }
}

/// Bytes on their way out, and how many are.
struct Outgoing {
    bytes: Bytes,
    progress: Progress,
    sent: Arc<AtomicU64>,
}

impl Outgoing {
    fn new(bytes: &Bytes, progress: &Progress) -> Self {
        Self { bytes: bytes.clone(), progress: progress.clone(), sent: Arc::default() }
    }

    fn into_body(self) -> Body {
        let total = self.bytes.len() as u64;
        let pieces = stream::unfold(self, move |mut rest| async move {
            if rest.bytes.is_empty() {
                return None;
            }
            let piece = rest.bytes.split_to(rest.bytes.len().min(TRANSFER_STEP));
            let sent = rest.sent.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
            rest.progress.report(sent, total);
            Some((Ok::<_, std::io::Error>(piece), rest))
        });
        Body::wrap_stream(pieces)
    }
}
