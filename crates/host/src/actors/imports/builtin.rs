//! The contracts that every host serves itself: logging and random numbers.

use bytes::Bytes;
use lattice_protocol::ActorKey;
use lattice_runtime::HostCall;
use serde::Deserialize;
use uuid::Uuid;

const LOGGING: &str = "wasmcloud:builtin:logging";
const NUMBERS: &str = "wasmcloud:builtin:numbergen";
/// Bytes of a log text that are kept; a log is read by people.
const MAX_TEXT: usize = 8 * 1024;

#[derive(Deserialize)]
struct LogEntry {
    level: String,
    text: String,
}

#[derive(Deserialize)]
struct Range {
    min: u32,
    max: u32,
}

/// The answer to a call of a built-in contract; `None` for every other contract.
pub(super) fn answer(actor: &ActorKey, call: &HostCall) -> Option<Result<Bytes, String>> {
    let method = call.operation.rsplit('.').next().unwrap_or_default();
    match (call.namespace.as_str(), method) {
        (LOGGING, "WriteLog") => Some(write_log(actor, &call.payload)),
        (NUMBERS, "GenerateGuid") => Some(Ok(packed(&Uuid::new_v4().to_string()))),
        (NUMBERS, "Random32") => Some(Ok(packed(&random()))),
        (NUMBERS, "RandomInRange") => Some(random_in_range(&call.payload)),
        (LOGGING | NUMBERS, _) => {
            Some(Err(format!("contract `{}` has no operation `{}`", call.namespace, call.operation)))
        }
        _ => None,
    }
}

fn write_log(actor: &ActorKey, payload: &[u8]) -> Result<Bytes, String> {
    let entry: LogEntry = rmp_serde::from_slice(payload).map_err(|error| format!("not a log entry: {error}"))?;
    let text = shortened(&entry.text);
    match entry.level.as_str() {
        "trace" => tracing::trace!(target: "lattice::actor", actor = %actor, "{text}"),
        "debug" => tracing::debug!(target: "lattice::actor", actor = %actor, "{text}"),
        "info" => tracing::info!(target: "lattice::actor", actor = %actor, "{text}"),
        "warn" => tracing::warn!(target: "lattice::actor", actor = %actor, "{text}"),
        "error" | "critical" => tracing::error!(target: "lattice::actor", actor = %actor, "{text}"),
        other => return Err(format!("unknown log level `{}`", shortened(other))),
    }
    Ok(Bytes::new())
}

fn random_in_range(payload: &[u8]) -> Result<Bytes, String> {
    let Range { min, max } =
        rmp_serde::from_slice(payload).map_err(|error| format!("not a range of numbers: {error}"))?;
    if min > max {
        return Err(format!("the range from {min} to {max} is empty"));
    }
    // Both ends belong to the range, as published hosts have it; 32 bits of surplus make the rest even enough.
    let width = u64::from(max - min) + 1;
    let wide = (u64::from(random()) << 32) | u64::from(random());
    Ok(packed(&(min + u32::try_from(wide % width).expect("less than a width of 32 bits"))))
}

/// 32 random bits: the first four bytes of a random UUID hold nothing else.
fn random() -> u32 {
    Uuid::new_v4().as_fields().0
}

fn packed<T: serde::Serialize + ?Sized>(value: &T) -> Bytes {
    rmp_serde::to_vec_named(value).expect("texts and numbers are always MessagePack").into()
}

fn shortened(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Instant};

    use lattice_runtime::CallContext;

    use super::*;

    fn check(namespace: &str, operation: &str, payload: Vec<u8>) -> Option<Result<Bytes, String>> {
        let actor = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR".parse().expect("a published key");
        let context = CallContext::new(Instant::now());
        let call = HostCall {
            binding: "default".to_owned(),
            namespace: namespace.to_owned(),
            operation: operation.to_owned(),
            payload: payload.into(),
            context,
        };
        answer(&actor, &call)
    }

    fn range(min: u32, max: u32) -> Vec<u8> {
        packed(&BTreeMap::from([("min", min), ("max", max)])).to_vec()
    }

    fn number(answer: Option<Result<Bytes, String>>) -> u32 {
        rmp_serde::from_slice(&answer.expect("built in").expect("an answer")).expect("a number")
    }

    #[test]
    fn numbers_stay_in_their_range_with_both_ends() {
        let seen: std::collections::BTreeSet<u32> =
            (0..200).map(|_| number(check(NUMBERS, "NumberGen.RandomInRange", range(7, 9)))).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [7, 8, 9]);
        number(check(NUMBERS, "NumberGen.RandomInRange", range(0, u32::MAX)));
        assert!(check(NUMBERS, "NumberGen.RandomInRange", range(2, 1)).expect("built in").is_err());
    }

    #[test]
    fn guids_are_texts() {
        let bytes = check(NUMBERS, "NumberGen.GenerateGuid", vec![]).expect("built in").expect("an answer");
        let text: String = rmp_serde::from_slice(&bytes).expect("a text");
        assert!(text.parse::<Uuid>().is_ok());
    }

    #[test]
    fn bad_arguments_are_refused() {
        assert!(check(LOGGING, "Logging.WriteLog", vec![0xc1]).expect("built in").is_err());
        assert!(check(LOGGING, "Logging.Read", vec![]).expect("built in").is_err());
        let entry = BTreeMap::from([("level", "loud"), ("text", "x")]);
        assert!(check(LOGGING, "Logging.WriteLog", packed(&entry).to_vec()).expect("built in").is_err());
    }

    #[test]
    fn other_contracts_are_not_built_in() {
        assert!(check("wasmcloud:keyvalue", "KeyValue.Get", vec![]).is_none());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert!(shortened(&"é".repeat(MAX_TEXT)).len() <= MAX_TEXT);
    }
}
