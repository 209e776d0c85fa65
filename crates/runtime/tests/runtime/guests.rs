//! Guests, each as small as its behaviour allows.

use bytes::Bytes;

/// A module with all imports of the interface from this import module, one page of memory, and this body of
/// `__guest_call`, which has the lengths of operation and payload in `$operation` and `$payload`.
///
/// The texts that host calls need are at 0: `link`, `contract`, `Echo`, `Fail`, `Wait`, `Huge` with 4, 8, 4, 4, 4 and 4
/// bytes. The body may use what lies above 1024.
pub(crate) fn module_from(imports: &str, body: &str, more: &str) -> Bytes {
    let text = format!(
        r#"(module
            (import "{imports}" "__guest_request" (func $guest_request (param i32 i32)))
            (import "{imports}" "__guest_response" (func $guest_response (param i32 i32)))
            (import "{imports}" "__guest_error" (func $guest_error (param i32 i32)))
            (import "{imports}" "__host_call"
                (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "{imports}" "__host_response_len" (func $host_response_len (result i32)))
            (import "{imports}" "__host_response" (func $host_response (param i32)))
            (import "{imports}" "__host_error_len" (func $host_error_len (result i32)))
            (import "{imports}" "__host_error" (func $host_error (param i32)))
            (import "{imports}" "__console_log" (func $console_log (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "linkcontractEchoFailWaitHuge")
            {more}
            (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
                {body}))"#
    );
    wat(&text)
}

/// Such a module, importing from `wasmbus`.
pub(crate) fn module(body: &str) -> Bytes {
    module_from("wasmbus", body, "")
}

/// Such a module with more fields.
pub(crate) fn module_with(more: &str, body: &str) -> Bytes {
    module_from("wasmbus", body, more)
}

/// The bytes of a text module.
pub(crate) fn wat(text: &str) -> Bytes {
    wat::parse_str(text).expect("the text module is well-formed").into()
}

/// Answers with its payload, of less than 60,000 bytes.
pub(crate) const ECHO: &str = "
    (call $guest_request (i32.const 1024) (i32.const 2048))
    (call $guest_response (i32.const 2048) (local.get $payload))
    (i32.const 1)";

/// Passes its payload to a host call and answers with the answer, or fails with the error.
pub(crate) fn host_call(operation: HostOperation) -> String {
    let at = operation as u32;
    format!(
        "(call $guest_request (i32.const 1024) (i32.const 2048))
         (if (result i32)
            (call $host_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 8) (i32.const {at}) (i32.const 4)
                (i32.const 2048) (local.get $payload))
            (then
                (call $host_response (i32.const 2048))
                (call $guest_response (i32.const 2048) (call $host_response_len))
                (i32.const 1))
            (else
                (call $host_error (i32.const 2048))
                (call $guest_error (i32.const 2048) (call $host_error_len))
                (i32.const 0)))"
    )
}

/// What the test host does, by where the guest has its name.
#[derive(Clone, Copy)]
pub(crate) enum HostOperation {
    /// Answers with the payload.
    Echo = 12,
    /// Fails.
    Fail = 16,
    /// Answers with the payload when the test lets it.
    Wait = 20,
    /// Answers with more than any payload may have.
    Huge = 24,
}

/// Never ends.
pub(crate) const SPIN: &str = "(loop $again (br $again)) (unreachable)";

/// Counts its calls in memory and answers with the count as one byte. Traps if the payload has one byte, and fails with
/// an empty text if it has two.
pub(crate) const COUNTER: &str = "
    (if (i32.eq (local.get $payload) (i32.const 1)) (then (unreachable)))
    (i32.store8 (i32.const 1024) (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
    (if (i32.eq (local.get $payload) (i32.const 2)) (then (call $guest_error (i32.const 0) (i32.const 4))))
    (call $guest_response (i32.const 1024) (i32.const 1))
    (i32.const 1)";
