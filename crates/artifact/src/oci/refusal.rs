//! What an answer means that is no success.

use std::time::Duration;

use reqwest::{Response, StatusCode};

use super::{ask::Subject, error::OciError, exchange::Answer, told::OciTold};
use crate::web::retry_after;

/// Who asked, for a refusal to be understood.
pub(super) struct Asker<'a> {
    /// What a refusal may not be allowed to repeat.
    pub(super) secrets: Vec<&'a str>,
    /// Whether the asker showed credentials.
    pub(super) has_credential: bool,
}

/// The answer, if it is a success.
pub(super) async fn check(
    answer: Answer,
    subject: Subject,
    asker: &Asker<'_>,
    patience: Duration,
) -> Result<Response, OciError> {
    let Answer { response, place, is_home } = answer;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let after = retry_after(&response);
    let told = OciTold::read(response, patience, &asker.secrets).await;
    Err(match (status, subject) {
        (StatusCode::UNAUTHORIZED, _) if is_home && asker.has_credential => {
            OciError::CredentialsRefused { place, told }
        }
        (StatusCode::UNAUTHORIZED, _) if is_home => OciError::Unauthorized { place, told },
        // Token servers forbid, rather than ask, what nobody may have who is not known.
        (StatusCode::FORBIDDEN, Subject::Token) if !asker.has_credential => OciError::Unauthorized { place, told },
        (StatusCode::FORBIDDEN, _) if is_home => OciError::Forbidden { place, told },
        (StatusCode::NOT_FOUND, Subject::Manifest) => OciError::NoManifest { place, told },
        (StatusCode::NOT_FOUND, Subject::Blob(digest)) => OciError::NoBlob { place, digest },
        (StatusCode::TOO_MANY_REQUESTS, _) => OciError::Busy { place, after, told },
        _ if status.is_server_error() => OciError::ServerFailed { place, status, after, told },
        _ => OciError::Status { place, status, told },
    })
}
