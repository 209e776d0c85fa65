//! What signed modules and signed archives have in common.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use lattice_claims::{AccountSeed, unix_seconds};
use lattice_protocol::error_chain;

use crate::{
    fault::Fault,
    keys::{self, Keys},
    settings::Settings,
};

/// The account that signs: that of a file, or else the development key of the data directory.
pub(super) fn account(issuer: Option<&Path>, settings: &Settings) -> Result<AccountSeed, Fault> {
    match issuer {
        Some(path) => keys::read(path),
        None => Keys::of(&settings.data_dir()?).account(),
    }
}

/// When claims end that are good for so long from now on.
pub(super) fn expiry(now: SystemTime, good: Option<Duration>) -> Option<u64> {
    good.map(|good| unix_seconds(now).saturating_add(good.as_secs()))
}

/// A time as people read it.
pub(super) fn date(seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let shown = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    // Beyond the year 9999, which nothing but a damaged or forged token says.
    shown.filter(|_| seconds < 253_402_300_800).unwrap_or_else(|| seconds.to_string())
}

/// What is wrong with what was signed, if anything is.
pub(super) fn problem<E: std::error::Error>(verified: Result<impl Sized, E>) -> Option<String> {
    verified.err().map(|error| error_chain(&error))
}

/// The same as people read it.
pub(super) fn in_order(problem: Option<&String>) -> String {
    problem.map_or_else(|| "yes".to_owned(), |problem| format!("no: {problem}"))
}
