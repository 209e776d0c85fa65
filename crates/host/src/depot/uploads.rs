//! Artifacts on their way in: put together in memory, within bounds, and given up when nobody goes on or it takes too long.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use lattice_artifact::{Digest, ObjectReference, Replace};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use uuid::Uuid;

use super::error::DepotError;
use crate::defaults::{MAX_UPLOAD, UPLOAD_BYTES, UPLOAD_IDLE, UPLOAD_LONGEST, UPLOADS_AT_ONCE};

/// Bytes that room is counted in.
const UNIT: u64 = 64 << 10;

/// An upload that is to begin.
#[derive(Clone, Debug)]
pub(crate) struct NewUpload {
    /// Under what it is to lie.
    pub(crate) reference: ObjectReference,
    /// The digest of the whole.
    pub(crate) digest: Digest,
    /// The bytes of the whole.
    pub(crate) size: u64,
    /// What is to become of another one that lies there.
    pub(crate) replace: Replace,
}

impl NewUpload {
    /// Fails for sizes that are not taken.
    pub(super) fn check(&self) -> Result<(), DepotError> {
        match self.size {
            1..=MAX_UPLOAD => Ok(()),
            size => Err(DepotError::Size { size }),
        }
    }
}

/// The uploads of a host; cheap to clone.
#[derive(Clone)]
pub(crate) struct Uploads {
    open: Arc<Mutex<Open>>,
    /// Places for uploads, and room for their bytes. Both are held until the artifact is stored.
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
    chunk: usize,
}

#[derive(Default)]
struct Open {
    uploads: HashMap<String, Upload>,
    /// No more are taken.
    closed: bool,
}

struct Upload {
    whole: Whole,
    /// The parts that have arrived.
    arrived: Vec<bool>,
    begun: Instant,
    used: Instant,
}

impl Upload {
    fn goes_on(&self, now: Instant) -> bool {
        now.duration_since(self.used) < UPLOAD_IDLE && now.duration_since(self.begun) < UPLOAD_LONGEST
    }
}

/// An upload that is complete, or will be.
pub(crate) struct Whole {
    begun: NewUpload,
    bytes: Vec<u8>,
    _held: [OwnedSemaphorePermit; 2],
}

impl Uploads {
    /// Uploads in parts of so many bytes.
    pub(super) fn new(chunk: usize) -> Self {
        let places = Arc::new(Semaphore::new(UPLOADS_AT_ONCE));
        let room = Arc::new(Semaphore::new(units(UPLOAD_BYTES) as usize));
        Self { open: Arc::default(), places, room, chunk }
    }

    /// Begins an upload, and returns what it is called.
    pub(super) fn begin(&self, begun: NewUpload) -> Result<String, DepotError> {
        begun.check()?;
        let size = usize::try_from(begun.size).map_err(|_| DepotError::Size { size: begun.size })?;
        let held = [(&self.places, 1), (&self.room, units(begun.size))];
        let held = held.map(|(semaphore, count)| Arc::clone(semaphore).try_acquire_many_owned(count));
        let [Ok(place), Ok(room)] = held else { return Err(DepotError::Full) };
        // The memory is taken as parts arrive: until it is written to, it is none.
        let whole = Whole { begun, bytes: vec![0; size], _held: [place, room] };
        let now = Instant::now();
        let upload = Upload { whole, arrived: vec![false; size.div_ceil(self.chunk)], begun: now, used: now };
        let id = Uuid::new_v4().to_string();
        let mut open = self.lock();
        if open.closed {
            return Err(DepotError::Stopping);
        }
        open.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Takes a part. The same may come again, for its answer may have been lost.
    pub(super) fn take(&self, id: &str, offset: u64, bytes: &[u8]) -> Result<(), DepotError> {
        let mut open = self.lock();
        let upload = open.uploads.get_mut(id).ok_or_else(|| no_upload(id))?;
        let size = upload.whole.bytes.len();
        let misplaced = DepotError::Part { offset, length: bytes.len(), size, chunk: self.chunk };
        let Some(start) = usize::try_from(offset).ok().filter(|start| *start < size && start % self.chunk == 0) else {
            return Err(misplaced);
        };
        let place = start..size.min(start + self.chunk);
        if place.len() != bytes.len() {
            return Err(misplaced);
        }
        upload.whole.bytes[place].copy_from_slice(bytes);
        upload.arrived[start / self.chunk] = true;
        upload.used = Instant::now();
        Ok(())
    }

    /// The whole, once all of its parts have arrived. The upload has ended then.
    pub(super) fn finish(&self, id: &str, reference: &ObjectReference) -> Result<Whole, DepotError> {
        let mut open = self.lock();
        let upload = open.uploads.get_mut(id).ok_or_else(|| no_upload(id))?;
        if upload.whole.begun.reference != *reference {
            return Err(DepotError::OtherReference { reference: reference.to_string() });
        }
        upload.used = Instant::now();
        let (parts, missing) = (upload.arrived.len(), upload.arrived.iter().filter(|arrived| !**arrived).count());
        match missing {
            0 => open.uploads.remove(id).map(|upload| upload.whole).ok_or_else(|| no_upload(id)),
            missing => Err(DepotError::Incomplete { missing, parts }),
        }
    }

    /// Gives up those of which nothing was heard for long, and those that take too long altogether.
    pub(super) fn give_up_late(&self) {
        let now = Instant::now();
        self.lock().uploads.retain(|id, upload| {
            let goes_on = upload.goes_on(now);
            if !goes_on {
                tracing::info!(upload = id, reference = %upload.whole.begun.reference, "an upload was given up");
            }
            goes_on
        });
    }

    /// Gives up all of them, and takes no more.
    pub(super) fn close(&self) {
        *self.lock() = Open { uploads: HashMap::new(), closed: true };
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("nothing panics while it holds the uploads")
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

impl Whole {
    /// The bytes; nothing is left of them here.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
    }

    pub(super) fn digest(&self) -> Digest {
        self.begun.digest
    }

    pub(super) fn replace(&self) -> Replace {
        self.begun.replace
    }
}

/// Room for so many bytes.
fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn no_upload(id: &str) -> DepotError {
    // It may be anything that a client sends.
    DepotError::NoUpload { upload: id.chars().filter(|c| !c.is_control()).take(64).collect() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lattice_artifact::{Reference, Target};

    use super::*;

    const CHUNK: usize = 4;

    fn named(text: &str) -> ObjectReference {
        let reference: Reference = text.parse().expect("a reference");
        let Target::Object(object) = reference.target() else { panic!("{text}") };
        object.clone()
    }

    fn new(size: u64) -> NewUpload {
        NewUpload { reference: named("nats://x"), digest: Digest::of(b""), size, replace: Replace::Never }
    }

    #[tokio::test]
    async fn parts_come_in_any_order_and_again() {
        let uploads = Uploads::new(CHUNK);
        let id = uploads.begin(new(10)).expect("there is room");
        for (offset, part) in [(8, "89"), (0, "0123"), (0, "0123"), (4, "4567")] {
            assert!(matches!(uploads.finish(&id, &named("nats://x")), Err(DepotError::Incomplete { parts: 3, .. })));
            uploads.take(&id, offset, part.as_bytes()).expect("it fits");
        }
        let other = uploads.finish(&id, &named("nats://y"));
        assert!(matches!(other, Err(DepotError::OtherReference { .. })));
        let mut whole = uploads.finish(&id, &named("nats://x")).expect("it is complete");
        assert_eq!(whole.take_bytes(), "0123456789");
        assert!(matches!(uploads.take(&id, 0, b"0123"), Err(DepotError::NoUpload { .. })));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_and_changes_nothing() {
        let uploads = Uploads::new(CHUNK);
        let id = uploads.begin(new(6)).expect("there is room");
        for (offset, length) in [(0, 3), (0, 5), (0, 0), (1, 4), (4, 4), (4, 1), (8, 1), (u64::MAX, 4), (6, 0)] {
            let refused = uploads.take(&id, offset, &vec![1; length]);
            assert!(matches!(refused, Err(DepotError::Part { .. })), "{offset} {length}");
        }
        assert!(matches!(uploads.take("none\n", 0, b"0123"), Err(DepotError::NoUpload { upload }) if upload == "none"));
        let incomplete = uploads.finish(&id, &named("nats://x"));
        assert!(matches!(incomplete, Err(DepotError::Incomplete { missing: 2, parts: 2 })));
        for size in [0, MAX_UPLOAD + 1, u64::MAX] {
            assert!(matches!(uploads.begin(new(size)), Err(DepotError::Size { .. })), "{size}");
        }
    }

    #[tokio::test]
    async fn uploads_and_their_bytes_are_bounded() {
        let uploads = Uploads::new(CHUNK);
        let small: Vec<_> = (0..UPLOADS_AT_ONCE).map(|_| uploads.begin(new(1)).expect("there is a place")).collect();
        assert!(matches!(uploads.begin(new(1)), Err(DepotError::Full)));
        uploads.take(&small[0], 0, b"x").expect("it fits");
        let whole = uploads.finish(&small[0], &named("nats://x")).expect("it is complete");
        assert!(matches!(uploads.begin(new(1)), Err(DepotError::Full)), "it is not stored yet");
        drop(whole);
        uploads.begin(new(1)).expect("there is a place again");

        let uploads = Uploads::new(CHUNK);
        let large = UPLOAD_BYTES / MAX_UPLOAD;
        for _ in 0..large {
            uploads.begin(new(MAX_UPLOAD)).expect("there is room");
        }
        assert!(matches!(uploads.begin(new(1)), Err(DepotError::Full)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_nobody_goes_on_with_is_given_up() {
        let uploads = Uploads::new(CHUNK);
        let [idle, busy] = [(); 2].map(|()| uploads.begin(new(6)).expect("there is room"));
        tokio::time::advance(UPLOAD_IDLE - Duration::from_secs(1)).await;
        uploads.give_up_late();
        uploads.take(&busy, 0, b"0123").expect("it is there");
        tokio::time::advance(Duration::from_secs(2)).await;
        uploads.give_up_late();
        assert!(matches!(uploads.take(&idle, 0, b"0123"), Err(DepotError::NoUpload { .. })));
        uploads.take(&busy, 4, b"45").expect("it is there");
        let (free, all) = (uploads.places.available_permits(), UPLOADS_AT_ONCE);
        assert_eq!(free, all - 1);
        uploads.close();
        assert!(matches!(uploads.finish(&busy, &named("nats://x")), Err(DepotError::NoUpload { .. })));
        assert!(matches!(uploads.begin(new(1)), Err(DepotError::Stopping)));
        assert_eq!(uploads.places.available_permits(), all);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_kept_going_ends_all_the_same() {
        let uploads = Uploads::new(CHUNK);
        let (id, step) = (uploads.begin(new(6)).expect("there is room"), UPLOAD_IDLE / 2);
        let mut held = Duration::ZERO;
        while uploads.take(&id, 0, b"0123").is_ok() {
            assert!(held < UPLOAD_LONGEST, "it is held for {held:?}");
            tokio::time::advance(step).await;
            held += step;
            uploads.give_up_late();
        }
        assert_eq!((held, uploads.places.available_permits()), (UPLOAD_LONGEST, UPLOADS_AT_ONCE));
    }
}
