//! The memory that a call's first allocations come from.
//!
//! A host gives each call a fresh instance, and an instance that grows its memory costs the host two system calls. So the
//! first [`SIZE`] bytes lie in the module's own memory, which is there anyway, and are handed out once, in a row. Most
//! calls need no more; whoever does gets the rest from the allocator of the standard library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Bytes that are handed out before memory grows.
const SIZE: usize = 48 * 1024;

/// The largest alignment of what is handed out; what needs more comes from the standard library.
const ALIGNMENT: usize = 16;

#[repr(align(16))]
struct Bytes(UnsafeCell<[u8; SIZE]>);

/// Hands out the bytes in a row, then asks the standard library.
pub(crate) struct Arena {
    bytes: Bytes,
    used: Cell<usize>,
}

// SAFETY: an actor has one thread.
unsafe impl Sync for Arena {}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { bytes: Bytes(UnsafeCell::new([0; SIZE])), used: Cell::new(0) }
    }

    fn start(&self) -> *mut u8 {
        self.bytes.0.get().cast()
    }

    /// The next bytes, if there are as many.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let from = self.used.get().checked_add(layout.align() - 1)? & !(layout.align() - 1);
        let to = from.checked_add(layout.size())?;
        if layout.align() > ALIGNMENT || to > SIZE {
            return None;
        }
        self.used.set(to);
        // SAFETY: `from` lies within the bytes.
        Some(unsafe { self.start().add(from) })
    }

    fn has(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.start() as usize) < SIZE
    }

    /// Whether the block is the last that was handed out.
    fn is_last(&self, block: *mut u8, size: usize) -> bool {
        (block as usize).wrapping_add(size) == (self.start() as usize).wrapping_add(self.used.get())
    }
}

// SAFETY: blocks of the arena do not overlap, for each begins behind the one before, and none is handed out again but
// the last, once it has been given back; all others are the standard library's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: whoever called keeps to the contract, which is the same.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.has(block) {
            // SAFETY: what is not of the arena is of the standard library.
            unsafe { System.dealloc(block, layout) };
        } else if self.is_last(block, layout.size()) {
            self.used.set(block as usize - self.start() as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.has(block) {
            // SAFETY: what is not of the arena is of the standard library.
            return unsafe { System.realloc(block, layout, size) };
        }
        let from = block as usize - self.start() as usize;
        if size <= layout.size() {
            return block;
        }
        if self.is_last(block, layout.size()) && size <= SIZE - from {
            self.used.set(from + size);
            return block;
        }
        // SAFETY: whoever called has seen to it that size and alignment go together; both blocks have `layout.size()` bytes,
        // and the new one begins where the old one does not reach.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size());
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn blocks_follow_each_other_and_the_last_one_can_grow_or_go() {
        let arena = Box::new(Arena::new());
        unsafe {
            let first = arena.alloc(layout(10, 1));
            first.write_bytes(7, 10);
            let second = arena.alloc(layout(8, 8));
            assert_eq!(second as usize - first as usize, 16);
            assert_eq!(arena.realloc(second, layout(8, 8), 100), second);
            // The first is in the way of nobody, and moves where there is room.
            let moved = arena.realloc(first, layout(10, 1), 20);
            assert_eq!(moved as usize - second as usize, 100);
            assert_eq!(std::slice::from_raw_parts(moved, 10), [7; 10]);
            assert_eq!(arena.realloc(moved, layout(20, 1), 5), moved);
            arena.dealloc(moved, layout(20, 1));
            assert_eq!(arena.alloc(layout(1, 1)), moved);
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_elsewhere_and_goes_back_there() {
        let arena = Box::new(Arena::new());
        unsafe {
            let all = arena.alloc(layout(SIZE, 1));
            assert!(arena.has(all));
            let more = arena.alloc(layout(1, 1));
            assert!(!more.is_null() && !arena.has(more));
            let grown = arena.realloc(more, layout(1, 1), 1000);
            assert!(!arena.has(grown));
            arena.dealloc(grown, layout(1000, 1));
            let moved = arena.realloc(all, layout(SIZE, 1), SIZE + 1);
            assert!(!arena.has(moved));
            arena.dealloc(moved, layout(SIZE + 1, 1));
            let aligned = arena.alloc(layout(64, 64));
            assert!(!arena.has(aligned) && aligned as usize % 64 == 0);
            arena.dealloc(aligned, layout(64, 64));
        }
    }
}
