//! Keys in a bucket of JetStream.

mod bucket;
mod entry;
mod key;
mod storage;
mod turns;
mod value;

pub(crate) use bucket::Bucket;
pub(crate) use turns::Turns;
