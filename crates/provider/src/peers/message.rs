//! What instances say to each other. Inside of what is sealed it is MessagePack, maps with text keys.

use lattice_protocol::HostKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::Bytes;
use zeroize::Zeroizing;

use crate::defaults::PAGE_BYTES;

/// Another instance, as it names itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// One token of a subject, different in each process.
    pub(crate) id: String,
    /// Its host, for people.
    pub(crate) host: HostKey,
}

/// I am here: what do you know?
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) from: Peer,
    /// Makes the answer one to this question.
    pub(crate) nonce: String,
    /// From which piece on.
    pub(crate) start: usize,
    /// Whether it listens already, and is to be told what changes.
    pub(crate) listens: bool,
}

/// I go.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Goodbye {
    pub(crate) from: Peer,
}

/// Some of what an instance knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Known<'a> {
    pub(crate) from: Peer,
    #[serde(borrow)]
    pub(crate) pieces: Vec<&'a Bytes>,
    /// Where the next question is to start; none if this is the end.
    pub(crate) next: Option<usize>,
    /// Whether it knows what the others do, as far as it can tell.
    pub(crate) caught_up: bool,
}

/// Take this.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Update<'a> {
    pub(crate) from: Peer,
    pub(crate) nonce: String,
    #[serde(borrow)]
    pub(crate) piece: &'a Bytes,
}

/// Whether a piece was taken.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) error: Option<String>,
}

/// What became of a piece that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Taken,
    /// The instance is not there any more.
    Gone,
}

/// Bytes of all that is in a message beside its pieces, and more.
const AROUND: usize = 1024;

/// The bytes of a message around pieces of so many bytes. They are overwritten when they go, and have room from the
/// beginning, so that none are left behind where they grow.
pub(crate) fn write<T: Serialize>(message: &T, pieces: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(pieces + AROUND));
    rmp_serde::encode::write_named(&mut *bytes, message).expect("messages have text keys, and memory is written");
    bytes
}

/// The message that the bytes are.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}

/// The page of pieces that starts there, how many bytes it has, and where the next one starts.
pub(crate) fn page(pieces: &[Zeroizing<Vec<u8>>], start: usize) -> (Vec<&Bytes>, usize, Option<usize>) {
    let (mut page, mut size) = (Vec::new(), 0);
    for piece in pieces.iter().skip(start) {
        if size + piece.len() > PAGE_BYTES && !page.is_empty() {
            let next = start + page.len();
            return (page, size, Some(next));
        }
        // What stands around each piece is a few bytes.
        size += piece.len() + 8;
        page.push(Bytes::new(piece));
    }
    (page, size, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_piece_once() {
        let check = |sizes: &[usize], expect: &[usize]| {
            let pieces: Vec<_> = sizes.iter().map(|size| Zeroizing::new(vec![7; *size])).collect();
            let (mut start, mut counts) = (Some(0), Vec::new());
            while let Some(from) = start {
                let (page, _, next) = page(&pieces, from);
                counts.push(page.len());
                start = next;
            }
            assert_eq!(counts, expect, "{sizes:?}");
        };
        check(&[], &[0]);
        check(&[1, 2, 3], &[3]);
        check(&[PAGE_BYTES, 1, PAGE_BYTES, PAGE_BYTES + 1, 5], &[1, 1, 1, 1, 1]);
        check(&[PAGE_BYTES / 3; 5], &[2, 2, 1]);
        assert_eq!(page(&[Zeroizing::new(vec![7])], 7), (Vec::new(), 0, None), "fewer than there were");
    }

    #[test]
    fn a_message_is_written_into_the_room_that_it_has() {
        let piece = vec![7; 5000];
        let peer = Peer { id: "a".repeat(32), host: lattice_claims::HostSeed::generate().public() };
        let update = Update { from: peer, nonce: "n".repeat(32), piece: Bytes::new(&piece) };
        assert_eq!(write(&update, piece.len()).capacity(), piece.len() + AROUND);
    }
}
