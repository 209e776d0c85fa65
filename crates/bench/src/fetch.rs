//! Fetching from the lattice's own store, beside as many bytes in bare answers.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use lattice_client::Settled;
use lattice_protocol::OperationPhase;

use crate::{
    defaults::{PIECE, PIECES_AT_ONCE},
    error::BenchError,
    guest::{Guest, carry_out},
    load::{BareRequest, Load, timed},
    modules::Modules,
    phases::Course,
};

/// Has the host fetch a module that it has never seen, and takes the time from the host's record: of the fetch alone.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) guest: Guest,
    pub(crate) modules: Modules,
    /// How many bytes are fetched, and some more for what is a module of them.
    pub(crate) bytes: usize,
}

impl Load for Fetch {
    async fn once(&self) -> Result<Duration, BenchError> {
        let module = self.modules.new_large(self.bytes).await?;
        let Guest { client, host, .. } = &self.guest;
        let fetched = carry_out(client.prefetch(host, module.reference()), "fetch a module").await;
        let discarded = self.modules.discard(module).await;
        let Settled::ByOperation(record) = fetched? else { return Err(BenchError::NoCourse) };
        discarded?;
        let took = Course::of(&record).and_then(|course| course.time_of(OperationPhase::Fetching));
        took.ok_or(BenchError::NoCourse)
    }
}

/// As many bytes in bare answers, as large and as many at once as a host asks for.
#[derive(Clone, Debug)]
pub(crate) struct BareBytes {
    request: BareRequest,
    pieces: usize,
}

impl BareBytes {
    /// So many bytes, at least, in answers to what `piece` asks for by their size.
    pub(crate) fn new(bytes: usize, piece: impl FnOnce(usize) -> BareRequest) -> Self {
        Self { request: piece(PIECE), pieces: bytes.div_ceil(PIECE) }
    }
}

impl Load for BareBytes {
    async fn once(&self) -> Result<Duration, BenchError> {
        let asked = stream::iter(0..self.pieces).map(|_| self.request.once());
        let answered = asked.buffer_unordered(PIECES_AT_ONCE).try_for_each(async |_| Ok(()));
        let ((), took) = timed(answered).await?;
        Ok(took)
    }
}
