//! The lattice's own artifacts: an object store in JetStream, in which modules and provider archives lie by name.
//!
//! The bucket is `LATTICEARTIFACTS_{lattice}`, laid out as every client of object stores knows it, and used as it is found; a
//! lattice that never stored anything has none. Who may read and write it is the broker's business: hosts do, and capability
//! providers get no rights there.
//!
//! What an object is about is written when all of its bytes are stored, under the condition that nobody else wrote it
//! meanwhile. So of two who store under one name one is told, and what was begun and not finished is nothing.

mod bucket;
mod check;
mod error;
mod image;

use std::time::SystemTime;

use async_nats::jetstream;
use bytes::{Bytes, BytesMut};
use lattice_protocol::{LatticeName, error_chain};

pub(crate) use self::image::ObjectImage;
use self::{
    bucket::{Bucket, Standing, Written},
    image::Info,
};
pub use self::{
    check::{About, CheckError, Checked},
    error::ObjectError,
    image::Stored,
};
use crate::{
    defaults::{LEFTOVER_AGE, PUT_TRIES, READ_AHEAD},
    digest::{Digest, RunningDigest},
    progress::Progress,
    reference::ObjectReference,
};

/// The artifacts that lie in a lattice; cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    bucket: Bucket,
}

/// What is to become of another artifact under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// It stays, and what was to be stored is refused.
    Never,
    /// It is replaced. What is stored already is written anew, which mends it should it be damaged.
    Always,
}

/// Some bytes of an artifact, and where the next are.
#[derive(Clone, Debug)]
pub struct ObjectPart {
    /// The bytes.
    pub bytes: Bytes,
    /// Where the next part begins, should this not be the last.
    pub next: u64,
}

impl Objects {
    /// The artifacts of a lattice. Nothing is asked of JetStream yet, and nothing made.
    ///
    /// # Errors
    /// [`ObjectError::Failed`]: no stream can have the bucket's name.
    pub async fn open(jetstream: jetstream::Context, lattice: &LatticeName) -> Result<Self, ObjectError> {
        Ok(Self { bucket: Bucket::open(jetstream, lattice).await? })
    }

    /// What lies under a name.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] if there is nothing, [`ObjectError::Damaged`] if it cannot be read.
    pub async fn get(&self, reference: &ObjectReference) -> Result<Stored, ObjectError> {
        self.find(reference).await.map(|image| image.stored().clone())
    }

    /// What is known of an artifact without its bytes.
    pub(crate) async fn find(&self, reference: &ObjectReference) -> Result<ObjectImage, ObjectError> {
        let standing = self.bucket.info(&reference.object()).await?;
        let missing = || ObjectError::Missing { reference: reference.to_string() };
        let standing = standing.filter(|standing| !standing.is_gone()).ok_or_else(missing)?;
        ObjectImage::read(reference, standing)
    }

    /// The bytes of an artifact, as it was found.
    pub(crate) async fn download(
        &self,
        reference: &ObjectReference,
        image: &ObjectImage,
        max: u64,
        progress: &Progress,
    ) -> Result<Bytes, ObjectError> {
        let size = image.size();
        let too_large = || ObjectError::TooLarge { reference: reference.to_string(), size, max };
        let length = usize::try_from(size).ok().filter(|_| size <= max).ok_or_else(too_large)?;
        let mut bytes = Vec::with_capacity(length);
        // As they come: the whole at once would keep the thread from all else for long.
        let (mut from, mut digesting) = (1, RunningDigest::default());
        while bytes.len() < length {
            let parts = self.bucket.chunks(image.nuid(), from, messages_of(length - bytes.len())).await?;
            if parts.is_empty() {
                return Err(self.incomplete(reference, image).await);
            }
            for part in parts {
                if part.bytes.len() > length - bytes.len() {
                    return Err(image.damaged("it is longer than it says"));
                }
                bytes.extend_from_slice(&part.bytes);
                digesting.update(&part.bytes);
                from = part.sequence + 1;
                progress.report(bytes.len() as u64, size);
            }
        }
        match digesting.finish() == image.version() {
            true => Ok(bytes.into()),
            false => Err(image.damaged("its digest differs")),
        }
    }

    /// Some bytes of the artifact with that digest, from a position that an earlier part told, or its first ones: as many as
    /// the store has in one message, and more as long as they are no more than `limit`.
    ///
    /// Whoever puts the parts together compares the digest of the whole.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Changed`] if something else lies there now, [`ObjectError::Damaged`] if there are
    /// no such bytes.
    pub async fn part(
        &self,
        reference: &ObjectReference,
        digest: &Digest,
        position: Option<u64>,
        limit: usize,
    ) -> Result<ObjectPart, ObjectError> {
        let image = self.find(reference).await?;
        if image.version() != *digest {
            return Err(ObjectError::Changed { reference: reference.to_string() });
        }
        let (mut bytes, mut next) = (BytesMut::new(), None);
        for chunk in self.bucket.chunks(image.nuid(), position.unwrap_or(1), messages_of(limit)).await? {
            if next.is_some() && bytes.len() + chunk.bytes.len() > limit {
                break;
            }
            bytes.extend_from_slice(&chunk.bytes);
            next = Some(chunk.sequence + 1);
        }
        match next {
            Some(next) => Ok(ObjectPart { bytes: bytes.freeze(), next }),
            None => Err(self.incomplete(reference, &image).await),
        }
    }

    /// Why bytes are missing that were announced: they go when something else takes their place.
    async fn incomplete(&self, reference: &ObjectReference, image: &ObjectImage) -> ObjectError {
        match self.find(reference).await {
            Ok(now) if now.nuid() == image.nuid() => image.damaged("a part of it is missing"),
            Ok(_) | Err(ObjectError::Missing { .. }) => ObjectError::Changed { reference: reference.to_string() },
            Err(error) => error,
        }
    }

    /// Stores what was checked under a name. The same bytes under the same name are there already, and nothing is written.
    ///
    /// What was written and then not finished is removed; should that fail too, for JetStream is gone, or the future be
    /// dropped, a later put removes it.
    ///
    /// # Errors
    /// [`ObjectError::Taken`] if other bytes lie there and are not to be replaced. Nothing has changed then, nor after any
    /// other error.
    pub async fn put(
        &self,
        reference: &ObjectReference,
        checked: Checked,
        replace: Replace,
    ) -> Result<Stored, ObjectError> {
        let object = reference.object();
        let standing = self.bucket.info(&object).await?;
        if let Some(stored) = already_there(reference, &standing, &checked, replace)? {
            return Ok(stored);
        }
        self.bucket.make_if_missing().await?;
        let nuid = bucket::new_nuid();
        let stored = match self.bucket.write(&nuid, checked.bytes()).await {
            Ok(chunks) => self.publish(reference, Info::new(&object, &nuid, chunks, &checked), &checked, replace).await,
            Err(error) => Err(error),
        };
        match stored {
            Ok((stored, true)) => {
                self.sweep().await;
                Ok(stored)
            }
            Ok((stored, false)) => {
                self.bucket.discard(&nuid).await;
                Ok(stored)
            }
            Err(error) => {
                self.withdraw(&object, &nuid).await;
                Err(error)
            }
        }
    }

    /// Makes what was written readable, and tells whether it was this that is.
    async fn publish(
        &self,
        reference: &ObjectReference,
        info: Info,
        checked: &Checked,
        replace: Replace,
    ) -> Result<(Stored, bool), ObjectError> {
        for _ in 0..PUT_TRIES {
            let standing = self.bucket.info(&info.name).await?;
            if let Some(stored) = already_there(reference, &standing, checked, replace)? {
                return Ok((stored, false));
            }
            let revision = standing.as_ref().map_or(0, |standing| standing.sequence);
            if self.bucket.publish(&info, revision).await? == Written::Overtaken {
                continue;
            }
            if let Some(before) = standing.and_then(|standing| standing.nuid()) {
                self.bucket.discard(&before).await;
            }
            return Ok((self.get(reference).await?, true));
        }
        Err(ObjectError::Overtaken { reference: reference.to_string() })
    }

    /// Removes bytes that were written for a put which failed, unless it did not: an answer that was lost may have been good.
    async fn withdraw(&self, object: &str, nuid: &str) {
        match self.bucket.info(object).await {
            Ok(standing) if standing.as_ref().and_then(Standing::nuid).as_deref() == Some(nuid) => {}
            Ok(_) => self.bucket.discard(nuid).await,
            Err(error) => tracing::debug!(error = error_chain(&error), object, "what was written stays for now"),
        }
    }

    /// All artifacts, by reference. What lies there under a name that no reference can have is left out.
    ///
    /// # Errors
    /// JetStream does not answer, or says no. A damaged entry is left out, and logged.
    pub async fn list(&self) -> Result<Vec<Stored>, ObjectError> {
        let mut all: Vec<Stored> = self.bucket.all_infos().await?.into_iter().filter_map(listed).collect();
        all.sort_by(|a, b| a.reference.cmp(&b.reference));
        Ok(all)
    }

    /// Removes an artifact, and tells what it was.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] if there is nothing, [`ObjectError::Overtaken`] if something else is stored there just now.
    pub async fn delete(&self, reference: &ObjectReference) -> Result<Stored, ObjectError> {
        let object = reference.object();
        let missing = || ObjectError::Missing { reference: reference.to_string() };
        let standing = self.bucket.info(&object).await?.filter(|standing| !standing.is_gone()).ok_or_else(missing)?;
        let nuid = standing.nuid();
        let (sequence, gone) = (standing.sequence, Info::gone(&object, nuid.as_deref().unwrap_or_default()));
        let stored = ObjectImage::read(reference, standing).map(|image| image.stored().clone());
        let Written::At(written) = self.bucket.publish(&gone, sequence).await? else {
            return Err(ObjectError::Overtaken { reference: reference.to_string() });
        };
        if let Some(nuid) = nuid {
            self.bucket.discard(&nuid).await;
        }
        self.bucket.forget(&object, written).await;
        stored.or_else(|error| match error {
            // It could not be read, and is gone all the same.
            ObjectError::Damaged { .. } => Ok(Stored::unreadable(reference)),
            error => Err(error),
        })
    }

    /// Removes bytes that nothing names: those of a put whose host died over it. They are old by the time they are removed,
    /// so that no put that is under way loses any.
    async fn sweep(&self) {
        if let Err(error) = self.remove_leftovers(SystemTime::now()).await {
            tracing::debug!(error = error_chain(&error), "the object store could not be searched for leftovers");
        }
    }

    async fn remove_leftovers(&self, now: SystemTime) -> Result<(), ObjectError> {
        // Names are read after the bytes, so that what is finished in between is among them.
        let written = self.bucket.all_nuids().await?;
        let standings = self.bucket.all_standings().await?;
        if standings.iter().any(|standing| standing.info.is_none()) {
            // Who knows what it names: somebody newer may have written it.
            return Ok(());
        }
        // What is gone names what was to be removed with it, and may be there still.
        let there = standings.iter().filter(|standing| !standing.is_gone());
        let named: Vec<_> = there.filter_map(Standing::nuid).collect();
        for nuid in written.into_iter().filter(|nuid| !named.contains(nuid)) {
            let last = self.bucket.last_written(&nuid).await?;
            if last.is_some_and(|last| now.duration_since(last).is_ok_and(|age| age > LEFTOVER_AGE)) {
                self.bucket.discard(&nuid).await;
            }
        }
        Ok(())
    }
}

/// How many messages to ask for at once where so many bytes are wanted.
fn messages_of(bytes: usize) -> u64 {
    (bytes.div_ceil(bucket::CHUNK) as u64).clamp(1, READ_AHEAD)
}

/// What lies there, if nothing is to be written: the same bytes do.
fn already_there(
    reference: &ObjectReference,
    standing: &Option<Standing>,
    checked: &Checked,
    replace: Replace,
) -> Result<Option<Stored>, ObjectError> {
    let Some(standing) = standing.as_ref().filter(|standing| !standing.is_gone()) else { return Ok(None) };
    if replace == Replace::Always {
        return Ok(None);
    }
    let image = ObjectImage::read(reference, standing.clone())?;
    match image.version() == checked.digest() {
        true => Ok(Some(image.stored().clone())),
        false => Err(ObjectError::Taken { reference: reference.to_string(), digest: image.version() }),
    }
}

fn listed((object, standing): (String, Standing)) -> Option<Stored> {
    let reference = ObjectReference::of_object(&object).filter(|_| !standing.is_gone())?;
    match ObjectImage::read(&reference, standing) {
        Ok(image) => Some(image.stored().clone()),
        Err(error) => {
            tracing::warn!(object, error = error_chain(&error), "an artifact of the lattice is not listed");
            None
        }
    }
}

#[cfg(test)]
mod tests;
