//! What instances say to each other. Inside of what is sealed it is MessagePack, maps with text keys.

use lattice_protocol::HostKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::{ByteBuf, Bytes};
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
}

/// Some of what an instance knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) from: Peer,
    pub(crate) pieces: Vec<ByteBuf>,
    /// Where the next question is to start; none if this is the end.
    pub(crate) next: Option<usize>,
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

/// The bytes of a message, which are overwritten when they go.
pub(crate) fn write<T: Serialize>(message: &T) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(rmp_serde::to_vec_named(message).expect("messages have text keys, and memory is written"))
}

/// The message that the bytes are.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}

/// The page of pieces that starts there, and where the next one does.
pub(crate) fn page(pieces: Vec<Zeroizing<Vec<u8>>>, start: usize) -> (Vec<ByteBuf>, Option<usize>) {
    let (mut page, mut size, count) = (Vec::new(), 0, pieces.len());
    for piece in pieces.into_iter().skip(start) {
        size += piece.len();
        if size > PAGE_BYTES && !page.is_empty() {
            let next = start + page.len();
            return (page, Some(next));
        }
        page.push(ByteBuf::from(piece.to_vec()));
    }
    debug_assert!(start + page.len() >= count);
    (page, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_every_piece_once() {
        let pieces = |sizes: &[usize]| -> Vec<_> { sizes.iter().map(|size| Zeroizing::new(vec![7; *size])).collect() };
        let check = |sizes: &[usize], expect: &[usize]| {
            let (mut start, mut counts) = (Some(0), Vec::new());
            while let Some(from) = start {
                let (page, next) = page(pieces(sizes), from);
                counts.push(page.len());
                start = next;
            }
            assert_eq!(counts, expect, "{sizes:?}");
        };
        check(&[], &[0]);
        check(&[1, 2, 3], &[3]);
        check(&[PAGE_BYTES, 1, PAGE_BYTES, PAGE_BYTES + 1, 5], &[1, 1, 1, 1, 1]);
        check(&[PAGE_BYTES / 2; 5], &[2, 2, 1]);
        assert_eq!(page(pieces(&[1]), 7), (Vec::new(), None), "fewer than there were");
    }
}
