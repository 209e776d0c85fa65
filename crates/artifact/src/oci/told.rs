//! What a server says about a refusal, made fit to be repeated.

use std::{fmt, time::Duration};

use reqwest::Response;
use serde::Deserialize;
use tokio::time;

use crate::{
    defaults::{MAX_TOLD, SHOWN_TOLD},
    shown::shortened,
};

/// Bytes of a secret that tell something of it; less may be anything.
const SHORTEST_START: usize = 4;

/// What a server said about why not: shortened, on one line. Nothing, where it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciTold(String);

/// Error answers of the distribution specification, "Error Codes"; what has another form is told as it is.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl OciTold {
    /// Reads the body of a refusal, as far as it comes within `patience`. Should it repeat one of the secrets, that is left out.
    pub(super) async fn read(mut response: Response, patience: Duration, secrets: &[&str]) -> Self {
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk[..chunk.len().min(MAX_TOLD - body.len())]);
                if body.len() == MAX_TOLD {
                    break;
                }
            }
        };
        // What came until then is told.
        let _ = time::timeout(patience, read).await;
        Self::new(&body, secrets)
    }

    pub(super) fn new(body: &[u8], secrets: &[&str]) -> Self {
        let text = match serde_json::from_slice::<Errors>(body).ok().and_then(|errors| errors.errors.into_iter().next())
        {
            Some(Reason { code, message }) => format!("{code} {message}"),
            None => String::from_utf8_lossy(body).into_owned(),
        };
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        Self(shown(secrets.fold(text, |text, secret| without(&text, secret)).trim()))
    }
}

/// `text` without a secret, nor with the start of one at its end, where it may have been cut off.
fn without(text: &str, secret: &str) -> String {
    let text = text.replace(secret, "…");
    let starts = secret.char_indices().map(|(end, _)| &secret[..end]).rev();
    match starts.take_while(|start| start.len() >= SHORTEST_START).find(|start| text.ends_with(start)) {
        Some(start) => format!("{}…", &text[..text.len() - start.len()]),
        None => text,
    }
}

/// `text` on one line, without control characters, and not too long.
pub(super) fn shown(text: &str) -> String {
    shortened(&text.replace(char::is_control, " "), SHOWN_TOLD)
}

impl fmt::Display for OciTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => Ok(()),
            false => write!(f, " (it says: {})", self.0),
        }
    }
}
