//! Fetching from elsewhere: what the cache knows already, one download for all who want the same, and what is noted of it.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use lattice_protocol::PullPolicy;
use tokio::time;

use crate::{
    archive::this_target,
    artifact::Fetched,
    blocking::blocking,
    cache::{Cache, Note, Turn, Unkept},
    defaults::TURN_PATIENCE,
    digest::Digest,
    error::FetchError,
    kind::Kind,
    progress::Progress,
    pull::Pull,
    reference::Reference,
};

/// Where artifacts are that are not on this machine.
pub(crate) trait Remote: Sync {
    /// What a download needs beyond what every image has.
    type Detail: Send + Sync;

    /// What `reference` is now.
    fn find(
        &self,
        reference: &Reference,
        kind: Kind,
    ) -> impl Future<Output = Result<Image<Self::Detail>, FetchError>> + Send;

    /// Its bytes, at most `max`.
    fn download(
        &self,
        reference: &Reference,
        image: &Image<Self::Detail>,
        max: u64,
        progress: &Progress,
    ) -> impl Future<Output = Result<Bytes, FetchError>> + Send;
}

/// What a reference is at its source.
#[derive(Clone, Debug)]
pub(crate) struct Image<T> {
    /// Names it there for good: the digest of a manifest, for instance.
    pub(crate) version: Digest,
    /// The digest of its bytes, where the source tells it.
    pub(crate) content: Option<Digest>,
    /// How many bytes it has.
    pub(crate) size: u64,
    pub(crate) detail: T,
}

/// What is known of a reference without asking anybody.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// What it means under this name can be remembered, and for whom this is the same name.
    pub(crate) place: Option<String>,
    /// It never means anything else.
    pub(crate) is_fixed: bool,
}

/// Bytes that are here, and why the cache does not have them, should it not.
struct Had {
    content: Digest,
    bytes: Bytes,
    unkept: Option<Arc<Unkept>>,
}

/// Fetches one reference.
pub(crate) struct Fetch<'a, R> {
    pub(crate) cache: &'a Arc<Cache>,
    pub(crate) remote: &'a R,
    pub(crate) reference: &'a Reference,
    pub(crate) named: Named,
    pub(crate) pull: &'a Pull,
    /// The most bytes that are fetched.
    pub(crate) max: u64,
}

impl<R: Remote> Fetch<'_, R> {
    pub(crate) async fn run(self) -> Result<Fetched, FetchError> {
        let before = self.note_of_reference().await?;
        if let Some(note) = before.filter(|_| self.named.is_fixed || self.pull.policy != PullPolicy::Always)
            && let Some(bytes) = self.cached(note.content).await?
        {
            return Ok(self.fetched(note, Had { content: note.content, bytes, unkept: None }, None));
        }
        if self.pull.policy == PullPolicy::Never && self.named.place.is_some() {
            return Err(self.not_cached());
        }
        let image = self.remote.find(self.reference, self.pull.kind).await?;
        let had = self.bytes_of(&image).await?;
        let note = Note { version: image.version, content: had.content };
        self.keep_note(before, note).await?;
        let moved = before.map(|before| before.version).filter(|version| *version != note.version);
        Ok(self.fetched(note, had, moved))
    }

    async fn bytes_of(&self, image: &Image<R::Detail>) -> Result<Had, FetchError> {
        if let Some(found) = self.known(image).await? {
            return Ok(found);
        }
        if self.pull.policy == PullPolicy::Never {
            return Err(self.not_cached());
        }
        self.check_size(image.size)?;
        let _turn = self.turn(&image.version).await;
        match self.known(image).await? {
            Some(found) => Ok(found),
            None => self.download(image).await,
        }
    }

    async fn download(&self, image: &Image<R::Detail>) -> Result<Had, FetchError> {
        let bytes = self.remote.download(self.reference, image, self.max, &self.pull.progress).await?;
        let (cache, version, claimed) = (Arc::clone(self.cache), image.version, image.content);
        let reference = self.reference.clone();
        blocking(move || {
            let content = Digest::of(&bytes);
            if let Some(claimed) = claimed.filter(|claimed| *claimed != content) {
                return Err(FetchError::Content { reference: reference.to_string(), claimed, found: content });
            }
            // Checked or not: it is what its source says it is, and it is checked at each use.
            let unkept = cache.keep(&content, &bytes).err().map(Arc::new);
            if claimed.is_none() {
                note(&cache, &of_version(&version), Note { version, content });
            }
            Ok(Had { content, bytes, unkept })
        })
        .await
    }

    /// Its bytes, if the cache has them.
    async fn known(&self, image: &Image<R::Detail>) -> Result<Option<Had>, FetchError> {
        let content = match image.content {
            Some(content) => Some(content),
            None => self.note(of_version(&image.version)).await?.map(|note| note.content),
        };
        let Some(content) = content else { return Ok(None) };
        Ok(self.cached(content).await?.map(|bytes| Had { content, bytes, unkept: None }))
    }

    async fn cached(&self, content: Digest) -> Result<Option<Bytes>, FetchError> {
        let cache = Arc::clone(self.cache);
        blocking(move || cache.get(&content).map_err(|source| FetchError::Cache { digest: content, source })).await
    }

    async fn note_of_reference(&self) -> Result<Option<Note>, FetchError> {
        match self.named.place.clone() {
            Some(place) => self.note(place).await,
            None => Ok(None),
        }
    }

    async fn note(&self, of: String) -> Result<Option<Note>, FetchError> {
        let cache = Arc::clone(self.cache);
        blocking(move || Ok(cache.note(&of))).await
    }

    async fn keep_note(&self, before: Option<Note>, now: Note) -> Result<(), FetchError> {
        let Some(place) = self.named.place.clone().filter(|_| before != Some(now)) else { return Ok(()) };
        let cache = Arc::clone(self.cache);
        blocking(move || {
            note(&cache, &place, now);
            Ok(())
        })
        .await
    }

    /// None where the cache's directory cannot be written: then everybody downloads.
    async fn turn(&self, version: &Digest) -> Option<Turn> {
        let turn = match time::timeout(TURN_PATIENCE, self.cache.turn(version)).await {
            Ok(turn) => turn,
            Err(late) => Err(late.into()),
        };
        turn.inspect_err(|error| tracing::warn!(%error, "downloads of other processes are not waited for")).ok()
    }

    fn check_size(&self, size: u64) -> Result<(), FetchError> {
        match size > self.max {
            true => Err(FetchError::TooLarge { reference: self.reference.to_string(), size, max: self.max }),
            false => Ok(()),
        }
    }

    fn not_cached(&self) -> FetchError {
        FetchError::NotCached { reference: self.reference.to_string() }
    }

    fn fetched(&self, note: Note, had: Had, moved_from: Option<Digest>) -> Fetched {
        let Had { content: digest, bytes, unkept } = had;
        let (version, place) = (Some(note.version), self.named.place.clone());
        let is_cached = unkept.is_none();
        Fetched { reference: self.reference.clone(), digest, bytes, version, moved_from, is_cached, unkept, place }
    }
}

/// What a version is noted as whose source does not tell the digest of its bytes: they are put together for this kind of machine.
fn of_version(version: &Digest) -> String {
    format!("{version} for {}", this_target())
}

fn note(cache: &Cache, of: &str, note: Note) {
    if let Err(error) = cache.write_note(of, note) {
        tracing::warn!(of, %error, "what a reference was is not noted in the cache");
    }
}

#[cfg(test)]
mod tests;
