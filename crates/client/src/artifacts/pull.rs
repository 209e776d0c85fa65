//! Fetching an artifact from the lattice, in parts from whichever hosts answer.

use async_nats::Message;
use bytes::{Bytes, BytesMut};
use lattice_protocol::{Ack, ArtifactVerb, BYTES_TYPE, DecodeError, POSITION_HEADER, PartQuery, StoredArtifact};

use super::{digest, repeated};
use crate::{
    client::Client,
    defaults::{PART_TRIES, PULLED_BYTES},
    request::{CONTENT_TYPE, Outgoing, RequestError, read_answer},
};

/// Why an artifact was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// There is none, or no host could be asked.
    #[error("`{reference}` could not be fetched from the lattice")]
    Request {
        /// The reference.
        reference: String,
        /// What went wrong.
        source: Box<RequestError>,
    },
    /// More bytes than are fetched.
    #[error("`{reference}` has {size} bytes, at most {max} are fetched")]
    TooLarge {
        /// The reference.
        reference: String,
        /// Its bytes.
        size: u64,
        /// The bytes allowed.
        max: u64,
    },
    /// What arrived is not what was announced.
    #[error("`{reference}` arrived damaged: {announced} was announced, and {found} arrived")]
    Damaged {
        /// The reference.
        reference: String,
        /// The digest that was announced.
        announced: String,
        /// The digest of what arrived.
        found: String,
    },
}

impl Client {
    /// Fetches an artifact that lies in the lattice, with what is known of it. `progress` hears how many of the bytes have
    /// arrived, and how many there are.
    ///
    /// # Errors
    /// [`PullError::Request`] with a refusal of the kind [`RefusalCode::NotFound`](lattice_protocol::RefusalCode::NotFound) if
    /// there is none, [`RefusalCode::Conflict`](lattice_protocol::RefusalCode::Conflict) if it was replaced meanwhile.
    pub async fn pull_artifact(
        &self,
        reference: &str,
        progress: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<(StoredArtifact, Bytes), PullError> {
        let failed = |source| PullError::Request { reference: reference.to_owned(), source: Box::new(source) };
        let artifact = self.artifact(reference).await.map_err(failed)?;
        let size = artifact.size;
        if size > PULLED_BYTES {
            return Err(PullError::TooLarge { reference: reference.to_owned(), size, max: PULLED_BYTES });
        }
        let (mut whole, mut position) = (BytesMut::new(), None);
        while (whole.len() as u64) < size {
            let (bytes, next) = self.part(&artifact, position).await.map_err(failed)?;
            whole.extend_from_slice(&bytes);
            position = Some(next);
            progress(size.min(whole.len() as u64), size);
        }
        match digest(&whole) {
            found if found == artifact.digest => Ok((artifact, whole.freeze())),
            found => Err(PullError::Damaged { reference: reference.to_owned(), announced: artifact.digest, found }),
        }
    }

    /// The next bytes, and where those after them begin.
    async fn part(&self, artifact: &StoredArtifact, position: Option<u64>) -> Result<(Bytes, u64), RequestError> {
        let query = PartQuery {
            digest: artifact.digest.clone(),
            lattice_id: Some(self.lattice().clone()),
            position,
            reference: artifact.reference.clone(),
        };
        let subject = self.artifact_subject(ArtifactVerb::Part);
        let request = Outgoing::with_body(self, subject.clone(), &query);
        let message = repeated(PART_TRIES, || self.exchange(request.clone())).await?;
        match position_after(&message) {
            Some(next) if !message.payload.is_empty() => Ok((message.payload, next)),
            _ => match read_answer::<Ack>(&subject, &message.payload) {
                Err(refusal) => Err(refusal),
                Ok(_) => Err(RequestError::Unreadable { subject, source: DecodeError::Empty }),
            },
        }
    }
}

fn position_after(message: &Message) -> Option<u64> {
    let headers = message.headers.as_ref()?;
    let is_bytes = headers.get(CONTENT_TYPE)?.as_str() == BYTES_TYPE;
    headers.get(POSITION_HEADER).filter(|_| is_bytes)?.as_str().parse().ok()
}
