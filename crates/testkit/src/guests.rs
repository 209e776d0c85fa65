//! Actors as WebAssembly text, each doing one thing, so that tests need no WebAssembly toolchain.
//!
//! Every function returns an unsigned module that speaks the actor interface under the import name `wasmbus`. The modules
//! that the sources in `guests/` make are in [`built`].

pub mod built;

/// The import name that real actors use.
const IMPORTS: &str = "wasmbus";

/// What every guest here is made of: memory, a way to make room in it, and the pending call's two texts read to its
/// start, the operation first and the payload behind it.
const COMMON: &str = r#"
  (memory (export "memory") 1)
  (func $make_room (param $bytes i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable)))))
  (func $read_call (param $operation i32) (param $payload i32)
    (call $make_room (i32.add (local.get $operation) (local.get $payload)))
    (call $guest_request (i32.const 0) (local.get $operation)))
"#;

/// Answers each call with its payload.
pub fn echo() -> Vec<u8> {
    echo_importing(IMPORTS)
}

/// [`echo`], with its functions imported from `module`: `wapc` is the other name that hosts offer.
pub fn echo_importing(module: &str) -> Vec<u8> {
    let call = r#"
      (call $read_call (local.get $operation) (local.get $payload))
      (call $guest_response (local.get $operation) (local.get $payload))
      (i32.const 1)"#;
    guest(module, "", call)
}

/// Answers each call with `text`.
pub fn say(text: &str) -> Vec<u8> {
    let call = format!("(call $guest_response (i32.const 0) (i32.const {})) (i32.const 1)", text.len());
    guest(IMPORTS, &data(0, text), &call)
}

/// Fails each call with the guest error `text`.
pub fn fail(text: &str) -> Vec<u8> {
    let data = data(0, text);
    let call = format!("(call $guest_error (i32.const 0) (i32.const {})) (i32.const 0)", text.len());
    guest(IMPORTS, &data, &call)
}

/// Never returns from a call.
pub fn spin() -> Vec<u8> {
    guest(IMPORTS, "", "(loop $for_ever (br $for_ever)) (unreachable)")
}

/// Traps in each call.
pub fn trap() -> Vec<u8> {
    guest(IMPORTS, "", "unreachable")
}

/// Takes memory in each call until it gets no more, writing to each piece, and then traps.
pub fn grow() -> Vec<u8> {
    let call = r#"
      (local $got i32)
      (loop $more
        (local.set $got (memory.grow (i32.const 16)))
        (if (i32.eq (local.get $got) (i32.const -1)) (then unreachable))
        (i32.store (i32.shl (local.get $got) (i32.const 16)) (i32.const 1))
        (br $more))
      (unreachable)"#;
    guest(IMPORTS, "", call)
}

/// Passes each call on, operation and payload unchanged, to `namespace` (an actor's key or call alias, or a contract)
/// over `binding` (a link name; empty for an actor). Answers with the answer, fails with the host's error.
pub fn host_call(binding: &str, namespace: &str) -> Vec<u8> {
    let size = |text: &str| format!("(i32.const {})", text.len());
    let (binding_size, namespace_size) = (size(binding), size(namespace));
    let call = format!(
        r#"
      (local $start i32)
      (local $size i32)
      (local.set $start (i32.add {binding_size} {namespace_size}))
      (call $make_room
        (i32.add (local.get $start) (i32.add (local.get $operation) (local.get $payload))))
      (call $guest_request (local.get $start) (i32.add (local.get $start) (local.get $operation)))
      (if
        (i32.eq (i32.const 1)
          (call $host_call
            (i32.const 0) {binding_size}
            {binding_size} {namespace_size}
            (local.get $start) (local.get $operation)
            (i32.add (local.get $start) (local.get $operation)) (local.get $payload)))
        (then
          (local.set $size (call $host_response_len))
          (call $make_room (local.get $size))
          (call $host_response (i32.const 0))
          (call $guest_response (i32.const 0) (local.get $size))
          (return (i32.const 1))))
      (local.set $size (call $host_error_len))
      (call $make_room (local.get $size))
      (call $host_error (i32.const 0))
      (call $guest_error (i32.const 0) (local.get $size))
      (i32.const 0)"#
    );
    guest(IMPORTS, &(data(0, binding) + &data(binding.len(), namespace)), &call)
}

/// Passes each call on `times` times, one after the other, as [`host_call`] does to an actor. Answers with nothing, and
/// fails with the error of the first one that failed.
pub fn host_calls(namespace: &str, times: u32) -> Vec<u8> {
    let size = namespace.len();
    let call = format!(
        r#"
      (local $left i32)
      (local.set $left (i32.const {times}))
      (call $make_room (i32.add (i32.const {size}) (i32.add (local.get $operation) (local.get $payload))))
      (call $guest_request (i32.const {size}) (i32.add (i32.const {size}) (local.get $operation)))
      (loop $again
        (if
          (i32.ne (i32.const 1)
            (call $host_call
              (i32.const 0) (i32.const 0)
              (i32.const 0) (i32.const {size})
              (i32.const {size}) (local.get $operation)
              (i32.add (i32.const {size}) (local.get $operation)) (local.get $payload)))
          (then
            (local.set $left (call $host_error_len))
            (call $make_room (local.get $left))
            (call $host_error (i32.const 0))
            (call $guest_error (i32.const 0) (local.get $left))
            (return (i32.const 0))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $again (local.get $left)))
      (i32.const 1)"#
    );
    guest(IMPORTS, &data(0, namespace), &call)
}

/// Calls the actor `namespace` whenever an instance is made, before its first call. Then it answers as [`echo`].
pub fn hesitant(namespace: &str) -> Vec<u8> {
    let size = namespace.len();
    let before = format!(
        r#"{}
  (func (export "wapc_init")
    (drop
      (call $host_call
        (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const {size})
        (i32.const 0) (i32.const {size})
        (i32.const 0) (i32.const 0))))"#,
        data(0, namespace)
    );
    let call = r#"
      (call $read_call (local.get $operation) (local.get $payload))
      (call $guest_response (local.get $operation) (local.get $payload))
      (i32.const 1)"#;
    guest(IMPORTS, &before, call)
}

/// Traps when an instance of it is made.
pub fn stillborn() -> Vec<u8> {
    guest(IMPORTS, "(func $begin unreachable) (start $begin)", "(i32.const 1)")
}

/// Starts with so many pages of memory, 64 KiB each, and answers each call with nothing.
pub fn roomy(pages: u32) -> Vec<u8> {
    let text = format!(
        r#"(module
  (memory (export "memory") {pages})
  (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#
    );
    wat::parse_str(&text).expect("the guests here are correct text")
}

fn guest(module: &str, data: &str, call: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (import "{module}" "__guest_request" (func $guest_request (param i32 i32)))
  (import "{module}" "__guest_response" (func $guest_response (param i32 i32)))
  (import "{module}" "__guest_error" (func $guest_error (param i32 i32)))
  (import "{module}" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "{module}" "__host_response_len" (func $host_response_len (result i32)))
  (import "{module}" "__host_response" (func $host_response (param i32)))
  (import "{module}" "__host_error_len" (func $host_error_len (result i32)))
  (import "{module}" "__host_error" (func $host_error (param i32)))
  {COMMON}
  {data}
  (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    {call}))"#
    );
    wat::parse_str(&text).expect("the guests here are correct text")
}

fn data(at: usize, text: &str) -> String {
    let bytes: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{bytes}\")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_is_a_valid_module() {
        let guests = [
            echo(),
            echo_importing("wapc"),
            fail("not \"now\"\n"),
            spin(),
            trap(),
            grow(),
            host_call("default", "wasmcloud:messaging"),
            host_call("", "alias"),
            host_calls("alias", 3),
            say("hello"),
            hesitant("alias"),
            stillborn(),
            roomy(2),
        ];
        for guest in guests {
            wasmparser::validate(&guest).unwrap();
        }
    }
}
