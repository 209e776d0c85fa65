//! What signed modules and signed archives have in common.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use lattice_claims::{AccountSeed, unix_seconds};
use lattice_protocol::error_chain;

use crate::{
    cli::SignedBy,
    fault::{Code, Fault},
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

/// When something is signed, and from when to when that is good, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) signed: SystemTime,
    pub(super) not_before: Option<u64>,
    pub(super) expires: Option<u64>,
}

impl Times {
    /// The times that were asked for.
    pub(super) fn of(by: &SignedBy) -> Result<Self, Fault> {
        let signed = by.issued_at.unwrap_or_else(SystemTime::now);
        let begin = by.not_before.map(|begin| begin.from(signed).ok_or_else(never_good)).transpose()?;
        let times = Self {
            signed,
            not_before: begin.map(unix_seconds),
            expires: by.expires_in.map(|good| unix_seconds(signed).saturating_add(good.as_secs())),
        };
        match (times.not_before, times.expires) {
            (Some(begin), Some(end)) if end < begin => Err(never_good()),
            _ => Ok(times),
        }
    }
}

fn never_good() -> Fault {
    Fault::new(Code::Usage, "the claims would expire before they are good")
        .hint("--expires-in and --not-before both count from the moment of signing")
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

/// From when on claims are good, as people read it.
pub(super) fn valid_from(not_before: Option<&String>) -> String {
    not_before.map_or_else(|| "immediately".to_owned(), Clone::clone)
}

/// When claims end, as people read it.
pub(super) fn expires(human: &str, at: Option<&String>) -> String {
    at.map_or_else(|| human.to_owned(), |at| format!("{human} ({at})"))
}

/// What people read for a truth.
pub(super) fn yes_or_no(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::When;

    fn by(expires_in: Option<u64>, not_before: Option<When>) -> SignedBy {
        let issued_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
        let expires_in = expires_in.map(Duration::from_secs);
        SignedBy { expires_in, not_before, issuer: None, issued_at, token_id: None }
    }

    #[track_caller]
    fn check(expires_in: Option<u64>, not_before: Option<When>, expect: Option<(Option<u64>, Option<u64>)>) {
        let times = Times::of(&by(expires_in, not_before));
        assert_eq!(times.ok().map(|times| (times.not_before, times.expires)), expect);
    }

    #[test]
    fn times_count_from_the_moment_of_signing() {
        let after = |seconds| Some(When::After(Duration::from_secs(seconds)));
        check(None, None, Some((None, None)));
        check(Some(60), None, Some((None, Some(1060))));
        check(Some(60), after(60), Some((Some(1060), Some(1060))));
        check(None, Some(When::At(SystemTime::UNIX_EPOCH)), Some((Some(0), None)));
        check(Some(59), after(60), None);
        check(None, after(u64::MAX), None);
        check(Some(u64::MAX), None, Some((None, Some(u64::MAX))));
    }
}
