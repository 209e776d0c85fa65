//! What an entry is and how it may be named.

use std::{io::Read, path::Path};

use tar::{Entry, EntryType};

use super::ArchiveError;

/// Bytes of the longest name: what every kind of tar file has room for.
const MAX_NAME: usize = 100;

/// Characters of a bad name that an error repeats.
const SHOWN: usize = 100;

/// Whether the entry only describes the next one or all of them. What it says there is about owners, times and names
/// that do not fit, none of which matters: names that do not fit are not accepted.
pub(super) fn is_description(kind: EntryType) -> bool {
    matches!(kind, EntryType::XHeader | EntryType::XGlobalHeader)
}

/// The name of a file that lies in no folder, without what follows its last dot: a target, or `claims`.
pub(super) fn stem(entry: &Entry<'_, impl Read>) -> Result<String, ArchiveError> {
    let name = entry.header().path_bytes();
    match kind(entry.header().entry_type()) {
        Some(kind) => Err(ArchiveError::NotAFile { entry: shown(&name), kind }),
        None => stem_of(&name),
    }
}

pub(super) fn stem_of(name: &[u8]) -> Result<String, ArchiveError> {
    if name.contains(&b'/') || name == b"." || name == b".." {
        return Err(ArchiveError::Path { entry: shown(name) });
    }
    let is_sound = (1..=MAX_NAME).contains(&name.len()) && name.iter().all(is_allowed);
    let stem = str::from_utf8(name).ok().filter(|_| is_sound).and_then(|name| Path::new(name).file_stem()?.to_str());
    stem.map(str::to_owned).ok_or_else(|| ArchiveError::Name { entry: shown(name) })
}

fn is_allowed(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+.".contains(byte)
}

/// What it is, if not a file.
fn kind(kind: EntryType) -> Option<&'static str> {
    match kind {
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Link | EntryType::Symlink => Some("a link"),
        EntryType::Directory => Some("a folder"),
        EntryType::Char | EntryType::Block => Some("a device"),
        EntryType::Fifo => Some("a pipe"),
        EntryType::GNULongName | EntryType::GNULongLink => Some("a name too long for its entry"),
        EntryType::GNUSparse => Some("a file with holes"),
        _ => Some("of an unknown kind"),
    }
}

/// Control characters would let an archive forge lines of a log.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
