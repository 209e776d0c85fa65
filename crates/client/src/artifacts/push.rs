//! Storing an artifact in the lattice: sent to one host in parts, which checks it and stores it.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use lattice_protocol::{
    Ack, BeginUpload, ControlSubject, FinishUpload, OFFSET_HEADER, RefusalCode, StoredArtifact, UPLOAD_HEADER,
    UploadBegun,
};
use tokio::time;

use super::{digest, repeated};
use crate::{
    client::Client,
    command::forced,
    defaults::{HOST_RETURN_PAUSE, PART_TRIES, PARTS_AT_ONCE, SMALLEST_PART, UPLOAD_TRIES},
    operation::{Expected, Operation},
    request::{Outgoing, RequestError},
};

/// How an artifact is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushOptions {
    /// Whether another artifact under the same reference is replaced, and the same one written anew.
    pub force: bool,
}

impl PushOptions {
    /// With [`force`](Self::force) set.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }
}

/// What came of storing an artifact.
#[derive(Debug)]
pub enum Pushed {
    /// The very same lies there already; nothing was sent.
    Unchanged(StoredArtifact),
    /// A host took it, and has stored it or says in the operation why not.
    Taken(Operation),
}

/// Why an artifact was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// No host took it, or the one that did says no.
    #[error("`{reference}` could not be stored in the lattice")]
    Request {
        /// The reference.
        reference: String,
        /// What went wrong.
        source: Box<RequestError>,
    },
    /// Each host that was to take it went away over it, or fell silent.
    #[error("`{reference}` could not be sent to any host, in {tries} attempts")]
    Interrupted {
        /// The reference.
        reference: String,
        /// How many hosts were tried.
        tries: u32,
        /// What went wrong last.
        source: Box<RequestError>,
    },
    /// The host that answered wants more and smaller parts than anybody sends.
    #[error("a host takes `{reference}` in parts of {chunk} bytes, and they are to have {SMALLEST_PART} at least")]
    Parts {
        /// The reference.
        reference: String,
        /// The bytes of a part.
        chunk: u64,
    },
}

impl Client {
    /// Stores a module or provider archive in the lattice, under `nats://NAME[:TAG]`, from where every host can start it.
    /// `progress` hears how many of the bytes have arrived, and how many there are.
    ///
    /// A host takes it in parts, checks its claims, and stores it. Where the same bytes lie there already, nothing is sent.
    /// Should the host go or fall silent meanwhile, another one is sent everything.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use lattice_client::{PushOptions, Pushed};
    ///
    /// let module = std::fs::read("hello.wasm")?;
    /// match client.push_artifact("nats://hello:1", module, PushOptions::default(), |_, _| {}).await? {
    ///     Pushed::Unchanged(artifact) => println!("{} is there already", artifact.digest),
    ///     Pushed::Taken(operation) => drop(operation.wait(Duration::from_secs(60)).await?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PushError::Request`] with a refusal of the kind [`RefusalCode::Conflict`] if other bytes lie there and are not to be
    /// replaced, [`RefusalCode::Invalid`] or [`RefusalCode::NotAllowed`] if the host does not accept what was sent,
    /// [`RefusalCode::Full`] if it takes too much already. What takes longer is told by the operation.
    pub async fn push_artifact(
        &self,
        reference: &str,
        bytes: impl Into<Bytes>,
        options: PushOptions,
        progress: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<Pushed, PushError> {
        let bytes = bytes.into();
        let upload = Upload { client: self, reference, digest: digest(&bytes), bytes, options };
        let mut last = None;
        for tried in 0..UPLOAD_TRIES {
            if tried > 0 {
                time::sleep(HOST_RETURN_PAUSE).await;
            }
            match upload.to_one_host(&progress).await {
                Err(Fault::Lost(source)) => last = Some(source),
                Err(Fault::Final(error)) => return Err(error),
                Ok(pushed) => return Ok(pushed),
            }
        }
        let source = Box::new(last.expect("an attempt was made"));
        Err(PushError::Interrupted { reference: reference.to_owned(), tries: UPLOAD_TRIES, source })
    }
}

/// Why one host has not stored it.
enum Fault {
    /// It has gone, is silent, or has forgotten what it was sent: another may take it.
    Lost(RequestError),
    Final(PushError),
}

/// An artifact that is to be stored.
struct Upload<'a> {
    client: &'a Client,
    reference: &'a str,
    digest: String,
    bytes: Bytes,
    options: PushOptions,
}

/// The parts of an artifact on their way to one host. What sends them owns all that it needs, or the compiler does not see that
/// it can be sent between threads.
struct Parts {
    client: Client,
    subject: String,
    upload: String,
    bytes: Bytes,
    chunk: usize,
}

impl Parts {
    /// Sends the part that begins there, and returns its length.
    async fn send(self: Arc<Self>, offset: usize) -> Result<u64, RequestError> {
        let part = self.bytes.slice(offset..self.bytes.len().min(offset + self.chunk));
        let request = Outgoing::with_bytes(&self.client, self.subject.clone(), part.clone())
            .header(UPLOAD_HEADER, &self.upload)
            .header(OFFSET_HEADER, &offset.to_string());
        repeated(PART_TRIES, || self.client.request::<Ack>(request.clone())).await?;
        Ok(part.len() as u64)
    }
}

impl Upload<'_> {
    async fn to_one_host(&self, progress: &(impl Fn(u64, u64) + Sync)) -> Result<Pushed, Fault> {
        let begun = self.begin().await.map_err(|error| match error.refusal_code() {
            Some(RefusalCode::Stopping) => Fault::Lost(error),
            _ if error.is_silence() => Fault::Lost(error),
            _ => self.failed(error),
        })?;
        if let Some(artifact) = begun.artifact {
            return Ok(Pushed::Unchanged(artifact));
        }
        self.send_parts(&begun, progress).await?;
        // Without an answer it may have been stored all the same: then the next attempt finds it, or writes it once more.
        self.finish(&begun).await.map(Pushed::Taken).map_err(|error| self.failed_there(error))
    }

    async fn begin(&self) -> Result<UploadBegun, RequestError> {
        let begin = BeginUpload {
            digest: self.digest.clone(),
            lattice_id: Some(self.client.lattice().clone()),
            reference: self.reference.to_owned(),
            size: self.bytes.len() as u64,
        };
        let subject = self.client.subjects().build(&ControlSubject::BeginUpload);
        self.client.request(forced(Outgoing::with_body(self.client, subject, &begin), self.options.force)).await
    }

    async fn send_parts(&self, begun: &UploadBegun, progress: &(impl Fn(u64, u64) + Sync)) -> Result<(), Fault> {
        let (parts, total) = (Arc::new(self.parts(begun)?), self.bytes.len());
        let offsets = stream::iter((0..total).step_by(parts.chunk));
        let sent = offsets.map(move |offset| Arc::clone(&parts).send(offset));
        let mut sent = sent.buffer_unordered(PARTS_AT_ONCE);
        let mut arrived = 0;
        while let Some(length) = sent.try_next().await.map_err(|error| self.failed_there(error))? {
            arrived += length;
            progress(arrived, total as u64);
        }
        Ok(())
    }

    fn parts(&self, begun: &UploadBegun) -> Result<Parts, Fault> {
        let chunk = usize::try_from(begun.chunk).ok().filter(|chunk| *chunk >= SMALLEST_PART);
        let too_small = || Fault::Final(PushError::Parts { reference: self.reference.to_owned(), chunk: begun.chunk });
        let chunk = chunk.ok_or_else(too_small)?;
        let subject = self.client.subjects().build(&ControlSubject::Upload { host: begun.host_id.clone() });
        let (client, upload, bytes) = (self.client.clone(), begun.upload.clone(), self.bytes.clone());
        Ok(Parts { client, subject, upload, bytes, chunk })
    }

    async fn finish(&self, begun: &UploadBegun) -> Result<Operation, RequestError> {
        let finish = FinishUpload {
            lattice_id: Some(self.client.lattice().clone()),
            reference: self.reference.to_owned(),
            upload: begun.upload.clone(),
        };
        let subject = self.client.subjects().build(&ControlSubject::Push { host: begun.host_id.clone() });
        let request = Outgoing::with_body(self.client, subject, &finish);
        self.client.command(request, Some(&begun.host_id), Expected::Nothing).await
    }

    /// What an error of the host that takes it means.
    fn failed_there(&self, error: RequestError) -> Fault {
        match &error {
            RequestError::NoResponders { .. } => Fault::Lost(error),
            _ if error.is_silence() => Fault::Lost(error),
            RequestError::Refused { code: Some(RefusalCode::Stopping | RefusalCode::NotFound), .. } => {
                Fault::Lost(error)
            }
            _ => self.failed(error),
        }
    }

    fn failed(&self, source: RequestError) -> Fault {
        Fault::Final(PushError::Request { reference: self.reference.to_owned(), source: Box::new(source) })
    }
}
