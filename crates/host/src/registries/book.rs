//! All credentials at one moment, and which changes led there.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
};

use lattice_artifact::{Place, Places};
use lattice_protocol::{CredentialKind, Items, KnownRegistry};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::change::{BadRegistry, Change, ChangeId, Held, Secret};
use crate::defaults::{MAX_REGISTRIES, MAX_REGISTRY_BOOK, REMEMBERED_REGISTRY_CHANGES};

/// Credentials by place. It has no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Book {
    entries: BTreeMap<Place, Held>,
    /// How many changes led here.
    serial: u64,
    /// The latest of them, so that nobody carries one out a second time.
    applied: VecDeque<Applied>,
}

/// A change that was carried out.
#[derive(Clone, Serialize, Deserialize)]
struct Applied {
    id: String,
    /// The book's number with it.
    serial: u64,
}

/// A book as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    applied: VecDeque<Applied>,
    registries: BTreeMap<String, Secret>,
    serial: u64,
}

/// Credentials for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooManyRegistries {
    /// There are too many.
    #[error("the host keeps credentials for {MAX_REGISTRIES} registries at most")]
    Number,
    /// They are too large together.
    #[error(
        "the host keeps {MAX_REGISTRY_BOOK} bytes of credentials for registries at most, and these would be {size}"
    )]
    Size { size: usize },
}

/// What is kept and is no book.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBook {
    /// The reader's own words could repeat a secret.
    #[error("it is not written as this version of the host writes it, see line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
    #[error("it holds what no host would have taken")]
    Registry(#[source] BadRegistry),
}

impl Book {
    /// The same with a change.
    pub(super) fn with(&self, change: &Change, id: &ChangeId) -> Result<Self, TooManyRegistries> {
        let mut entries = if change.is_merge { self.entries.clone() } else { BTreeMap::new() };
        for (place, held) in &change.entries {
            match held {
                Some(held) => drop(entries.insert(place.clone(), held.clone())),
                None => drop(entries.remove(place)),
            }
        }
        if entries.len() > MAX_REGISTRIES {
            return Err(TooManyRegistries::Number);
        }
        let serial = self.serial + 1;
        let mut applied = self.applied.clone();
        applied.push_back(Applied { id: id.as_str().to_owned(), serial });
        while applied.len() > REMEMBERED_REGISTRY_CHANGES {
            applied.pop_front();
        }
        Self { entries, serial, applied }.of_bounded_size()
    }

    fn of_bounded_size(self) -> Result<Self, TooManyRegistries> {
        match size(&self.kept()) {
            size if size > MAX_REGISTRY_BOOK => Err(TooManyRegistries::Size { size }),
            _ => Ok(self),
        }
    }

    /// The book's number with a change, if that led here and was carried out after this number.
    pub(super) fn applied_at(&self, id: &ChangeId, since: u64) -> Option<u64> {
        let applied = self.applied.iter().find(|applied| applied.id == id.as_str() && applied.serial > since)?;
        Some(applied.serial)
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// As registries are asked with them.
    pub(super) fn places(&self) -> Places {
        let mut places = Places::default();
        self.entries.iter().for_each(|(place, held)| places.insert(held.kind, place.clone(), held.credential()));
        places
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.entries.keys().map(ToString::to_string).collect()
    }

    /// What may be told of it.
    pub(super) fn known(&self) -> Items<KnownRegistry> {
        let known = |(place, held): (&Place, &Held)| KnownRegistry {
            credential: match held.secret.0.token {
                Some(_) => CredentialKind::Token,
                None => CredentialKind::Password,
            },
            kind: held.kind.as_str().to_owned(),
            registry: place.to_string(),
        };
        self.entries.iter().map(known).collect()
    }

    /// As it is kept.
    pub(super) fn write(&self) -> Zeroizing<Vec<u8>> {
        let kept = self.kept();
        // As long as it will be: no copy is left behind when it grows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size(&kept)));
        serde_json::to_writer(&mut *bytes, &kept).expect("texts and numbers can be written");
        bytes
    }

    fn kept(&self) -> Kept {
        let registries = self.entries.iter().map(|(place, held)| (place.to_string(), held.as_kept())).collect();
        Kept { applied: self.applied.clone(), registries, serial: self.serial }
    }

    /// Reads what was kept.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NoBook> {
        let kept: Kept = serde_json::from_slice(bytes)
            .map_err(|error| NoBook::Unreadable { line: error.line(), column: error.column() })?;
        let held = |(name, secret): (String, Secret)| {
            let place: Place = name.parse().map_err(BadRegistry::Name)?;
            Held::check(&place, secret).map(|held| (place, held))
        };
        let entries = kept.registries.into_iter().map(held).collect::<Result<_, _>>().map_err(NoBook::Registry)?;
        Ok(Self { entries, serial: kept.serial, applied: kept.applied })
    }
}

/// How many bytes it has where it is kept.
fn size(kept: &Kept) -> usize {
    let mut size = Size(0);
    serde_json::to_writer(&mut size, kept).expect("texts and numbers can be written");
    size.0
}

/// Counts what is written.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
