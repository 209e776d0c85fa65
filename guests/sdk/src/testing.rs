//! The host's stand-in on targets that have none: answers and records the calls of an actor under test.
//!
//! ```
//! use lattice_guest::{host_call, testing::with_host};
//!
//! let (answer, record) = with_host(
//!     |call| Ok(call.payload.clone()),
//!     || host_call("default", "acme:echo", "Echo.Echo", b"hello"),
//! );
//! assert_eq!(answer, Ok(b"hello".to_vec()));
//! assert_eq!(record.calls[0].namespace, "acme:echo");
//! ```

use std::cell::RefCell;

/// One call out of the actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// The link name; empty for a call to an actor.
    pub binding: String,
    /// The contract; for a call to an actor its public key or call alias.
    pub namespace: String,
    /// `Interface.Method`.
    pub operation: String,
    /// The argument, encoded.
    pub payload: Vec<u8>,
}

/// What an actor asked of its host, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The calls to providers, actors and built-in contracts.
    pub calls: Vec<HostCall>,
    /// The lines sent to the console.
    pub console: Vec<String>,
}

type Answer = Box<dyn FnMut(&HostCall) -> Result<Vec<u8>, String>>;

struct Host {
    answer: Answer,
    record: Record,
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Returns what `actor` returns and what it asked of the host while `answer` answered its calls.
///
/// Holds for the calling thread. Outside of it every host call fails. What `answer` remembers between calls it shares with
/// the test, in an `Rc` for instance.
pub fn with_host<T>(
    answer: impl FnMut(&HostCall) -> Result<Vec<u8>, String> + 'static,
    actor: impl FnOnce() -> T,
) -> (T, Record) {
    let host = Host { answer: Box::new(answer), record: Record::default() };
    let outer = HOST.with(|slot| slot.borrow_mut().replace(host));
    let returned = actor();
    let host = HOST.with(|slot| std::mem::replace(&mut *slot.borrow_mut(), outer));
    (returned, host.map(|host| host.record).unwrap_or_default())
}

pub(crate) fn host_call(binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    let call = HostCall {
        binding: binding.into(),
        namespace: namespace.into(),
        operation: operation.into(),
        payload: payload.into(),
    };
    answer(call).unwrap_or_else(|| Err(String::from("there is no host outside of `with_host`")))
}

pub(crate) fn console(text: &str) {
    HOST.with(|slot| {
        if let Some(host) = slot.borrow_mut().as_mut() {
            host.record.console.push(text.into());
        }
    });
}

fn answer(call: HostCall) -> Option<Result<Vec<u8>, String>> {
    HOST.with(|slot| {
        let mut slot = slot.borrow_mut();
        let host = slot.as_mut()?;
        host.record.calls.push(call.clone());
        Some((host.answer)(&call))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_a_call_fails() {
        let error = host_call("default", "acme:echo", "Echo.Echo", b"").unwrap_err();
        assert!(error.contains("with_host"), "{}", error);
    }

    #[test]
    fn hosts_nest_and_each_records_its_own() {
        let call = || host_call("default", "acme:echo", "Echo.Echo", b"");
        let (inner, outer) = with_host(
            |_| Ok(b"outer".to_vec()),
            || {
                let inner = with_host(|_| Ok(b"inner".to_vec()), call);
                assert_eq!(call(), Ok(b"outer".to_vec()));
                inner
            },
        );
        assert_eq!(inner.0, Ok(b"inner".to_vec()));
        assert_eq!((inner.1.calls.len(), outer.calls.len()), (1, 1));
    }

    #[test]
    fn a_host_may_remember() {
        let mut calls = 0;
        let call = || host_call("default", "acme:echo", "Echo.Echo", b"");
        let remember = move |_: &HostCall| {
            calls += 1;
            Ok(vec![calls])
        };
        let (answers, _) = with_host(remember, || [call(), call()]);
        assert_eq!(answers, [Ok(vec![1]), Ok(vec![2])]);
    }
}
