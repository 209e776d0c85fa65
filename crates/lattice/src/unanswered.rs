//! What requests that got no good answer mean to whoever typed the command, who knows hosts and lattices and no subjects.

use std::time::Duration;

use lattice_client::RequestError;
use lattice_protocol::HostKey;

use crate::{
    connect::Lattice,
    detail::Detail,
    diagnosis::Diagnosis,
    fault::{Code, Fault},
};

/// Why a question that any host can answer has no answer.
pub(crate) fn question(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    explain(lattice, &any_host(lattice), ASK_LONGER, error)
}

/// Why a question to one host has no answer.
pub(crate) fn question_to(lattice: &Lattice, host: &HostKey, error: RequestError) -> anyhow::Error {
    to_host(lattice, host, ASK_LONGER, error)
}

/// Why a command that any host can carry out was not taken on.
pub(crate) fn command(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    explain(lattice, &any_host(lattice), MAY_HAPPEN, error)
}

/// Why a host did not take a command on.
pub(crate) fn command_to(lattice: &Lattice, host: &HostKey, error: RequestError) -> anyhow::Error {
    to_host(lattice, host, MAY_HAPPEN, error)
}

/// Saying what a command did not do.
pub(crate) trait NotDone<T> {
    /// Says that this was not done; where nobody knows, that nobody does.
    fn not_done(self, what: impl FnOnce() -> String) -> anyhow::Result<T>;
}

impl<T> NotDone<T> for anyhow::Result<T> {
    fn not_done(self, what: impl FnOnce() -> String) -> anyhow::Result<T> {
        self.map_err(|error| match Diagnosis::of(&error).code {
            Code::TimedOut => error.context(format!("{}, as far as is known", what())),
            _ => error.context(what()),
        })
    }
}

const ASK_LONGER: &str = "--timeout waits longer";
const MAY_HAPPEN: &str = "it may be done all the same: `lattice get operations` tells; --timeout waits longer";

fn any_host(lattice: &Lattice) -> String {
    format!("no host of lattice `{}` answered", lattice.target.lattice)
}

/// That nobody listens for a host means that there is no such host.
fn to_host(lattice: &Lattice, host: &HostKey, hint: &str, error: RequestError) -> anyhow::Error {
    match error {
        RequestError::NoResponders { .. } => {
            let message = format!("there is no host {host} in lattice `{}`", lattice.target.lattice);
            Fault::new(Code::NotFound, message).hint("`lattice get hosts` shows who is there").into()
        }
        error => {
            let silent = format!("host {} did not answer", Detail::Brief.key(host.as_str()));
            explain(lattice, &silent, hint, error)
        }
    }
}

/// That nobody listens for any host means that there is none.
fn explain(lattice: &Lattice, silent: &str, hint: &str, error: RequestError) -> anyhow::Error {
    match error {
        RequestError::NoResponders { .. } => lattice.nobody().into(),
        error => explain_answer(silent, hint, error),
    }
}

fn explain_answer(silent: &str, hint: &str, error: RequestError) -> anyhow::Error {
    let unheard = |within: Duration, why: &str| {
        let within = humantime::format_duration(within);
        Fault::new(Code::TimedOut, format!("{silent} within {within}{why}")).hint(hint)
    };
    match error {
        RequestError::TimedOut { timeout, .. } => unheard(timeout, "").into(),
        RequestError::Disconnected { timeout, .. } => unheard(timeout, ": the connection to the broker is down").into(),
        RequestError::Refused { error, .. } => {
            Fault::new(Code::Refused, "the host refused").caused_by(anyhow::Error::msg(error)).into()
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: RequestError, code: Code, text: &str) {
        let diagnosis = Diagnosis::of(&explain_answer("host NA… did not answer", ASK_LONGER, error));
        assert_eq!((diagnosis.code, &*diagnosis.text()), (code, text));
    }

    #[test]
    fn people_are_told_of_no_subjects() {
        let (subject, timeout) = ("wasmbus.ctl".to_owned(), Duration::from_millis(1500));
        check(
            RequestError::TimedOut { subject: subject.clone(), timeout },
            Code::TimedOut,
            "error: host NA… did not answer within 1s 500ms\nhint: --timeout waits longer",
        );
        check(
            RequestError::Disconnected { subject: subject.clone(), timeout },
            Code::TimedOut,
            "error: host NA… did not answer within 1s 500ms: the connection to the broker is down\n\
             hint: --timeout waits longer",
        );
        check(
            RequestError::Refused { subject, error: "no".to_owned(), code: None, provider_id: None },
            Code::Refused,
            "error: the host refused\n  because: no",
        );
    }

    #[test]
    fn what_may_be_done_is_not_denied() {
        let check = |code, expect: &str| {
            let ended: anyhow::Result<()> = Err(Fault::new(code, "so").into());
            let error = ended.not_done(|| "`x` was not started".to_owned()).expect_err("it failed");
            assert_eq!(error.to_string(), expect);
        };
        check(Code::Refused, "`x` was not started");
        check(Code::TimedOut, "`x` was not started, as far as is known");
    }
}
