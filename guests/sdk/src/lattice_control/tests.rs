//! Every operation against the bytes that the lattice's own crate for the contract is held to.

mod answers;
mod errors;
mod golden;
mod operations;

use super::*;
use crate::testing::{with_host, Record};

/// The keys in the golden bytes.
const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const HOST: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
const ECHO: &str = "registry.example/echo:0.3.4";
const REDIS: &str = "registry.example/redis:0.22.0";

/// What `operate` makes of a provider that says `answer`, over the link `default`.
fn with<T>(answer: Result<&[u8], &str>, operate: impl FnOnce(LatticeControl<'_>) -> T) -> (T, Record) {
    let answer = answer.map(Vec::from).map_err(String::from);
    with_host(move |_| answer.clone(), || operate(LatticeControl::default()))
}

fn answered<T>(answer: &[u8], operate: impl FnOnce(LatticeControl<'_>) -> T) -> T {
    with(Ok(answer), operate).0
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect()
}
