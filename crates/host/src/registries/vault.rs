//! Where credentials lie for hosts that join later: in a bucket of this project, `LATTICEREGISTRIES_{lattice}`, one entry for
//! each cluster, sealed with its seed. So hosts of two clusters in one lattice leave each other's alone.
//!
//! An entry is changed by compare-and-set, and tells which changes led to it. So each change is carried out once, however many hosts
//! were told of it, and one that a slow host is late with does not undo what came after it.

use async_nats::jetstream;
use bytes::Bytes;
use lattice_claims::{ClusterSeed, SealError, UnsealError};
use lattice_protocol::{HostKey, LatticeName};
use tokio::time::Instant;

use super::{
    book::{Book, NoBook, TooManyRegistries},
    unsaved::Unsaved,
};
use crate::{
    bucket::{AnyError, Bucket, BucketError, Entry, Expected, Written},
    defaults::CHANGE_PATIENCE,
};

/// The bucket and what opens its entry; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    bucket: Bucket,
    cluster: ClusterSeed,
    /// The key of the cluster's entry.
    key: String,
    /// What is sealed: another lattice's entry is not this one's.
    context: String,
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the entry cannot be opened")]
    Sealed(#[source] UnsealError),
    #[error("the entry can be opened and not be read")]
    NoBook(#[source] NoBook),
}

/// Why a change is not kept for other hosts.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error("their bucket cannot be used")]
    Bucket(#[source] BucketError),
    #[error("they cannot be sealed")]
    Seal(#[source] SealError),
    /// Another host of the lattice could read what stands, and has written it or will.
    #[error("what is kept of others cannot be read and is left alone")]
    Unreadable(#[source] Unreadable),
    #[error("there are more than hosts keep")]
    TooMany(#[source] TooManyRegistries),
    #[error("others were changing them for {CHANGE_PATIENCE:?}")]
    Busy,
}

impl Vault {
    pub(super) fn name(lattice: &LatticeName) -> String {
        format!("LATTICEREGISTRIES_{lattice}")
    }

    /// Opens the bucket, or makes it.
    pub(super) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
        host: HostKey,
        cluster: ClusterSeed,
    ) -> Result<Self, AnyError> {
        let bucket = Bucket::open(jetstream, &Self::name(lattice), host).await?;
        let key = format!("credentials.{}", cluster.public());
        Ok(Self { bucket, cluster, key, context: format!("credentials for registries of lattice {lattice}") })
    }

    pub(super) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Whether it is the entry with the credentials.
    pub(super) fn is_it(&self, entry: &Entry) -> bool {
        entry.key == self.key
    }

    /// Reads what was sealed.
    pub(super) fn read(&self, sealed: &[u8]) -> Result<Book, Unreadable> {
        let content = self.cluster.open(&self.context, sealed).map_err(Unreadable::Sealed)?;
        Book::read(&content).map_err(Unreadable::NoBook)
    }

    /// Has the bucket hold changes, and returns what it holds then; the copy in memory has been shown it. Where it holds nothing
    /// that counts it is given the whole book.
    pub(super) async fn keep(&self, unsaved: &Unsaved, whole: &Book) -> Result<Book, NotKept> {
        let deadline = Instant::now() + CHANGE_PATIENCE;
        while Instant::now() < deadline {
            let entry = self.bucket.read(&self.key).await.map_err(NotKept::Bucket)?;
            let revision = entry.as_ref().map_or(0, |entry| entry.revision);
            let next = match self.step(entry.as_ref(), unsaved, whole)? {
                Step::Done(book) => {
                    self.bucket.shown(revision).await;
                    return Ok(book);
                }
                Step::Write(book) => book,
            };
            let sealed = self.cluster.seal(&self.context, &next.write()).map_err(NotKept::Seal)?;
            let expected = Expected::Revision(revision);
            let written = self.bucket.put(&self.key, Bytes::from(sealed), expected, unsaved.operation()).await;
            if let Written::Stored(revision) = written.map_err(NotKept::Bucket)? {
                self.bucket.shown(revision).await;
                return Ok(next);
            }
        }
        Err(NotKept::Busy)
    }

    /// What is to be done where this stands.
    fn step(&self, entry: Option<&Entry>, unsaved: &Unsaved, whole: &Book) -> Result<Step, NotKept> {
        let Some((entry, sealed)) = entry.and_then(|entry| Some((entry, entry.value.as_ref()?))) else {
            return Ok(Step::Write(whole.clone()));
        };
        match self.read(sealed) {
            Ok(book) => {
                let next = unsaved.over(&book).map_err(NotKept::TooMany)?;
                Ok(next.map_or(Step::Done(book), Step::Write))
            }
            // Whatever it was, it is replaced.
            Err(_) if unsaved.replaces(entry.operation.as_ref()) => Ok(Step::Write(whole.clone())),
            Err(error) => Err(NotKept::Unreadable(error)),
        }
    }
}

/// What is to be done about an entry.
enum Step {
    /// It holds the change.
    Done(Book),
    /// This is to be written in its place.
    Write(Book),
}
