//! What becomes a module and what does not.

use std::time::Duration;

use bytes::Bytes;
use lattice_runtime::{CompileError, Module, Runtime, RuntimeConfig};
use proptest::prelude::*;

use crate::guests::{ECHO, module, wat};
use crate::host::runtime;

async fn compile(bytes: Bytes) -> Result<Module, CompileError> {
    runtime().compile(bytes, "test").await
}

#[tokio::test]
async fn a_good_module_tells_about_itself() {
    let module = compile(module(ECHO)).await.unwrap();
    assert_eq!((module.digest(), module.from_cache(), module.memory_needed()), ("test", false, 65536));
    assert!(module.is_pooled());
}

#[tokio::test]
async fn other_bytes_are_told_apart() {
    for bytes in [&b""[..], b"\0as", b"#!/bin/sh", b"\x7fELF"] {
        let error = compile(Bytes::copy_from_slice(bytes)).await.unwrap_err();
        assert!(matches!(error, CompileError::NotWasm), "{error:?}");
    }
    let error = compile(wat("(component)")).await.unwrap_err();
    assert!(matches!(error, CompileError::Component), "{error:?}");
}

#[tokio::test]
async fn a_module_cut_anywhere_is_invalid_or_no_actor() {
    // Without names and data its last section is the code, so that no part of it can be missed.
    let whole = wat(r#"(module (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#);
    let runtime = runtime();
    for end in 4..whole.len() {
        let error = runtime.compile(whole.slice(..end), "cut").await.unwrap_err();
        let told = matches!(error, CompileError::Invalid(_) | CompileError::NoGuestCall);
        assert!(told, "cut at {end}: {error:?}");
    }
}

#[tokio::test]
async fn a_module_that_is_no_actor_is_refused() {
    let error = compile(wat("(module)")).await.unwrap_err();
    assert!(matches!(error, CompileError::NoGuestCall), "{error:?}");

    for (fields, expect) in [
        (r#"(func (export "__guest_call") (param i32) (result i32) (i32.const 1))"#, "(i32) -> i32"),
        (r#"(func (export "__guest_call") (param i32 i64) (result i32) (i32.const 1))"#, "(i32, i64) -> i32"),
        (r#"(func (export "__guest_call") (param i32 i32))"#, "(i32, i32) -> ()"),
        (r#"(memory (export "__guest_call") 1)"#, "of no function"),
    ] {
        let error = compile(wat(&format!("(module {fields})"))).await.unwrap_err();
        assert!(matches!(&error, CompileError::WrongSignature { found, .. } if found == expect), "{error:?}");
    }
}

#[tokio::test]
async fn initialisers_need_their_signature() {
    let text = r#"(module
        (func (export "_start") (result i32) (i32.const 1))
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let error = compile(wat(text)).await.unwrap_err();
    assert!(matches!(error, CompileError::WrongSignature { export: "_start", .. }), "{error:?}");
}

/// An actor with this import.
fn importing(import: &str) -> Bytes {
    wat(&format!(r#"(module {import} (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#))
}

#[tokio::test]
async fn unknown_imports_are_named() {
    for (module, name) in [("env", "abort"), ("wasmbus", "__host_cal"), ("wasi_snapshot_preview1", "fd_dance")] {
        let error = compile(importing(&format!(r#"(import "{module}" "{name}" (func))"#))).await.unwrap_err();
        let CompileError::UnknownImport { module: found_module, name: found_name } = error else { panic!("{error:?}") };
        assert_eq!((found_module.as_str(), found_name.as_str()), (module, name));
    }
    // The memory that is offered does not hide what else is asked for.
    let error =
        compile(importing(r#"(import "" "memory" (memory 1)) (import "env" "abort" (func))"#)).await.unwrap_err();
    assert!(matches!(&error, CompileError::UnknownImport { name, .. } if name == "abort"), "{error:?}");
}

#[tokio::test]
async fn imports_of_another_type_do_not_fit() {
    let error = compile(importing(r#"(import "wasmbus" "__host_call" (func (param i32)))"#)).await.unwrap_err();
    assert!(matches!(error, CompileError::WrongImport(_)), "{error:?}");
}

#[tokio::test]
async fn an_imported_memory_counts_as_needed() {
    let module = compile(importing(r#"(import "" "memory" (memory 1 2))"#)).await.unwrap();
    assert_eq!(module.memory_needed(), 2 * 65536);
    let module = compile(importing(r#"(import "" "memory" (memory 1))"#)).await.unwrap();
    assert_eq!(module.memory_needed(), 4 * 65536);
}

#[tokio::test]
async fn features_that_no_actor_needs_are_off() {
    for text in ["(memory i64 1)", "(memory 1) (memory 1)", "(type (struct (field i32)))", "(tag (param i32))"] {
        let text =
            format!(r#"(module {text} (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#);
        let error = compile(wat(&text)).await.unwrap_err();
        assert!(matches!(error, CompileError::Invalid(_)), "{text}: {error:?}");
    }
}

#[tokio::test]
async fn a_module_may_not_be_too_large() {
    let runtime = Runtime::new(RuntimeConfig::default().memory(1 << 26).module_bytes(100)).unwrap();
    let error = runtime.compile(module(ECHO), "large").await.unwrap_err();
    assert!(matches!(error, CompileError::TooLarge { limit: 100, .. }), "{error:?}");
}

/// Regression: a function of 7 MB took the compiler more memory than small machines have.
#[tokio::test]
async fn a_function_may_not_be_too_large() {
    let error = compile(module(&format!("{} (i32.const 1)", "nop ".repeat(1 << 20)))).await.unwrap_err();
    assert!(matches!(error, CompileError::FunctionTooLarge { size, limit } if size > limit), "{error:?}");
}

/// A module whose one function takes the compiler a while.
fn slow_to_compile() -> Bytes {
    let step = "(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.load (local.get 0))))".repeat(20_000);
    wat(&format!(
        r#"(module (memory (export "memory") 1)
            (func (export "__guest_call") (param i32 i32) (result i32) {step} (i32.const 1)))"#
    ))
}

#[tokio::test]
async fn compiling_may_not_take_too_long() {
    let config = RuntimeConfig::default().memory(1 << 26).compile_threads(1).compile_timeout(Duration::from_nanos(1));
    let runtime = Runtime::new(config).unwrap();
    let error = runtime.compile(slow_to_compile(), "slow").await.unwrap_err();
    assert!(matches!(error, CompileError::TimedOut { .. }), "{error:?}");
    // It goes on in the background and keeps its turn, the only one there is.
    let error = runtime.compile(module(ECHO), "next").await.unwrap_err();
    assert!(matches!(error, CompileError::Busy { .. }), "{error:?}");
}

/// A good module with some of its bytes changed, cut or repeated.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(changes, end, cut)| {
        let mut bytes = module(ECHO).to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    })
}

#[test]
fn damaged_modules_never_break_the_compiler() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let runtime = runtime();
    proptest!(ProptestConfig::with_cases(300), |(bytes in damaged())| {
        if let Err(CompileError::Failed(cause)) = tokio.block_on(runtime.compile(bytes.into(), "damaged")) {
            prop_assert!(false, "the compiler failed: {cause}");
        }
    });
}
