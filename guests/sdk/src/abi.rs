//! The waPC interface as the module sees it: the imports of the host, and the shape of a call.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::actor::{dispatch, Operation};

const SUCCESS: i32 = 1;
const FAILURE: i32 = 0;

#[link(wasm_import_module = "wasmbus")]
extern "C" {
    fn __guest_request(operation: *mut u8, payload: *mut u8);
    fn __guest_response(payload: *const u8, length: usize);
    fn __guest_error(text: *const u8, length: usize);
    fn __host_call(
        binding: *const u8,
        binding_length: usize,
        namespace: *const u8,
        namespace_length: usize,
        operation: *const u8,
        operation_length: usize,
        payload: *const u8,
        payload_length: usize,
    ) -> i32;
    fn __host_response_len() -> usize;
    fn __host_response(payload: *mut u8);
    fn __host_error_len() -> usize;
    fn __host_error(text: *mut u8);
    fn __console_log(text: *const u8, length: usize);
}

/// Answers the pending call, whose operation and payload have these lengths, and returns what `__guest_call` returns.
pub fn answer(operations: &[Operation], operation_length: usize, payload_length: usize) -> i32 {
    report_panics();
    let (operation, payload) = request(operation_length, payload_length);
    let answer = match std::str::from_utf8(&operation) {
        Ok(operation) => dispatch(operations, operation, &payload),
        Err(_) => Err(String::from("the name of the operation is not UTF-8")),
    };
    match answer {
        Ok(payload) => respond(&payload),
        Err(text) => fail(&text),
    }
}

pub(crate) fn host_call(binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    // SAFETY: every pointer comes with the length of the slice that it is taken from; the host only reads.
    let answered = unsafe {
        __host_call(
            binding.as_ptr(),
            binding.len(),
            namespace.as_ptr(),
            namespace.len(),
            operation.as_ptr(),
            operation.len(),
            payload.as_ptr(),
            payload.len(),
        )
    };
    // Hosts disagree on the number that means failure, never on the one that means success.
    if answered == SUCCESS {
        Ok(host_response())
    } else {
        Err(host_error())
    }
}

pub(crate) fn console(text: &str) {
    // SAFETY: the host only reads, and no further than the length.
    unsafe { __console_log(text.as_ptr(), text.len()) }
}

fn request(operation_length: usize, payload_length: usize) -> (Vec<u8>, Vec<u8>) {
    let mut operation = vec![0; operation_length];
    let mut payload = vec![0; payload_length];
    // SAFETY: the lengths are those that the host gave for what it is about to write.
    unsafe { __guest_request(operation.as_mut_ptr(), payload.as_mut_ptr()) };
    (operation, payload)
}

fn respond(payload: &[u8]) -> i32 {
    // SAFETY: the host only reads, and no further than the length.
    unsafe { __guest_response(payload.as_ptr(), payload.len()) };
    SUCCESS
}

fn fail(text: &str) -> i32 {
    // SAFETY: the host only reads, and no further than the length.
    unsafe { __guest_error(text.as_ptr(), text.len()) };
    FAILURE
}

fn host_response() -> Vec<u8> {
    // SAFETY: the host writes exactly as many bytes as it has just told.
    unsafe {
        let mut payload = vec![0; __host_response_len()];
        if !payload.is_empty() {
            __host_response(payload.as_mut_ptr());
        }
        payload
    }
}

fn host_error() -> String {
    // SAFETY: the host writes exactly as many bytes as it has just told.
    let text = unsafe {
        let mut text = vec![0; __host_error_len()];
        if !text.is_empty() {
            __host_error(text.as_mut_ptr());
        }
        text
    };
    String::from_utf8(text).unwrap_or_else(|_| String::from("the error of the host is not UTF-8"))
}

/// Sends the message of a panic to the console of the host, once per instance: the trap that follows has no text.
fn report_panics() {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    if !REPORTED.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|panic| console(&panic.to_string())));
    }
}
