//! What an actor is made of: its operations, the `actor!` macro that exports them, and the choice among them.

use crate::msgpack::Value;

/// Answers one operation: the payload of the call in, the payload of the answer or the text of the error out.
pub type Handler = fn(&[u8]) -> Result<Vec<u8>, String>;

/// The name of an operation, such as `Greeter.Greet`, and what answers it.
pub type Operation = (&'static str, Handler);

/// Operation with which older hosts ask whether an actor is well.
const HEALTH: &str = "Actor.HealthRequest";

/// Makes the crate an actor with these operations: defines `OPERATIONS`, and on wasm32 the exports that a host calls.
///
/// To be used once, at the root of the crate.
#[macro_export]
macro_rules! actor {
    ($($name:literal => $handler:path),+ $(,)?) => {
        /// Every operation of this actor.
        pub const OPERATIONS: &[$crate::Operation] = &[$(($name, $handler)),+];

        #[cfg(target_arch = "wasm32")]
        mod exports {
            #[no_mangle]
            extern "C" fn __guest_call(operation_length: usize, payload_length: usize) -> i32 {
                $crate::abi::answer(super::OPERATIONS, operation_length, payload_length)
            }

            #[no_mangle]
            extern "C" fn __wasmbus_rpc_version() -> u32 {
                1
            }
        }
    };
}

/// Answers `operation` with the handler of that name among `operations`, and health requests by itself.
///
/// # Errors
/// What the handler says, or, for an operation that is not there, its name and the names that are.
pub fn dispatch(operations: &[Operation], operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    match operations.iter().find(|(name, _)| *name == operation) {
        Some((_, handler)) => handler(payload),
        None if operation == HEALTH => Ok(healthy()),
        None => Err(unknown(operations, operation)),
    }
}

fn healthy() -> Vec<u8> {
    Value::map([("healthy", Value::Bool(true))]).encode()
}

fn unknown(operations: &[Operation], operation: &str) -> String {
    let mut text = String::from("unknown operation `");
    text.push_str(operation);
    text.push_str("`, this actor has ");
    for (index, (name, _)) in operations.iter().enumerate() {
        text.push_str(if index == 0 { "`" } else { ", `" });
        text.push_str(name);
        text.push('`');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATIONS: &[Operation] = &[("Test.Echo", echo), ("Test.Refuse", refuse)];

    fn echo(payload: &[u8]) -> Result<Vec<u8>, String> {
        Ok(payload.to_vec())
    }

    fn refuse(_payload: &[u8]) -> Result<Vec<u8>, String> {
        Err(String::from("refused"))
    }

    #[test]
    fn chooses_by_name() {
        assert_eq!(dispatch(OPERATIONS, "Test.Echo", b"x"), Ok(b"x".to_vec()));
        assert_eq!(dispatch(OPERATIONS, "Test.Refuse", b"x"), Err("refused".into()));
    }

    #[test]
    fn names_what_is_unknown_and_what_there_is() {
        assert_eq!(
            dispatch(OPERATIONS, "Echo", b""),
            Err("unknown operation `Echo`, this actor has `Test.Echo`, `Test.Refuse`".into())
        );
    }

    #[test]
    fn is_healthy() {
        assert_eq!(dispatch(OPERATIONS, "Actor.HealthRequest", &[0x80]), Ok(b"\x81\xa7healthy\xc3".to_vec()));
    }
}
