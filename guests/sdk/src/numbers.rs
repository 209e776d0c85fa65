//! Contract `wasmcloud:builtin:numbergen`: random numbers, which hosts give without a link.
//!
//! Operations, keys and types are those of github.com/wasmCloud/interfaces at a418af8, `numbergen/rust/src/numbergen.rs`.

use crate::contract::{Contract, DEFAULT_LINK};
use crate::msgpack::Value;

const NUMBERS: Contract<'static> = Contract { id: "wasmcloud:builtin:numbergen", link: DEFAULT_LINK };

/// Returns a random UUID of version 4: `9b2e8e5a-3b0c-4f5e-8a43-5f1a8f0f3a11`.
///
/// # Errors
/// The host's text, where it refuses; or that its answer is none.
pub fn guid() -> Result<String, String> {
    NUMBERS.call("NumberGen.GenerateGuid", b"")?.string()
}

/// Returns a random number of 32 bits.
///
/// # Errors
/// The host's text, where it refuses; or that its answer is none.
pub fn random() -> Result<u32, String> {
    NUMBERS.call("NumberGen.Random32", b"")?.unsigned()
}

/// Returns a random number from `min` to `max`; both of them can come, whatever the published interface says.
///
/// # Errors
/// That there is no such number, where `min` is more than `max`: hosts disagree on that, and some fail the whole call.
/// The host's text, where it refuses; or that its answer is none.
pub fn random_in_range(min: u32, max: u32) -> Result<u32, String> {
    if min > max {
        return Err(format!("there is no number from {} to {}", min, max));
    }
    let range = Value::map([("min", min.into()), ("max", max.into())]);
    NUMBERS.call("NumberGen.RandomInRange", &range.encode())?.unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{with_host, HostCall};

    fn check(record: &[HostCall], operation: &str, payload: &[u8]) {
        let call = HostCall {
            binding: "default".into(),
            namespace: "wasmcloud:builtin:numbergen".into(),
            operation: operation.into(),
            payload: payload.into(),
        };
        assert_eq!(record, [call]);
    }

    #[test]
    fn asks_for_a_guid() {
        let (guid, record) = with_host(|_| Ok(b"\xa49b2e".to_vec()), guid);
        assert_eq!(guid, Ok("9b2e".into()));
        check(&record.calls, "NumberGen.GenerateGuid", b"");
    }

    #[test]
    fn asks_for_a_number() {
        let (number, record) = with_host(|_| Ok(b"\xce\xff\xff\xff\xff".to_vec()), random);
        assert_eq!(number, Ok(u32::MAX));
        check(&record.calls, "NumberGen.Random32", b"");
    }

    #[test]
    fn asks_for_a_number_in_a_range() {
        let (number, record) = with_host(|_| Ok(b"\x06".to_vec()), || random_in_range(1, 600));
        assert_eq!(number, Ok(6));
        check(&record.calls, "NumberGen.RandomInRange", b"\x82\xa3min\x01\xa3max\xcd\x02\x58");
    }

    #[test]
    fn a_range_without_a_number_is_not_asked_for() {
        let (number, record) = with_host(|_| Ok(b"\x06".to_vec()), || random_in_range(2, 1));
        assert_eq!(number, Err("there is no number from 2 to 1".into()));
        assert_eq!(record.calls, []);
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let (number, _) = with_host(|_| Ok(b"\xa16".to_vec()), random);
        assert_eq!(number, Err("the answer to `NumberGen.Random32` is not a whole number of 32 bits".into()));
        let (guid, _) = with_host(|_| Err("not allowed".into()), guid);
        assert_eq!(guid, Err("not allowed".into()));
    }
}
