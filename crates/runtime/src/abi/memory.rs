//! Access to a guest's memory by the pointers that it passes, none of which is trusted.

use std::ops::Range;

use wasmtime::{Caller, Extern, Memory};

use super::{Fault, MEMORY};
use crate::guest::Guest;

/// The bytes of the guest's memory, and what the host keeps for it.
pub(super) fn parts<'a>(caller: &'a mut Caller<'_, Guest>) -> Result<(&'a mut [u8], &'a mut Guest), Fault> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => look_up(caller)?,
    };
    Ok(memory.data_and_store_mut(caller))
}

/// So many bytes at this pointer.
pub(super) fn read(memory: &[u8], ptr: u32, len: u32) -> Result<&[u8], Fault> {
    Ok(&memory[range(memory, ptr, len as usize)?])
}

/// Copies bytes to this pointer.
pub(super) fn write(memory: &mut [u8], ptr: u32, bytes: &[u8]) -> Result<(), Fault> {
    let range = range(memory, ptr, bytes.len())?;
    memory[range].copy_from_slice(bytes);
    Ok(())
}

fn look_up(caller: &mut Caller<'_, Guest>) -> Result<Memory, Fault> {
    let memory = caller.get_export(MEMORY).and_then(Extern::into_memory).ok_or(Fault::NoMemory)?;
    caller.data_mut().memory = Some(memory);
    Ok(memory)
}

/// Nothing is nowhere: with a length of zero the pointer does not matter, for guests pass any.
fn range(memory: &[u8], ptr: u32, len: usize) -> Result<Range<usize>, Fault> {
    if len == 0 {
        return Ok(0..0);
    }
    let start = ptr as usize;
    let end = start.checked_add(len).filter(|end| *end <= memory.len());
    end.map(|end| start..end).ok_or(Fault::OutOfBounds { ptr, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_within_is_read_and_written() {
        let mut memory = *b"0123456789";
        assert_eq!(read(&memory, 8, 2).unwrap(), b"89");
        assert!(read(&memory, 8, 3).is_err());
        assert!(read(&memory, 10, 1).is_err());
        assert!(read(&memory, u32::MAX, u32::MAX).is_err());
        assert_eq!(read(&memory, u32::MAX, 0).unwrap(), b"");
        write(&mut memory, 9, b"x").unwrap();
        assert!(write(&mut memory, 9, b"yz").is_err());
        write(&mut memory, u32::MAX, b"").unwrap();
        assert_eq!(&memory, b"012345678x");
    }
}
