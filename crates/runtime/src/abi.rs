//! The functions that a waPC module imports, under both names that modules use.
//!
//! Whatever a guest passes is checked: a pointer outside of its memory is a trap of its call. Where hosts differ, the
//! lenient way is taken: reading twice is allowed, and reading what is not there does nothing.

mod memory;

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{Caller, Linker};

use self::memory::{parts, read, write};
use crate::call::HostCall;
use crate::defaults::{MAX_ERROR_TEXT, MAX_NAME, MAX_PAYLOAD};
use crate::guest::{Guest, HostAnswer};
use crate::log::clip;

/// The name under which actors import the interface, and the one of other waPC modules.
const IMPORT_MODULES: [&str; 2] = ["wasmbus", "wapc"];

/// The function through which an actor is called: lengths of operation and payload to 1 for success.
pub(crate) const GUEST_CALL: &str = "__guest_call";

/// What is called once before the first call, in this order, where it is exported.
pub(crate) const INITIALISERS: [&str; 2] = ["_start", "wapc_init"];

/// The export, or import, that is the memory in which pointers point.
pub(crate) const MEMORY: &str = "memory";

/// What `__host_call` returns. Guests test for 1 or for 0, so a failure must be 0.
const SUCCESS: u32 = 1;
const FAILURE: u32 = 0;

/// What a guest did wrong in calling its host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{len} bytes at {ptr:#x} are outside of the guest's memory")]
    OutOfBounds { ptr: u32, len: usize },
    #[error("the module exports no memory named `memory`")]
    NoMemory,
    #[error("a response of {size} bytes is too large")]
    ResponseTooLarge { size: usize },
}

/// Eight numbers, as `__host_call` gets them: pointer and length of binding, namespace, operation and payload.
type HostCallArgs = (u32, u32, u32, u32, u32, u32, u32, u32);

/// Defines the interface.
pub(crate) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for module in IMPORT_MODULES {
        linker.func_wrap(module, "__guest_request", guest_request)?;
        linker.func_wrap(module, "__guest_response", guest_response)?;
        linker.func_wrap(module, "__guest_error", guest_error)?;
        linker.func_wrap_async(module, "__host_call", |caller: Caller<'_, Guest>, args: HostCallArgs| {
            Box::new(host_call(caller, args))
        })?;
        linker.func_wrap(module, "__host_response_len", host_response_len)?;
        linker.func_wrap(module, "__host_response", host_response)?;
        linker.func_wrap(module, "__host_error_len", host_error_len)?;
        linker.func_wrap(module, "__host_error", host_error)?;
        linker.func_wrap(module, "__console_log", console_log)?;
    }
    Ok(())
}

fn guest_request(mut caller: Caller<'_, Guest>, operation: u32, payload: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    if let Some(request) = &guest.exchange.request {
        write(memory, operation, request.operation.as_bytes())?;
        write(memory, payload, &request.payload)?;
    }
    Ok(())
}

fn guest_response(mut caller: Caller<'_, Guest>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    let response = read(memory, ptr, len)?;
    if response.len() > MAX_PAYLOAD {
        return Err(Fault::ResponseTooLarge { size: response.len() }.into());
    }
    guest.exchange.response = Some(Bytes::copy_from_slice(response));
    Ok(())
}

fn guest_error(mut caller: Caller<'_, Guest>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    guest.exchange.error = Some(clip(read(memory, ptr, len)?, MAX_ERROR_TEXT).into_owned());
    Ok(())
}

fn console_log(mut caller: Caller<'_, Guest>, ptr: u32, len: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    guest.log.text(read(memory, ptr, len)?);
    Ok(())
}

async fn host_call(mut caller: Caller<'_, Guest>, args: HostCallArgs) -> wasmtime::Result<u32> {
    let answer = match read_host_call(&mut caller, args)? {
        Ok(call) => {
            let imports = Arc::clone(&caller.data().imports);
            imports.host_call(call).await.and_then(check_response)
        }
        Err(refusal) => Err(refusal),
    };
    let (code, answer) = match answer {
        Ok(response) => (SUCCESS, HostAnswer::Response(response)),
        Err(text) => (FAILURE, HostAnswer::Error { text, fetched: false }),
    };
    caller.data_mut().exchange.host_answer = answer;
    Ok(code)
}

/// What the guest asks for. A pointer out of bounds is a fault, anything else wrong is an error for the guest to read.
fn read_host_call(caller: &mut Caller<'_, Guest>, args: HostCallArgs) -> Result<Result<HostCall, String>, Fault> {
    let (binding, binding_len, namespace, namespace_len, operation, operation_len, payload, payload_len) = args;
    let (memory, guest) = parts(caller)?;
    let binding = read(memory, binding, binding_len)?;
    let namespace = read(memory, namespace, namespace_len)?;
    let operation = read(memory, operation, operation_len)?;
    let payload = read(memory, payload, payload_len)?;
    let call = || {
        Ok(HostCall {
            binding: name("binding", binding)?,
            namespace: name("namespace", namespace)?,
            operation: name("operation", operation)?,
            payload: check_size("payload", payload, MAX_PAYLOAD).map(Bytes::copy_from_slice)?,
            context: guest.exchange.context.clone(),
        })
    };
    Ok(call())
}

fn name(what: &str, bytes: &[u8]) -> Result<String, String> {
    let bytes = check_size(what, bytes, MAX_NAME)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| format!("the {what} of the host call is not UTF-8"))
}

fn check_size<'a>(what: &str, bytes: &'a [u8], limit: usize) -> Result<&'a [u8], String> {
    if bytes.len() > limit {
        return Err(format!("the {what} of the host call has {} bytes, and at most {limit} are allowed", bytes.len()));
    }
    Ok(bytes)
}

fn check_response(response: Bytes) -> Result<Bytes, String> {
    check_size("response", &response, MAX_PAYLOAD)?;
    Ok(response)
}

fn host_response_len(caller: Caller<'_, Guest>) -> u32 {
    match &caller.data().exchange.host_answer {
        HostAnswer::Response(response) => length(response),
        _ => 0,
    }
}

fn host_response(mut caller: Caller<'_, Guest>, ptr: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    if let HostAnswer::Response(response) = &guest.exchange.host_answer {
        write(memory, ptr, response)?;
    }
    Ok(())
}

fn host_error_len(caller: Caller<'_, Guest>) -> u32 {
    match &caller.data().exchange.host_answer {
        HostAnswer::Error { text, .. } => length(text.as_bytes()),
        _ => 0,
    }
}

fn host_error(mut caller: Caller<'_, Guest>, ptr: u32) -> wasmtime::Result<()> {
    let (memory, guest) = parts(&mut caller)?;
    if let HostAnswer::Error { text, fetched } = &mut guest.exchange.host_answer {
        write(memory, ptr, text.as_bytes())?;
        *fetched = true;
    }
    Ok(())
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
