//! Objects: their names, and reading one whose info was found.

use std::{fmt, sync::Arc};

use async_nats::jetstream::object_store::ObjectInfo;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use futures::future::join_all;
use sha2::{Digest as _, Sha256};

use super::{
    bucket::{Bucket, Part},
    error::ChunkError,
    patience::Patience,
};
use crate::defaults::{LONGEST_OBJECT_ID, PARTS_AT_ONCE};

/// What digests begin with; there is no other kind.
const DIGEST_PREFIX: &str = "SHA-256=";

/// The name of an object, which becomes part of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectName(String);

impl ObjectName {
    /// The payload of the invocation with this id.
    pub(crate) fn of_request(id: &str) -> Result<Self, ChunkError> {
        match id.len() {
            1..=LONGEST_OBJECT_ID => Ok(Self(id.to_owned())),
            length => Err(ChunkError::Name { length }),
        }
    }

    /// The payload of the answer to it.
    pub(crate) fn of_response(id: &str) -> Result<Self, ChunkError> {
        Self::of_request(id).map(|Self(id)| Self(format!("{id}-r")))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An object that is there and as long as was announced; nothing of it is read yet.
pub(crate) struct Found {
    bucket: Arc<Bucket>,
    name: ObjectName,
    nuid: String,
    length: usize,
    digest: Option<String>,
}

impl Found {
    /// Checks what the info says.
    pub(super) fn new(
        bucket: Arc<Bucket>,
        name: ObjectName,
        info: ObjectInfo,
        announced: usize,
    ) -> Result<Self, ChunkError> {
        if info.size != announced {
            let (bucket, object) = (bucket.name().to_owned(), name.to_string());
            return Err(ChunkError::Length { bucket, object, announced, found: info.size });
        }
        let is_link = info.options.is_some_and(|options| options.link.is_some());
        let found = Self { bucket, name, nuid: info.nuid, length: announced, digest: info.digest };
        if is_link || !is_token(&found.nuid) { Err(found.damaged("its info is that of no payload")) } else { Ok(found) }
    }

    /// The object's bytes, of which never more are held than were announced, and a few parts.
    pub(crate) async fn read(&self) -> Result<Bytes, ChunkError> {
        let mut bytes = Vec::with_capacity(self.length);
        let (mut from, mut usual) = (1, self.length);
        while bytes.len() < self.length {
            let left = self.length - bytes.len();
            for part in self.parts(from, left.div_ceil(usual)).await? {
                self.append(&mut bytes, &part)?;
                (from, usual) = (part.sequence + 1, part.bytes.len().max(1));
            }
        }
        self.check_digest(&bytes)?;
        Ok(bytes.into())
    }

    fn append(&self, bytes: &mut Vec<u8>, part: &Part) -> Result<(), ChunkError> {
        if part.bytes.len() > self.length - bytes.len() {
            return Err(self.damaged("it is longer than its info says"));
        }
        bytes.extend_from_slice(&part.bytes);
        Ok(())
    }

    /// The parts that come next, one or more.
    ///
    /// Parts of one object mostly lie next to each other, so that the next few places in the stream are asked for at the
    /// same time. Each answers with the first part from there on: none is left out, and some may come twice.
    async fn parts(&self, from: u64, wanted: usize) -> Result<Vec<Part>, ChunkError> {
        let ahead = (1..wanted.min(PARTS_AT_ONCE) as u64).map(|step| self.bucket.part(&self.nuid, from + step));
        let (first, ahead) = tokio::join!(self.part(from), join_all(ahead));
        let mut parts = vec![first?];
        for part in ahead {
            // One that a replica does not have yet is asked for again as the first.
            let Some(part) = part? else { break };
            if parts.last().is_some_and(|last| part.sequence > last.sequence) {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    async fn part(&self, from: u64) -> Result<Part, ChunkError> {
        let mut patience = Patience::new(self.bucket.is_replicated());
        loop {
            match self.bucket.part(&self.nuid, from).await? {
                Some(part) => return Ok(part),
                None if patience.is_over().await => return Err(self.damaged("a part of it is missing")),
                None => {}
            }
        }
    }

    /// Removes the object.
    pub(crate) async fn discard(self) {
        self.bucket.tidy(&self.name, &self.nuid).await;
    }

    /// What is written without a digest is taken as it is.
    fn check_digest(&self, bytes: &[u8]) -> Result<(), ChunkError> {
        let Some(claimed) = self.digest.as_deref().and_then(|digest| digest.strip_prefix(DIGEST_PREFIX)) else {
            return Ok(());
        };
        let found = BASE64URL_NOPAD.encode(&Sha256::digest(bytes));
        if claimed.trim_end_matches('=') == found { Ok(()) } else { Err(self.damaged("its digest differs")) }
    }

    fn damaged(&self, reason: &'static str) -> ChunkError {
        let (bucket, object) = (self.bucket.name().to_owned(), self.name.to_string());
        ChunkError::Damaged { bucket, object, reason }
    }
}

/// Whether it is one token of a subject; a wildcard would read, and remove, the bytes of others.
fn is_token(nuid: &str) -> bool {
    (1..=LONGEST_OBJECT_ID).contains(&nuid.len())
        && nuid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_published() {
        assert_eq!(ObjectName::of_request("01ab").expect("an id").as_str(), "01ab");
        assert_eq!(ObjectName::of_response("01ab").expect("an id").as_str(), "01ab-r");
    }

    #[test]
    fn no_object_is_named_by_nothing_or_by_a_book() {
        for id in [String::new(), "x".repeat(LONGEST_OBJECT_ID + 1)] {
            let error = ObjectName::of_response(&id).expect_err("no name");
            assert!(matches!(error, ChunkError::Name { length } if length == id.len()), "{error:?}");
        }
        assert!(ObjectName::of_request(&"x".repeat(LONGEST_OBJECT_ID)).is_ok());
    }

    #[test]
    fn what_is_stored_cannot_name_the_bytes_of_others() {
        assert!(is_token("Xk5V3d0aNlH2bq8TzQmWcR"));
        for nuid in ["", ">", "*", "a.b", "a b", "a*"] {
            assert!(!is_token(nuid), "{nuid}");
        }
    }
}
