//! The demo actor that counts, and that misbehaves on request so that tests see what a host makes of it.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `Counter.Increment` | a map with `by`, a whole number from 0; 1 without it | a map with `count`, after the increment |
//! | `Counter.Get` | none | a map with `count` |
//! | `HttpServer.HandleRequest` | any request of contract `wasmcloud:httpserver` | a page of five letters |
//!
//! The count lives in the memory of the instance. A host gives each call a fresh instance, so it starts at 0 each time;
//! started with the annotation `reuse`, an instance lives on between calls and the count goes on.
//! What misbehaves stands in module `fault`, under operations of that name.
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

mod fault;

use std::sync::atomic::{AtomicU64, Ordering};

use lattice_guest::http::{serve, Response};
use lattice_guest::msgpack::{argument, Value};

lattice_guest::actor! {
    "Counter.Increment" => increment,
    "Counter.Get" => get,
    "HttpServer.HandleRequest" => hello,
    "Fault.Allocate" => fault::allocate,
    "Fault.Echo" => fault::echo,
    "Fault.Fail" => fault::fail,
    "Fault.HostCall" => fault::make_host_call,
    "Fault.Large" => fault::large,
    "Fault.Log" => fault::log,
    "Fault.Loop" => fault::spin,
    "Fault.Panic" => fault::panic,
    "Fault.Trap" => fault::trap,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

fn increment(payload: &[u8]) -> Result<Vec<u8>, String> {
    let by = step(&argument(payload)?)?;
    let before = COUNT
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(by))
        .map_err(|count| format!("{} more than {} is more than can be counted", by, count))?;
    Ok(count(before + by))
}

fn get(_payload: &[u8]) -> Result<Vec<u8>, String> {
    Ok(count(COUNT.load(Ordering::Relaxed)))
}

/// The least that can be answered, for those who measure the way there and back.
fn hello(payload: &[u8]) -> Result<Vec<u8>, String> {
    serve(payload, |_| Response::text(200, "hello"))
}

fn step(argument: &Value<'_>) -> Result<u64, String> {
    match argument {
        Value::Nil => Ok(1),
        Value::Map(_) => match argument.get("by") {
            None => Ok(1),
            Some(Value::Uint(by)) => Ok(*by),
            Some(other) => Err(refused_step(other)),
        },
        other => Err(format!("the argument must be a map with `by`, not {}", other.kind())),
    }
}

fn refused_step(by: &Value<'_>) -> String {
    match by {
        Value::Int(by) => format!("`by` must be a whole number from 0, not {}", by),
        other => format!("`by` must be a whole number from 0, not {}", other.kind()),
    }
}

fn count(count: u64) -> Vec<u8> {
    Value::map([("count", Value::Uint(count))]).encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lattice_guest::dispatch;

    fn by(step: Value<'_>) -> Vec<u8> {
        Value::map([("by", step)]).encode()
    }

    /// One test for all that counts: the count is the instance's, and here the process is the instance.
    #[test]
    fn counts() {
        assert_eq!(get(b""), Ok(count(0)));
        assert_eq!(increment(b""), Ok(count(1)));
        assert_eq!(increment(&[0x80]), Ok(count(2)));
        assert_eq!(increment(&by(Value::Uint(40))), Ok(count(42)));
        assert_eq!(increment(&by(Value::Uint(0))), Ok(b"\x81\xa5count\x2a".to_vec()));
        assert_eq!(
            increment(&by(Value::Uint(u64::MAX))),
            Err("18446744073709551615 more than 42 is more than can be counted".into())
        );
        assert_eq!(get(b""), Ok(count(42)));
    }

    #[test]
    fn greets_over_http() {
        let response = hello(&lattice_guest::http::Request::default().encode()).unwrap();
        assert_eq!(lattice_guest::http::Response::read(&response).unwrap().body, b"hello");
    }

    #[test]
    fn refuses_steps_that_are_none() {
        for (step, told) in
            [(Value::Int(-1), "-1"), (Value::Float(1.5), "a floating point number"), (Value::Str("1"), "a string")]
        {
            assert_eq!(increment(&by(step)), Err(format!("`by` must be a whole number from 0, not {}", told)));
        }
        assert_eq!(
            increment(&Value::Uint(1).encode()),
            Err("the argument must be a map with `by`, not a whole number".into())
        );
        assert!(increment(b"\xc1").is_err());
    }

    #[test]
    fn names_its_operations_when_asked_for_another() {
        let error = dispatch(OPERATIONS, "Counter.Reset", b"").unwrap_err();
        assert!(
            error.starts_with("unknown operation `Counter.Reset`, this actor has `Counter.Increment`, `Counter.Get`"),
            "{}",
            error
        );
    }
}
