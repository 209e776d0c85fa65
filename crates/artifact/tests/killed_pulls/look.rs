//! What lies in a cache's directory, as anybody can see it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lattice_artifact::Digest;
use serde_json::Value;

use crate::Left;

/// A look at a cache that may hold these images and nothing else.
pub(crate) struct Look {
    cache: PathBuf,
    images: [Digest; 2],
}

impl Look {
    pub(crate) fn at(cache: &Path, images: [Digest; 2]) -> Self {
        Self { cache: cache.to_owned(), images }
    }

    /// That every image that has its name is whole, and every note right. Whoever uses the cache may do so meanwhile.
    pub(crate) fn everything_is_right(&self) {
        for (name, bytes) in self.files("sha256") {
            let digest = Digest::of(&bytes);
            assert_eq!(name, digest.to_hex(), "it is not whole");
            assert!(self.images.contains(&digest), "{digest}");
        }
        for (name, bytes) in self.files("notes") {
            self.check_note(&name, &bytes);
        }
    }

    /// A note is of a reference, whose tag is the number of its image.
    fn check_note(&self, name: &str, bytes: &[u8]) {
        let note: Value = serde_json::from_slice(bytes).expect("a note that has its name is whole");
        let text = |key: &str| note[key].as_str().expect("a note has three texts").to_owned();
        let (of, content) = (text("of"), text("content"));
        assert_eq!(name, Digest::of(of.as_bytes()).to_hex(), "{note}");
        let (_, tag) = of.rsplit_once("/acme/image:").expect("it is a note of a reference");
        let (tag, _) = tag.split_once(' ').expect("it tells for what kind of machine");
        let number: usize = tag.parse().expect("tags are numbers");
        assert_eq!(content, self.images[number - 1].to_string(), "{note}");
        assert!(self.images.iter().any(|image| image.to_string() == content), "{note}");
    }

    /// What there is at this moment.
    pub(crate) fn left(&self) -> Left {
        Left { turns: self.turns(), unfinished: self.unfinished(), images: self.files("sha256").len() }
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.files("unfinished").len()
    }

    pub(crate) fn turns(&self) -> usize {
        self.files("turns").len()
    }

    /// Bytes that the images have together.
    pub(crate) fn size(&self) -> u64 {
        self.files("sha256").iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// As a disk that lost them.
    pub(crate) fn forget_images(&self) {
        for (name, _) in self.files("sha256") {
            fs::remove_file(self.cache.join("sha256").join(name)).expect("nobody else removes it");
        }
    }

    /// The files in a directory that may not be there yet; what is removed meanwhile is none.
    fn files(&self, directory: &str) -> Vec<(String, Vec<u8>)> {
        let Ok(entries) = fs::read_dir(self.cache.join(directory)) else { return Vec::new() };
        let read = entries.map(|entry| {
            let entry = entry.expect("the directory can be read");
            Some((entry.file_name().into_string().expect("names are text"), fs::read(entry.path()).ok()?))
        });
        read.flatten().collect()
    }
}
