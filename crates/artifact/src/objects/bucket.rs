//! The bucket as JetStream has it: one message that is about an object, and the messages that are its bytes.

use std::{error::Error, future::IntoFuture, time::SystemTime};

use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_ROLLUP},
    jetstream::{
        self, ErrorCode,
        context::{PublishErrorKind, RequestErrorKind},
        object_store::Config,
        stream::{DirectGetErrorKind, InfoError, LastRawMessageErrorKind, RawMessageErrorKind, Stream},
    },
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use lattice_protocol::{ArtifactSubjects, LatticeName, error_chain};
use uuid::Uuid;

use super::{
    error::ObjectError,
    image::{Info, is_token},
};
use crate::defaults::{INFOS_AT_ONCE, WRITES_AT_ONCE};

/// Bytes of one message, as every client of object stores has it: what every server carries, many times over.
pub(super) const CHUNK: usize = 128 << 10;

/// The value of the header by which a message takes the place of those before it on its subject.
const OF_SUBJECT: &str = "sub";

/// The bucket; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    jetstream: jetstream::Context,
    subjects: ArtifactSubjects,
    stream: Stream<()>,
}

/// What stands about an object.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// None if it cannot be read.
    pub(super) info: Option<Info>,
    pub(super) sequence: u64,
    /// When it was written, by the server's clock.
    pub(super) time: SystemTime,
}

impl Standing {
    /// Whether it says that there is no such object.
    pub(super) fn is_gone(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.deleted)
    }

    /// Under which id its bytes lie.
    pub(super) fn nuid(&self) -> Option<String> {
        self.info.as_ref().map(|info| info.nuid.clone()).filter(|nuid| is_token(nuid))
    }
}

/// Some bytes of an object, and where in the stream they are.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) sequence: u64,
}

/// What became of writing what an object is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It stands, at this place in the stream.
    At(u64),
    /// Somebody else wrote it meanwhile.
    Overtaken,
}

/// An id under which no other bytes lie.
pub(super) fn new_nuid() -> String {
    Uuid::now_v7().simple().to_string()
}

impl Bucket {
    pub(super) async fn open(jetstream: jetstream::Context, lattice: &LatticeName) -> Result<Self, ObjectError> {
        let subjects = ArtifactSubjects::new(lattice);
        let failed = |error: jetstream::context::GetStreamError| failed(subjects.bucket(), "open", error);
        let stream = jetstream.get_stream_no_info(subjects.stream()).await.map_err(failed)?;
        Ok(Self { jetstream, subjects, stream })
    }

    /// Makes the bucket if there is none. One that is there is used as it is, for an operator may have set replicas.
    pub(super) async fn make_if_missing(&self) -> Result<(), ObjectError> {
        if self.is_there().await? {
            return Ok(());
        }
        let description = Some("artifacts of the lattice, by name".to_owned());
        let config = Config { bucket: self.subjects.bucket().to_owned(), description, ..Config::default() };
        match self.jetstream.create_object_store(config).await {
            Ok(_) => Ok(()),
            // Another host may have made it in the same moment.
            Err(error) => match self.is_there().await {
                Ok(true) => Ok(()),
                _ => Err(self.failed("make", error)),
            },
        }
    }

    async fn is_there(&self) -> Result<bool, ObjectError> {
        match self.stream.get_info().await {
            Ok(_) => Ok(true),
            Err(error) if is_no_stream(&error) => Ok(false),
            Err(error) => Err(self.asking(error)),
        }
    }

    /// What stands about an object, as the stream's leader tells; nothing where there is no bucket.
    pub(super) async fn info(&self, object: &str) -> Result<Option<Standing>, ObjectError> {
        self.standing(&self.subjects.info(object)).await
    }

    async fn standing(&self, subject: &str) -> Result<Option<Standing>, ObjectError> {
        match self.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(Standing {
                info: serde_json::from_slice(&message.payload).ok(),
                sequence: message.sequence,
                time: message.time.into(),
            })),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    Ok(None)
                }
                _ => Err(self.failed("read", error)),
            },
        }
    }

    /// What stands about every object that can be read, removed ones included, with its name.
    pub(super) async fn all_infos(&self) -> Result<Vec<(String, Standing)>, ObjectError> {
        let named = |standing: Standing| {
            let name = standing.info.as_ref()?.name.clone();
            Some((name, standing))
        };
        Ok(self.all_standings().await?.into_iter().filter_map(named).collect())
    }

    /// What stands about every object, readable or not, removed ones included.
    pub(super) async fn all_standings(&self) -> Result<Vec<Standing>, ObjectError> {
        let subjects = self.subjects_of(&self.subjects.infos()).await?;
        let standings = stream::iter(subjects).map(async |subject| self.standing(&subject).await);
        let standings: Vec<Option<Standing>> = standings.buffer_unordered(INFOS_AT_ONCE).try_collect().await?;
        Ok(standings.into_iter().flatten().collect())
    }

    /// The ids under which bytes lie, whether anything names them or not.
    pub(super) async fn all_nuids(&self) -> Result<Vec<String>, ObjectError> {
        let subjects = self.subjects_of(&self.subjects.all_bytes()).await?;
        Ok(subjects.iter().filter_map(|subject| self.subjects.nuid_of(subject)).map(str::to_owned).collect())
    }

    async fn subjects_of(&self, wildcard: &str) -> Result<Vec<String>, ObjectError> {
        let subjects = match self.stream.info_with_subjects(wildcard).await {
            Ok(subjects) => subjects,
            Err(error) if is_no_stream(&error) => return Ok(Vec::new()),
            Err(error) => return Err(self.asking(error)),
        };
        let subjects = subjects.map_ok(|(subject, _)| subject.to_string()).try_collect().await;
        subjects.map_err(|error| self.asking(error))
    }

    /// When the last bytes under this id were written.
    pub(super) async fn last_written(&self, nuid: &str) -> Result<Option<SystemTime>, ObjectError> {
        Ok(self.standing(&self.subjects.bytes(nuid)).await?.map(|standing| standing.time))
    }

    /// The next bytes of an object from a place in the stream on, in their order; none if there are no more.
    ///
    /// They mostly lie next to each other, so that several places are asked for at once. Each answers with the first bytes from
    /// there on: none are left out, and some may come twice.
    pub(super) async fn chunks(&self, nuid: &str, from: u64, ahead: u64) -> Result<Vec<Chunk>, ObjectError> {
        let asked = (from..from.saturating_add(ahead)).map(|place| self.chunk(nuid, place));
        let mut chunks: Vec<Chunk> = Vec::new();
        for chunk in join_all(asked).await {
            let Some(chunk) = chunk? else { break };
            if chunks.last().is_none_or(|last| chunk.sequence > last.sequence) {
                chunks.push(chunk);
            }
        }
        Ok(chunks)
    }

    /// Any replica is asked first. One that has nothing may be behind, and some streams do not let them answer at all; then
    /// the leader is.
    async fn chunk(&self, nuid: &str, from: u64) -> Result<Option<Chunk>, ObjectError> {
        let subject = self.subjects.bytes(nuid);
        match self.stream.direct_get_next_for_subject(subject.as_str(), Some(from)).await {
            Ok(message) => return Ok(Some(Chunk { bytes: message.payload, sequence: message.sequence })),
            Err(error) => match error.kind() {
                DirectGetErrorKind::NotFound | DirectGetErrorKind::ErrorResponse(..) => {}
                DirectGetErrorKind::TimedOut => return Err(self.no_answer("read")),
                _ => return Err(self.failed("read", error)),
            },
        }
        match self.stream.raw_message_builder().next_by_subject(subject).sequence(from).send().await {
            Ok(message) => Ok(Some(Chunk { bytes: message.payload, sequence: message.sequence })),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    /// Writes bytes under an id, and returns in how many messages.
    ///
    /// They are sent in order over one connection, and some are on their way at the same time.
    pub(super) async fn write(&self, nuid: &str, bytes: &Bytes) -> Result<usize, ObjectError> {
        let size = self.chunk_size();
        let (subject, mut unconfirmed) = (self.subjects.bytes(nuid), stream::FuturesUnordered::new());
        let mut written = Ok(());
        for chunk in bytes.chunks(size) {
            if unconfirmed.len() >= WRITES_AT_ONCE {
                written = self.confirm(&mut unconfirmed).await;
            }
            if written.is_err() {
                break;
            }
            match self.jetstream.publish(subject.clone(), bytes.slice_ref(chunk)).await {
                Ok(sent) => unconfirmed.push(sent.into_future()),
                Err(error) => written = Err(self.failed(WRITE, error)),
            }
        }
        // Also after a failure: what is still on its way would be stored behind the back of who removes the rest.
        while !unconfirmed.is_empty() {
            let confirmed = self.confirm(&mut unconfirmed).await;
            written = written.and(confirmed);
        }
        written.map(|()| bytes.len().div_ceil(size))
    }

    /// Half of what the server carries leaves room for headers, for whoever hands the bytes on.
    fn chunk_size(&self) -> usize {
        match self.jetstream.client().server_info().max_payload {
            0 => CHUNK,
            limit => CHUNK.min((limit / 2).max(1)),
        }
    }

    async fn confirm<F>(&self, unconfirmed: &mut stream::FuturesUnordered<F>) -> Result<(), ObjectError>
    where
        F: Future<Output = Result<jetstream::publish::PublishAck, jetstream::context::PublishError>>,
    {
        match unconfirmed.next().await {
            Some(Err(error)) => Err(self.writing(error)),
            _ => Ok(()),
        }
    }

    /// Writes what an object is about, if what stood there still does; 0 is nothing.
    pub(super) async fn publish(&self, info: &Info, revision: u64) -> Result<Written, ObjectError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_ROLLUP, OF_SUBJECT);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string());
        let subject = self.subjects.info(&info.name);
        let info = info.in_bucket(self.subjects.bucket());
        let body = serde_json::to_vec(&info).expect("it has text for keys, and is written to memory");
        let sent = self.jetstream.publish_with_headers(subject, headers, body.into()).await;
        match sent.map_err(|error| self.failed(WRITE, error))?.await {
            Ok(ack) => Ok(Written::At(ack.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Written::Overtaken),
            Err(error) => Err(self.writing(error)),
        }
    }

    /// Removes the bytes under an id. What cannot be removed is found by a later search for leftovers.
    pub(super) async fn discard(&self, nuid: &str) {
        if let Err(error) = self.stream.purge().filter(self.subjects.bytes(nuid)).await {
            let error = error_chain(&error);
            tracing::warn!(bucket = self.subjects.bucket(), nuid, error, "bytes that nothing names stay for now");
        }
    }

    /// Removes the note that an object is gone, unless another one stands there by now.
    pub(super) async fn forget(&self, object: &str, written: u64) {
        let subject = self.subjects.info(object);
        if let Err(error) = self.stream.purge().sequence(written + 1).filter(subject).await {
            tracing::debug!(object, error = error_chain(&error), "the note that an artifact is gone stays");
        }
    }

    fn writing(&self, error: jetstream::context::PublishError) -> ObjectError {
        match error.kind() {
            PublishErrorKind::TimedOut => self.no_answer(WRITE),
            _ => self.failed(WRITE, error),
        }
    }

    fn asking(&self, error: InfoError) -> ObjectError {
        match error.kind() {
            RequestErrorKind::TimedOut => self.no_answer("look at"),
            _ => self.failed("look at", error),
        }
    }

    fn no_answer(&self, attempt: &'static str) -> ObjectError {
        ObjectError::NoAnswer { bucket: self.subjects.bucket().to_owned(), attempt }
    }

    fn failed(&self, attempt: &'static str, error: impl Error) -> ObjectError {
        failed(self.subjects.bucket(), attempt, error)
    }
}

const WRITE: &str = "write to";

/// The errors of the NATS client repeat their causes in their own text.
fn failed(bucket: &str, attempt: &'static str, error: impl Error) -> ObjectError {
    ObjectError::Failed { bucket: bucket.to_owned(), attempt, source: error.to_string().into() }
}

fn is_no_stream(error: &InfoError) -> bool {
    let told = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    told.is_some_and(|told| told.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
