//! One question to a server, as a value.

use std::fmt;

use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RANGE},
};

use super::media::ACCEPTED_MANIFESTS;
use crate::{digest::Digest, progress::Progress};

/// Who asks for tokens, as token servers keep it.
const CLIENT: &str = "lattice";

/// One question to a server. `Debug` shows neither headers nor body, which may hold secrets.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) subject: Subject,
    pub(super) headers: HeaderMap,
    /// What is sent along, and who hears how much of it is.
    pub(super) body: Option<(Bytes, Progress)>,
}

/// What a question is about, which decides what a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Manifest,
    Blob(Digest),
    Upload,
    Token,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("method", &self.method).field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Ask {
    pub(super) fn manifest(url: Url) -> Self {
        Self::new(Method::GET, url, Subject::Manifest).header(ACCEPT, HeaderValue::from_static(ACCEPTED_MANIFESTS))
    }

    /// Asks for a blob from the byte `start` on.
    pub(super) fn blob(url: Url, digest: Digest, start: usize) -> Self {
        let ask = Self::new(Method::GET, url, Subject::Blob(digest));
        match start {
            0 => ask,
            _ => {
                let range = HeaderValue::try_from(format!("bytes={start}-"));
                ask.header(RANGE, range.expect("a number has plain characters"))
            }
        }
    }

    /// Asks whether a blob is there.
    pub(super) fn has_blob(url: Url, digest: Digest) -> Self {
        Self::new(Method::HEAD, url, Subject::Blob(digest))
    }

    /// Asks where a blob may be put.
    pub(super) fn upload(url: Url) -> Self {
        Self::new(Method::POST, url, Subject::Upload).body(Bytes::new(), Progress::default())
    }

    /// Puts something there.
    pub(super) fn put(url: Url, content_type: &'static str, bytes: Bytes, progress: Progress) -> Self {
        let ask = Self::new(Method::PUT, url, Subject::Upload).body(bytes, progress);
        ask.header(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Asks whether somebody is there who speaks the distribution specification, and what for that it wants to know.
    pub(super) fn version(url: Url) -> Self {
        Self::new(Method::GET, url, Subject::Manifest)
    }

    pub(super) fn token(url: Url) -> Self {
        Self::new(Method::GET, url, Subject::Token)
    }

    /// Asks for a token by one that stands for a user (Docker Registry, "Oauth2 Token Authentication"): what the URL asks goes
    /// into the body, where no log of a server has it.
    pub(super) fn refresh(mut url: Url, token: &str) -> Self {
        let pairs = [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token)];
        url.query_pairs_mut().extend_pairs(pairs);
        let form = Bytes::from(url.query().unwrap_or_default().to_owned());
        url.set_query(None);
        let ask = Self::new(Method::POST, url, Subject::Token).body(form, Progress::default());
        ask.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
    }

    /// What is not sent on when a server says that it is elsewhere; none for what may be.
    pub(super) fn stays(&self) -> Option<&'static str> {
        match self.subject {
            Subject::Token => Some("the question for a token"),
            Subject::Upload => Some("what is pushed"),
            Subject::Blob(_) if self.method == Method::HEAD => Some("the question whether a layer is there"),
            Subject::Manifest | Subject::Blob(_) => None,
        }
    }

    fn new(method: Method, url: Url, subject: Subject) -> Self {
        Self { method, url, subject, headers: HeaderMap::new(), body: None }
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn body(mut self, bytes: Bytes, progress: Progress) -> Self {
        self.body = Some((bytes, progress));
        self
    }
}
