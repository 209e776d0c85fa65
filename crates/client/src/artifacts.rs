//! The lattice's own artifacts: which there are, storing, fetching and removing them, all through hosts.

mod pull;
mod push;

use lattice_protocol::{ArtifactQuery, ArtifactVerb, Artifacts, ControlSubject, StoredArtifact};

pub use push::{PushError, PushOptions, Pushed};

pub use self::pull::PullError;
use crate::{
    client::Client,
    operation::{Expected, Operation},
    request::{Outgoing, RequestError},
};

impl Client {
    /// The artifacts that lie in the lattice, by reference.
    ///
    /// # Errors
    /// [`RequestError::NoResponders`] if the lattice has no host that keeps any, [`RequestError::Refused`] with
    /// [`RefusalCode::Unavailable`](lattice_protocol::RefusalCode::Unavailable) if JetStream cannot be read.
    pub async fn artifacts(&self) -> Result<Artifacts, RequestError> {
        self.query(Outgoing::query(self, self.artifact_subject(ArtifactVerb::List))).await
    }

    /// One of them, by its reference `nats://NAME[:TAG]`.
    ///
    /// # Errors
    /// [`RequestError::Refused`] with [`RefusalCode::NotFound`](lattice_protocol::RefusalCode::NotFound) if there is none.
    /// Otherwise as [`artifacts`](Self::artifacts).
    pub async fn artifact(&self, reference: &str) -> Result<StoredArtifact, RequestError> {
        let query = self.artifact_query(reference);
        self.query(Outgoing::with_body(self, self.artifact_subject(ArtifactVerb::Get), &query)).await
    }

    /// Removes an artifact from the lattice. What was started from it runs on, and hosts that fetched it keep it.
    ///
    /// # Errors
    /// As [`artifact`](Self::artifact).
    pub async fn delete_artifact(&self, reference: &str) -> Result<Operation, RequestError> {
        let query = self.artifact_query(reference);
        let request = Outgoing::with_body(self, self.subjects().build(&ControlSubject::DeleteArtifact), &query);
        self.command(request, None, Expected::Nothing).await
    }

    fn artifact_query(&self, reference: &str) -> ArtifactQuery {
        ArtifactQuery { lattice_id: Some(self.lattice().clone()), reference: reference.to_owned() }
    }

    fn artifact_subject(&self, verb: ArtifactVerb) -> String {
        self.subjects().build(&ControlSubject::Artifact { verb })
    }
}

/// Sends a request that does no harm if it is done twice, until there is an answer.
async fn repeated<T, F: Future<Output = Result<T, RequestError>>>(
    tries: u32,
    send: impl Fn() -> F,
) -> Result<T, RequestError> {
    for _ in 1..tries {
        match send().await {
            Err(error) if error.is_silence() => {}
            answer => return answer,
        }
    }
    send().await
}

/// The digest of bytes as it is written, `sha256:` and hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    use data_encoding::HEXLOWER;
    use sha2::{Digest as _, Sha256};
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}
