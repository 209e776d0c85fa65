//! Every number that the engine uses unless it is told otherwise, each with its reason.

use std::time::Duration;

/// How long guest code runs before it lets other tasks of the worker run, and how late a deadline can be noticed.
///
/// Short against the tens of milliseconds a person notices, long against the few microseconds that a switch costs.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(5);

/// Longest time a call may take, waiting included, if its caller allows more. Earlier hosts allow five seconds.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// Bytes of linear memory and tables that one instance may hold.
///
/// A request and a response of [`MAX_PAYLOAD`], each once raw and once decoded, fill it; real actors need 1 to 17 MiB.
pub const INSTANCE_MEMORY: usize = 64 << 20;

/// Bytes of the largest payload that passes between host and guest, in either direction.
///
/// Twice the largest message of the broker that we start (8 MiB), since payloads above it travel in chunks.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Bytes of the largest binding, namespace or operation that a guest may name; real ones stay below 100.
pub(crate) const MAX_NAME: usize = 4 << 10;

/// Bytes of error text kept from a guest: enough for a stack trace, little enough to travel in an answer.
pub(crate) const MAX_ERROR_TEXT: usize = 64 << 10;

/// Bytes of one log line; longer ones are cut. Log shippers cut at 16 KiB or earlier.
pub(crate) const MAX_LOG_LINE: usize = 8 << 10;

/// Log lines that one actor may write in [`LOG_WINDOW`]; more are counted and dropped, so that a chatty guest cannot
/// fill the disk of its host.
pub(crate) const LOG_LINES: u32 = 1000;

/// The time over which [`LOG_LINES`] counts.
pub(crate) const LOG_WINDOW: Duration = Duration::from_secs(1);

/// Bytes of the largest module. The largest published actors have about 2 MiB, a whole interpreter less than 20.
pub const MODULE_BYTES: usize = 32 << 20;

/// Bytes of the largest function. The compiler takes about a hundred times as much memory while it works on one; the main
/// loops of interpreters, the largest there are, stay below a quarter of this.
pub(crate) const FUNCTION_BYTES: usize = 1 << 20;

/// Longest time that a compilation may take, and that it may wait for its turn. 2 MiB take about a second on one core.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of compiled code kept on disk, the least recently used going first: some hundred actors.
pub(crate) const CACHE_BYTES: u64 = 1 << 30;

/// Calls that may wait for an instance of an actor. With a full queue and calls of a millisecond the last one waits for
/// a second; beyond that a refusal serves the caller better.
pub const QUEUE: usize = 1024;

/// What an instance costs beside its memory and tables (stack pages touched, engine structures), rounded up.
pub(crate) const INSTANCE_OVERHEAD: usize = 64 << 10;

/// Memory of the machine that is behind one slot of the pool: what a usual actor needs, so that the slots and the memory
/// run out at about the same time.
pub(crate) const MEMORY_PER_SLOT: u64 = 4 << 20;

/// Bytes of the guard beside a memory where address space is scarce: one page of WebAssembly, which still spares the checks
/// of most accesses to fields.
pub(crate) const FRUGAL_GUARD: u64 = 64 << 10;

/// Slots of the smallest pool, for machines with next to no memory. Slots cost address space, not memory.
pub(crate) const MIN_SLOTS: u64 = 16;

/// Slots of the largest pool: at 4 GiB of address space each it takes 4 of the 128 TiB that a process has.
pub(crate) const MAX_SLOTS: u64 = 1000;

/// Bytes of a pool slot that stay resident between calls: zeroing them is cheaper than faulting them in again. At most
/// a thirty-second part of [`MEMORY_PER_SLOT`].
pub(crate) const SLOT_KEEPS_RESIDENT: usize = 128 << 10;

/// Bytes of a slot's table that stay resident: the table of a usual actor has some hundred entries.
pub(crate) const TABLE_KEEPS_RESIDENT: usize = 8 << 10;

/// Memory taken for granted where the machine does not tell how much it has.
pub(crate) const ASSUMED_MEMORY: u64 = 512 << 20;

/// Least memory for guests, however little is free: one instance of the default size.
pub(crate) const MIN_GUEST_MEMORY: u64 = (INSTANCE_MEMORY + INSTANCE_OVERHEAD) as u64;

/// Bytes that a guest may ask of the random source at once, and bytes that one WASI call may copy: what a WASI call does
/// is not interrupted, so it must be short.
pub(crate) const WASI_CALL_BYTES: usize = 1 << 20;

/// Bytes of the least memory given to a module that imports its memory: four pages, what earlier hosts give.
pub(crate) const IMPORTED_MEMORY_PAGES: u64 = 4;
