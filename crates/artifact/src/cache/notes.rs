//! What references were when they were last fetched, for every process of one user: small files beside the artifacts.
//!
//! A note that is lost costs a question to a registry; one that is damaged or about something else is none.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{
    directory::{self, StoreError},
    shelf::remove,
};
use crate::{defaults::MAX_NOTES, digest::Digest};

/// What something was when it was last fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// What its source calls it: the digest of a manifest, for instance.
    pub(crate) version: Digest,
    /// The digest of its bytes.
    pub(crate) content: Digest,
}

#[derive(Serialize, Deserialize)]
struct Written {
    of: String,
    version: Digest,
    content: Digest,
}

#[derive(Debug)]
pub(super) struct Notes {
    pub(super) directory: PathBuf,
    unfinished: PathBuf,
}

impl Notes {
    pub(super) fn open(directory: &Path, unfinished: &Path) -> Result<Self, StoreError> {
        Ok(Self { directory: directory::private(directory)?, unfinished: unfinished.to_owned() })
    }

    /// What is noted of `of`.
    pub(super) fn read(&self, of: &str) -> Option<Note> {
        let written: Written = serde_json::from_slice(&fs::read(self.path(of)).ok()?).ok()?;
        (written.of == of).then_some(Note { version: written.version, content: written.content })
    }

    /// Notes what `of` is, and forgets the oldest notes where there are too many.
    pub(super) fn write(&self, of: &str, note: Note) -> io::Result<()> {
        let written = Written { of: of.to_owned(), version: note.version, content: note.content };
        let file = NamedTempFile::new_in(&self.unfinished)?;
        serde_json::to_writer(file.as_file(), &written)?;
        file.persist(self.path(of))?;
        self.forget_oldest()
    }

    /// Forgets what is noted of `of`.
    pub(super) fn remove(&self, of: &str) -> io::Result<()> {
        remove(&self.path(of))
    }

    fn path(&self, of: &str) -> PathBuf {
        self.directory.join(Digest::of(of.as_bytes()).to_hex())
    }

    /// Down to half, so that it is seldom done.
    fn forget_oldest(&self) -> io::Result<()> {
        if fs::read_dir(&self.directory)?.count() <= MAX_NOTES {
            return Ok(());
        }
        let mut notes: Vec<(SystemTime, PathBuf)> = Vec::new();
        for found in fs::read_dir(&self.directory)? {
            let found = found?;
            notes.extend(found.metadata().and_then(|metadata| metadata.modified()).map(|at| (at, found.path())));
        }
        notes.sort();
        let surplus = notes.len().saturating_sub(MAX_NOTES / 2);
        notes[..surplus].iter().try_for_each(|(_, path)| remove(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(bytes: &[u8]) -> Note {
        Note { version: Digest::of(bytes), content: Digest::of(b"content") }
    }

    #[test]
    fn the_latest_note_counts_and_a_damaged_one_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let unfinished = directory::private(&dir.path().join("unfinished")).expect("a directory");
        let notes = Notes::open(&dir.path().join("notes"), &unfinished).expect("a directory");
        assert_eq!(notes.read("a"), None);
        notes.write("a", note(b"1")).expect("it can be written");
        notes.write("a", note(b"2")).expect("it can be written");
        notes.write("b", note(b"3")).expect("it can be written");
        assert_eq!((notes.read("a"), notes.read("b")), (Some(note(b"2")), Some(note(b"3"))));

        fs::rename(notes.path("b"), notes.path("a")).expect("it is there");
        assert_eq!(notes.read("a"), None, "it is about something else");
        for damaged in ["", "{", r#"{"of":"a","version":"sha256:00","content":"sha256:00"}"#] {
            fs::write(notes.path("a"), damaged).expect("it can be written");
            assert_eq!(notes.read("a"), None, "{damaged}");
        }
    }

    #[test]
    fn the_oldest_notes_make_way() {
        let dir = tempfile::tempdir().expect("a directory");
        let unfinished = directory::private(&dir.path().join("unfinished")).expect("a directory");
        let notes = Notes::open(&dir.path().join("notes"), &unfinished).expect("a directory");
        for number in 0..=MAX_NOTES {
            notes.write(&number.to_string(), note(b"1")).expect("it can be written");
        }
        let left = fs::read_dir(&notes.directory).expect("the directory").count();
        assert_eq!((left, notes.read(&MAX_NOTES.to_string())), (MAX_NOTES / 2, Some(note(b"1"))));
        assert_eq!(notes.read("0"), None);
    }
}
