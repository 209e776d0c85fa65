//! Misbehaviour on request.
//!
//! | operation | argument | what happens |
//! |---|---|---|
//! | `Fault.Allocate` | none | takes memory until there is no more, then traps |
//! | `Fault.Echo` | any bytes | the same bytes as the answer |
//! | `Fault.Fail` | a map with `message` | a guest error with that text |
//! | `Fault.HostCall` | a map with `binding`, `namespace`, `operation`, and `payload` (bytes) or `size` (a number of bytes) | makes that host call; its answer or error is the answer |
//! | `Fault.Large` | a map with `bytes` | the answer is as many bytes |
//! | `Fault.Log` | a map with `text`, and `level` (debug, info, warn, error) or none | writes to the host's log; without a level to its console |
//! | `Fault.Loop` | none | never ends |
//! | `Fault.Panic` | a map with `message` | panics: the message goes to the host's console, then it traps |
//! | `Fault.Trap` | none | traps |
//!
//! Where only a number of bytes is said, they count from 0 to 250 and begin anew: with a period that is no power of two,
//! pieces that were lost, doubled or mixed up show.

use std::borrow::Cow;

use lattice_guest::msgpack::{argument, Value};
use lattice_guest::{console, host_call, Level};

/// How much one step of `Fault.Allocate` takes, in bytes: few steps to any limit, and none overshoots it by much.
const CHUNK: usize = 1 << 20;

/// After how many bytes those that only have a number repeat: a prime, so that no buffer's size is a multiple of it.
const PERIOD: usize = 251;

pub(crate) fn allocate(_payload: &[u8]) -> Result<Vec<u8>, String> {
    let mut chunks = Vec::new();
    loop {
        // Ones, for pages of zeros need not be there until somebody writes to them.
        chunks.push(vec![1_u8; CHUNK]);
        keep(&chunks);
    }
}

pub(crate) fn echo(payload: &[u8]) -> Result<Vec<u8>, String> {
    Ok(payload.to_vec())
}

pub(crate) fn fail(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = argument(payload)?;
    Err(text(&argument, "message")?.into())
}

pub(crate) fn make_host_call(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = argument(payload)?;
    host_call(
        text(&argument, "binding")?,
        text(&argument, "namespace")?,
        text(&argument, "operation")?,
        &payload_of_call(&argument)?,
    )
}

pub(crate) fn large(payload: &[u8]) -> Result<Vec<u8>, String> {
    bytes(argument(payload)?.get("bytes").ok_or("`bytes` must be a whole number from 0")?, "bytes")
}

pub(crate) fn log(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = argument(payload)?;
    let line = text(&argument, "text")?;
    match text(&argument, "level")? {
        "" => console(line),
        name => lattice_guest::log(level(name)?, line),
    }
    Ok(Vec::new())
}

pub(crate) fn spin(_payload: &[u8]) -> Result<Vec<u8>, String> {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn panic(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = argument(payload)?;
    panic!("{}", text(&argument, "message")?)
}

pub(crate) fn trap(_payload: &[u8]) -> Result<Vec<u8>, String> {
    #[cfg(target_arch = "wasm32")]
    std::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

fn payload_of_call<'a>(argument: &Value<'a>) -> Result<Cow<'a, [u8]>, String> {
    match (argument.get("payload"), argument.get("size")) {
        (Some(_), Some(_)) => Err(String::from("`payload` and `size` exclude each other")),
        (None, Some(size)) => bytes(size, "size").map(Cow::Owned),
        (Some(payload), None) => {
            payload.as_bytes().map(Cow::Borrowed).ok_or_else(|| String::from("`payload` must be bytes or a string"))
        }
        (None, None) => Ok(Cow::Borrowed(&[])),
    }
}

/// As many bytes as the number under `key` says.
fn bytes(number: &Value<'_>, key: &str) -> Result<Vec<u8>, String> {
    let number = number.as_u64().ok_or_else(|| format!("`{}` must be a whole number from 0", key))?;
    let too_many = || format!("there is no memory for {} bytes", number);
    let number = usize::try_from(number).map_err(|_| too_many())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(number).map_err(|_| too_many())?;
    bytes.extend((0..number).map(|index| (index % PERIOD) as u8));
    Ok(bytes)
}

/// Stops the optimizer from leaving out memory that nobody reads.
fn keep(chunks: &[Vec<u8>]) {
    if let Some(last) = chunks.last() {
        // SAFETY: the pointer is that of a live, initialized byte.
        unsafe { std::ptr::read_volatile(last.as_ptr()) };
    }
}

fn level(name: &str) -> Result<Level, String> {
    [Level::Debug, Level::Info, Level::Warn, Level::Error]
        .into_iter()
        .find(|level| level.name() == name)
        .ok_or_else(|| format!("unknown level `{}`", name))
}

/// The string under `key`, empty where there is none.
fn text<'a>(argument: &Value<'a>, key: &str) -> Result<&'a str, String> {
    match argument.get(key) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| format!("`{}` must be a string, not {}", key, value.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lattice_guest::testing::with_host;

    fn host_call_argument() -> Vec<u8> {
        Value::map([
            ("binding", Value::Str("default")),
            ("namespace", Value::Str("acme:echo")),
            ("operation", Value::Str("Echo.Echo")),
            ("payload", Value::Bin(b"\x01\x02")),
        ])
        .encode()
    }

    #[test]
    fn echoes_any_bytes() {
        assert_eq!(echo(b"\xc1\x00"), Ok(b"\xc1\x00".to_vec()));
    }

    #[test]
    fn fails_with_the_message() {
        let argument = Value::map([("message", Value::Str("no more"))]).encode();
        assert_eq!(fail(&argument), Err("no more".into()));
        let argument = Value::map([("message", Value::Nil)]).encode();
        assert_eq!(fail(&argument), Err("".into()));
        let argument = Value::map([("message", Value::Bool(true))]).encode();
        assert_eq!(fail(&argument), Err("`message` must be a string, not a boolean".into()));
    }

    #[test]
    fn makes_the_host_call_that_it_is_told() {
        let call = || make_host_call(&host_call_argument());
        let (answer, record) = with_host(|call| Ok(call.payload.clone()), call);
        assert_eq!(answer, Ok(b"\x01\x02".to_vec()));
        assert_eq!(record.calls[0].namespace, "acme:echo");
        let (answer, _) = with_host(|_| Err("no link".into()), call);
        assert_eq!(answer, Err("no link".into()));
    }

    #[test]
    fn makes_a_host_call_of_any_size() {
        let call = |entries: [(&str, Value<'_>); 2]| make_host_call(&Value::map(entries).encode());
        let size = ("size", Value::Uint(300));
        let (_, record) = with_host(|_| Ok(Vec::new()), || call([size.clone(), ("payload", Value::Nil)]));
        assert_eq!(record.calls[0].payload, large(b"\x81\xa5bytes\xcd\x01\x2c").unwrap());
        let (answer, record) = with_host(|_| Ok(Vec::new()), || call([size, ("payload", Value::Str(""))]));
        assert_eq!(answer, Err("`payload` and `size` exclude each other".into()));
        assert_eq!(record.calls, []);
    }

    #[test]
    fn answers_with_as_many_bytes_as_it_is_told() {
        let of = |bytes| large(&Value::map([("bytes", bytes)]).encode());
        let answer = of(Value::Uint(1_000_000)).unwrap();
        assert_eq!(answer.len(), 1_000_000);
        assert_eq!(&answer[249..254], [249, 250, 0, 1, 2]);
        assert_eq!(of(Value::Uint(0)), Ok(Vec::new()));
        assert_eq!(of(Value::Int(-1)), Err("`bytes` must be a whole number from 0".into()));
        assert_eq!(of(Value::Nil), Err("`bytes` must be a whole number from 0".into()));
        assert_eq!(of(Value::Uint(u64::MAX)), Err("there is no memory for 18446744073709551615 bytes".into()));
    }

    #[test]
    fn logs_with_a_level_or_to_the_console() {
        let line = |level| Value::map([("text", Value::Str("hi")), ("level", level)]).encode();
        let (_, record) = with_host(|_| Ok(Vec::new()), || log(&line(Value::Str("warn"))));
        assert_eq!(record.calls.len(), 1);
        assert!(record.console.is_empty());
        let (_, record) = with_host(|_| Ok(Vec::new()), || log(&line(Value::Nil)));
        assert_eq!(record.console, ["hi"]);
        assert_eq!(log(&line(Value::Str("loud"))), Err("unknown level `loud`".into()));
    }

    #[test]
    #[should_panic(expected = "told to")]
    fn panics_with_the_message() {
        let _ = panic(&Value::map([("message", Value::Str("told to"))]).encode());
    }
}
