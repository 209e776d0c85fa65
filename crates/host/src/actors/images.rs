//! Which images references were when they were last fetched, so that a bid can tell without fetching.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use lattice_artifact::{Artifact, Digest, Reference};
use lattice_protocol::ActorKey;

use crate::{artifacts::Artifacts, defaults::REMEMBERED_IMAGES};

/// The images that this host has met since it started; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    artifacts: Artifacts,
    met: Arc<Mutex<Met>>,
}

#[derive(Debug, Default)]
struct Met {
    images: HashMap<Reference, KnownImage>,
    /// The references in the order in which they were first met.
    order: VecDeque<Reference>,
}

/// What a reference was when it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownImage {
    pub(crate) actor: ActorKey,
    pub(crate) digest: Digest,
}

impl Images {
    pub(crate) fn new(artifacts: Artifacts) -> Self {
        Self { artifacts, met: Arc::default() }
    }

    /// Notes what a reference turned out to be.
    pub(crate) fn note(&self, artifact: &Artifact) {
        let image = KnownImage { actor: artifact.identity.key.clone(), digest: artifact.digest };
        self.note_image(&artifact.reference, image);
    }

    pub(crate) fn note_image(&self, reference: &Reference, image: KnownImage) {
        let mut met = self.lock();
        if met.images.insert(reference.clone(), image).is_none() {
            met.order.push_back(reference.clone());
        }
        while met.order.len() > REMEMBERED_IMAGES {
            if let Some(oldest) = met.order.pop_front() {
                met.images.remove(&oldest);
            }
        }
    }

    /// What a reference was when it was last fetched; `None` if it never was, or long ago.
    pub(crate) fn known(&self, reference: &Reference) -> Option<KnownImage> {
        self.lock().images.get(reference).cloned()
    }

    /// Whether the bytes of an image are in the cache.
    pub(crate) fn are_cached(&self, digest: &Digest) -> bool {
        self.artifacts.holds(digest)
    }

    fn lock(&self) -> MutexGuard<'_, Met> {
        self.met.lock().expect("nothing panics while it holds the images")
    }
}

#[cfg(test)]
mod tests {
    use lattice_artifact::{Store, StoreSettings};

    use super::*;
    use crate::artifacts::Rules;

    fn image(bytes: &[u8]) -> KnownImage {
        let actor = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR".parse().expect("a published key");
        KnownImage { actor, digest: Digest::of(bytes) }
    }

    fn reference(number: usize) -> Reference {
        format!("ghcr.io/acme/a:{number}").parse().expect("a reference")
    }

    #[test]
    fn the_latest_is_known_and_the_oldest_forgotten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("artifacts"), StoreSettings::default()).expect("it can be written");
        let images = Images::new(Artifacts::new(store, Rules::default()));
        images.note_image(&reference(0), image(b"a"));
        images.note_image(&reference(0), image(b"b"));
        assert_eq!(images.known(&reference(0)), Some(image(b"b")));
        for number in 1..=REMEMBERED_IMAGES {
            images.note_image(&reference(number), image(b"c"));
        }
        assert_eq!(images.known(&reference(0)), None);
        assert_eq!(images.known(&reference(1)), Some(image(b"c")));
        assert!(!images.are_cached(&image(b"c").digest));
    }
}
