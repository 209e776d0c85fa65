//! Calls that an actor makes: to capability providers, to other actors, and to the log.

#[cfg(target_arch = "wasm32")]
use crate::abi as imports;
use crate::msgpack::Value;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing as imports;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something for the author of the actor.
    Debug,
    /// Something worth knowing.
    Info,
    /// Something that may turn out badly.
    Warn,
    /// Something that has gone wrong.
    Error,
}

impl Level {
    /// The level's name, as the host wants it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Returns the answer to one call out of the actor.
///
/// To a provider: `binding` is the link name, `namespace` the contract, `operation` of the form `Interface.Method`. To an
/// actor: `binding` is empty and `namespace` the actor's public key or call alias.
///
/// # Errors
/// The host's text, where it refuses the call or the other side fails.
pub fn host_call(binding: &str, namespace: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    imports::host_call(binding, namespace, operation, payload)
}

/// Writes a line to the host's log, through its built-in contract `wasmcloud:builtin:logging`.
///
/// A host that refuses it goes unheard: a log line must not fail a call.
pub fn log(level: Level, text: &str) {
    let line = Value::map([("level", Value::Str(level.name())), ("text", Value::Str(text))]);
    let _refused = host_call("default", "wasmcloud:builtin:logging", "Logging.WriteLog", &line.encode());
}

/// Writes a line to the console of the host, which needs no claims and has no level.
pub fn console(text: &str) {
    imports::console(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{with_host, HostCall};

    #[test]
    fn a_log_line_is_a_call_of_the_builtin_contract() {
        let (_, record) = with_host(|_| Ok(Vec::new()), || log(Level::Warn, "low"));
        assert_eq!(
            record.calls,
            [HostCall {
                binding: "default".into(),
                namespace: "wasmcloud:builtin:logging".into(),
                operation: "Logging.WriteLog".into(),
                payload: b"\x82\xa5level\xa4warn\xa4text\xa3low".to_vec(),
            }]
        );
    }

    #[test]
    fn a_refused_log_line_is_no_failure() {
        let (_, record) = with_host(
            |_| Err("refused".into()),
            || {
                log(Level::Info, "one");
                console("two");
            },
        );
        assert_eq!(record.calls.len(), 1);
        assert_eq!(record.console, ["two"]);
    }
}
