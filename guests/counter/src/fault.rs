//! Misbehaviour on request.
//!
//! | operation | argument | what happens |
//! |---|---|---|
//! | `Fault.Allocate` | none | takes memory until there is no more, then traps |
//! | `Fault.Echo` | any bytes | the same bytes as the answer |
//! | `Fault.Fail` | a map with `message` | a guest error with that text |
//! | `Fault.HostCall` | a map with `binding`, `namespace`, `operation` and `payload` (bytes) | makes that host call; its answer or error is the answer |
//! | `Fault.Log` | a map with `text`, and `level` (debug, info, warn, error) or none | writes to the host's log; without a level to its console |
//! | `Fault.Loop` | none | never ends |
//! | `Fault.Panic` | a map with `message` | panics: the message goes to the host's console, then it traps |
//! | `Fault.Trap` | none | traps |

use lattice_guest::msgpack::{argument, Value};
use lattice_guest::{console, host_call, Level};

/// How much one step of `Fault.Allocate` takes, in bytes: few steps to any limit, and none overshoots it by much.
const CHUNK: usize = 1 << 20;

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
    let payload = argument.get("payload").map_or(Some(&[][..]), Value::as_bytes);
    host_call(
        text(&argument, "binding")?,
        text(&argument, "namespace")?,
        text(&argument, "operation")?,
        payload.ok_or("`payload` must be bytes or a string")?,
    )
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
