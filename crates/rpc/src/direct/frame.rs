//! What goes through a door: a length, a head in MessagePack, and the payload as it is.
//!
//! Both ends speak one [`VERSION`] of this, or do not meet: a host may start a program that is older or newer than itself.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use crate::{
    defaults::{DIRECT_HEAD, DIRECT_JOINED, DIRECT_WRITTEN},
    invocation::TraceContext,
};

/// Changes with anything that a host or a provider of before would misread.
pub(super) const VERSION: u32 = 1;

/// A call; its payload follows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ask {
    /// By which the answer is recognised.
    pub(super) number: u64,
    pub(super) actor: String,
    pub(super) operation: String,
    /// What is left of its time, in milliseconds.
    pub(super) left: u64,
    pub(super) depth: u32,
    /// Whether the actor waits for the end of this call.
    pub(super) back: bool,
    pub(super) trace: TraceContext,
}

/// What came of a call; the payload is the result, or why there is none.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) number: u64,
    pub(super) verdict: Verdict,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Verdict {
    Done,
    Failed,
    /// Nothing was executed, for a reason of this name.
    Refused(String),
    /// The actor does not run here; nothing was executed.
    Elsewhere,
}

/// A head, written, and its payload.
#[derive(Debug)]
pub(super) struct Frame {
    head: Vec<u8>,
    payload: Bytes,
}

impl Frame {
    pub(super) fn new(head: &impl Serialize, payload: Bytes) -> Self {
        Self { head: rmp_serde::to_vec(head).expect("memory takes all that is written"), payload }
    }

    /// Whether the other end takes a head of this size.
    pub(super) fn fits(&self) -> bool {
        self.head.len() <= DIRECT_HEAD
    }

    /// Reads what [`new`](Self::new) made. The payload shares the memory of `bytes`.
    pub(super) fn read<T: DeserializeOwned>(mut bytes: Bytes) -> io::Result<(T, Bytes)> {
        let size = bytes.try_get_u32().map_err(|_| broken())? as usize;
        if size > bytes.len() || size > DIRECT_HEAD {
            return Err(broken());
        }
        let head = bytes.split_to(size);
        Ok((rmp_serde::from_slice(&head).map_err(|_| broken())?, bytes))
    }

    /// Writes all that is in memory before the payload, and the payload too if that is small; returns it otherwise.
    fn put(self, buffer: &mut BytesMut) -> Option<Bytes> {
        let size = u32::try_from(self.head.len()).expect("a head is bounded by what makes it");
        let whole = u32::try_from(size_of::<u32>() + self.head.len() + self.payload.len());
        buffer.put_u32(whole.expect("payloads are bounded far below"));
        buffer.put_u32(size);
        buffer.put_slice(&self.head);
        if self.payload.len() > DIRECT_JOINED {
            return Some(self.payload);
        }
        buffer.put_slice(&self.payload);
        None
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no frame of a door")
}

/// Reads frames whose payload has at most so many bytes.
pub(super) type Frames<R> = FramedRead<R, LengthDelimitedCodec>;

pub(super) fn frames<R: AsyncRead>(reader: R, largest_payload: usize) -> Frames<R> {
    let codec =
        LengthDelimitedCodec::builder().max_frame_length(largest_payload + size_of::<u32>() + DIRECT_HEAD).new_codec();
    FramedRead::new(reader, codec)
}

/// A frame that came.
#[derive(Debug)]
pub(super) struct Received<T> {
    pub(super) head: T,
    pub(super) payload: Bytes,
    /// Bytes of the whole frame.
    pub(super) size: usize,
}

/// The next frame; `None` when the other end is gone.
pub(super) async fn next<T: DeserializeOwned>(
    frames: &mut Frames<impl AsyncRead + Unpin>,
) -> io::Result<Option<Received<T>>> {
    let Some(frame) = frames.next().await.transpose()? else { return Ok(None) };
    let size = frame.len();
    let (head, payload) = Frame::read(frame.freeze())?;
    Ok(Some(Received { head, payload, size }))
}

/// Writes frames until nobody makes any more, or the other end is gone. Those that wait go together.
pub(super) async fn write(mut made: mpsc::Receiver<Frame>, mut writer: impl AsyncWrite + Unpin) -> io::Result<()> {
    let (mut waiting, mut buffer) = (Vec::new(), BytesMut::new());
    while made.recv_many(&mut waiting, DIRECT_WRITTEN).await > 0 {
        for frame in waiting.drain(..) {
            if let Some(payload) = frame.put(&mut buffer) {
                writer.write_all_buf(&mut buffer).await?;
                writer.write_all(&payload).await?;
            }
        }
        writer.write_all_buf(&mut buffer).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(payloads: &[usize], limit: usize) -> Vec<io::Result<(Told, usize)>> {
        let (here, there) = tokio::io::duplex(1000);
        let (sender, made) = mpsc::channel(16);
        for (number, size) in payloads.iter().enumerate() {
            let head = Told { number: number as u64, verdict: Verdict::Refused("full".to_owned()) };
            sender.send(Frame::new(&head, vec![7; *size].into())).await.expect("there is room");
        }
        drop(sender);
        let read = async {
            let (mut frames, mut read) = (frames(there, limit), Vec::new());
            loop {
                match next(&mut frames).await {
                    Ok(None) => return read,
                    Ok(Some(Received { head, payload, .. })) => {
                        assert!(payload.iter().all(|byte| *byte == 7));
                        read.push(Ok((head, payload.len())));
                    }
                    Err(error) => {
                        read.push(Err(error));
                        return read;
                    }
                }
            }
        };
        tokio::join!(write(made, here), read).1
    }

    #[tokio::test]
    async fn frames_come_as_they_went() {
        let sizes = [0, 5, DIRECT_JOINED, DIRECT_JOINED + 1, 100_000, 3];
        let read = pass(&sizes, 100_000).await;
        assert_eq!(read.len(), sizes.len());
        for (number, frame) in read.into_iter().enumerate() {
            let expect = Told { number: number as u64, verdict: Verdict::Refused("full".to_owned()) };
            assert_eq!(frame.expect("a frame"), (expect, sizes[number]));
        }
    }

    #[tokio::test]
    async fn a_frame_beyond_the_limit_is_an_error_before_it_is_read() {
        let read = pass(&[1, 10 + DIRECT_HEAD], 10).await;
        assert!(read[0].is_ok() && read[1].is_err(), "{read:?}");
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [&b""[..], b"\0\0", b"\0\0\0\x05ab", b"\0\0\0\x01\xc1", b"\xff\xff\xff\xff"] {
            assert!(Frame::read::<Told>(Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
        }
    }
}
