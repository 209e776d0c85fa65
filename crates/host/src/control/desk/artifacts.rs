//! The lattice's own artifacts: which there are, their bytes, and storing and removing them.

use lattice_artifact::{Digest, Kind, ObjectReference, Reference, Replace, Stored, Target};
use lattice_protocol::{
    Ack, ArtifactKind, ArtifactQuery, ArtifactVerb, Artifacts as Listed, BeginUpload, FinishUpload, PartQuery,
    RefusalCode, StoredArtifact, UploadBegun, error_chain,
};

use super::{Answer, Desk, commands::Told, read_as, refused};
use crate::{
    actors::Refusal,
    control::{reply::Reply, request::Request},
    depot::{Begun, DepotError, NewUpload},
};

impl Desk {
    /// What any host can tell.
    pub(super) fn artifact(&self, verb: ArtifactVerb, request: &Request) -> Answer {
        let answer = match verb {
            ArtifactVerb::List => self.artifacts(request),
            ArtifactVerb::Get => self.artifact_info(request),
            ArtifactVerb::Part => self.artifact_part(request),
        };
        answer.unwrap_or_else(Answer::from)
    }

    fn artifacts(&self, request: &Request) -> Result<Answer, Ack> {
        self.check_query(request)?;
        let depot = self.parts.depot.clone();
        Ok(later(async move {
            let listed = depot.list().await?;
            Ok(Reply::of(Listed { artifacts: listed.into_iter().filter_map(told).collect() }))
        }))
    }

    fn artifact_info(&self, request: &Request) -> Result<Answer, Ack> {
        let (reference, depot) = (self.read_artifact_query(request)?, self.parts.depot.clone());
        Ok(later(
            async move { depot.get(&reference).await.map(|stored| told(stored).map_or_else(unreadable, Reply::of)) },
        ))
    }

    fn artifact_part(&self, request: &Request) -> Result<Answer, Ack> {
        let query: PartQuery = read_as("query of a part", request)?;
        self.check_lattice(query.lattice_id.as_ref())?;
        let (reference, digest) = (object(&query.reference)?, digest(&query.digest)?);
        let depot = self.parts.depot.clone();
        Ok(later(async move {
            let part = depot.part(&reference, &digest, query.position).await?;
            Ok(Reply::part(part.bytes, part.next))
        }))
    }

    /// Begins an upload, which goes on at this host.
    pub(super) fn begin_upload(&self, request: &Request) -> Answer {
        self.open_upload(request).unwrap_or_else(Answer::from)
    }

    fn open_upload(&self, request: &Request) -> Result<Answer, Ack> {
        let begin: BeginUpload = read_as("start of an upload", request)?;
        self.check_lattice(begin.lattice_id.as_ref())?;
        self.check_open()?;
        let replace = if request.is_forced() { Replace::Always } else { Replace::Never };
        let (reference, digest) = (object(&begin.reference)?, digest(&begin.digest)?);
        let upload = NewUpload { reference, digest, size: begin.size, replace };
        let (depot, host_id) = (self.parts.depot.clone(), self.parts.host.clone());
        Ok(later(async move {
            let begun = match depot.begin(upload).await? {
                Begun::There(stored) => {
                    UploadBegun { artifact: told(stored), chunk: 0, host_id, upload: String::new() }
                }
                Begun::Taken(upload) => UploadBegun { artifact: None, chunk: depot.chunk() as u64, host_id, upload },
            };
            Ok(Reply::of(begun))
        }))
    }

    /// A part of an upload to this host.
    pub(super) fn upload(&self, request: &Request) -> Answer {
        let taken = self.check_open().and_then(|()| {
            let (upload, offset) = request.upload().ok_or_else(no_part)?;
            self.parts.depot.take(upload, offset, request.body()).map_err(|error| error.refusal())
        });
        taken.map_or_else(Answer::from, |()| Ack::accepted().into())
    }

    /// Has what was uploaded to this host checked and stored.
    pub(super) fn push(&self, request: &Request) -> Answer {
        self.finish_upload(request).unwrap_or_else(Answer::from)
    }

    fn finish_upload(&self, request: &Request) -> Result<Answer, Ack> {
        let finish: FinishUpload = read_as("end of an upload", request)?;
        self.check_lattice(finish.lattice_id.as_ref())?;
        self.check_open()?;
        let object = object(&finish.reference)?;
        let depot = self.parts.depot.clone();
        let turn = depot.line_up(&object);
        self.begin_and_end(about("artifact.push", &object), request, turn, async move |turn, operation| {
            depot.store(&finish.upload, &object, turn, operation).await
        })
    }

    /// Removes an artifact, as any host can.
    pub(super) fn delete_artifact(&self, request: &Request) -> Answer {
        self.remove(request).unwrap_or_else(Answer::from)
    }

    fn remove(&self, request: &Request) -> Result<Answer, Ack> {
        let (object, depot) = (self.read_artifact_query(request)?, self.parts.depot.clone());
        let turn = depot.line_up(&object);
        self.begin_and_end(about("artifact.delete", &object), request, turn, async move |turn, operation| {
            depot.delete(&object, turn, operation).await
        })
    }

    fn read_artifact_query(&self, request: &Request) -> Result<ObjectReference, Ack> {
        let query: ArtifactQuery = read_as("query of an artifact", request)?;
        self.check_lattice(query.lattice_id.as_ref())?;
        object(&query.reference)
    }

    /// Fails where the host is stopping.
    fn check_open(&self) -> Result<(), Ack> {
        match self.closed.is_cancelled() {
            true => Err(refused(RefusalCode::Stopping, Refusal::Stopping.to_string())),
            false => Ok(()),
        }
    }
}

/// What is answered while others are attended to.
fn later(answer: impl Future<Output = Result<Reply, DepotError>> + Send + 'static) -> Answer {
    Answer::Later(Box::pin(async move { Some(answer.await.unwrap_or_else(|error| error.refusal().into())) }))
}

/// A command about an artifact, for its record.
fn about<'a>(command: &'a str, object: &ObjectReference) -> Told<'a> {
    Told { command, reference: Some(object.to_string()) }
}

fn object(text: &str) -> Result<ObjectReference, Ack> {
    let reference: Reference = text.parse().map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))?;
    match reference.target() {
        Target::Object(object) => Ok(object.clone()),
        _ => {
            let text = format!("`{reference}` does not name what lies in the lattice; write `nats://NAME:TAG`");
            Err(refused(RefusalCode::Invalid, text))
        }
    }
}

fn digest(text: &str) -> Result<Digest, Ack> {
    text.parse().map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))
}

fn no_part() -> Ack {
    refused(RefusalCode::Invalid, "a part says in its headers which upload it belongs to and at which byte it begins")
}

fn unreadable() -> Reply {
    refused(RefusalCode::Unavailable, "what is stored about it cannot be read").into()
}

fn told(stored: Stored) -> Option<StoredArtifact> {
    Some(StoredArtifact {
        digest: stored.digest?.to_string(),
        key: stored.key,
        kind: match stored.kind {
            Some(Kind::Module) => ArtifactKind::Module,
            Some(Kind::Provider) => ArtifactKind::Provider,
            Some(Kind::Any) | None => ArtifactKind::Unknown,
        },
        name: stored.name,
        pushed: humantime::format_rfc3339_millis(stored.pushed).to_string(),
        reference: stored.reference,
        size: stored.size,
    })
}
