//! Whose signatures count: a list of accounts, and what becomes of those that are not in it.
//!
//! What is not signed at all is another matter, see [`Policy`](crate::Policy).

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use lattice_protocol::AccountKey;

use crate::{error::FetchError, reference::Reference};

/// What becomes of what an account has signed that is not in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownIssuers {
    /// It is accepted, as published hosts accept every issuer.
    Accept,
    /// It is accepted, and the log says so.
    Warn,
    /// It is refused.
    Refuse,
}

impl UnknownIssuers {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accept, Self::Warn, Self::Refuse];

    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl fmt::Display for UnknownIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no policy for unknown issuers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy `{text}` for unknown issuers: it is accept, warn or refuse")]
pub struct UnknownIssuersError {
    /// The text.
    text: String,
}

impl FromStr for UnknownIssuers {
    type Err = UnknownIssuersError;

    fn from_str(text: &str) -> Result<Self, UnknownIssuersError> {
        let found = Self::ALL.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| UnknownIssuersError { text: text.to_owned() })
    }
}

/// Whose signatures count. Clones share the list.
///
/// ```
/// use lattice_artifact::{Judgement, Trust};
///
/// let ours = "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB".parse()?;
/// let theirs = "ACOJJN6WUP4ODD75XEBKKTCCUJJCY5ZKQ56XVKYK4BEJWGVAOOQHZMCW".parse()?;
///
/// assert_eq!(Trust::default().judge(&theirs)?, Judgement::Accepted);
/// let trust = Trust::new([ours], None);
/// assert!(trust.judge(&theirs).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    issuers: Arc<BTreeSet<AccountKey>>,
    unknown: UnknownIssuers,
}

/// What an issuer is here, whose signature counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// In the list.
    Trusted,
    /// Not in the list, or there is none, and nobody minds.
    Accepted,
    /// Not in the list, and people are to be told.
    Suspect,
}

/// Why a signature does not count here, sound as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the issuer `{issuer}` is not trusted here: add it with `--trusted-issuer`, or let unknown issuers pass with \
     `--unknown-issuers`"
)]
pub struct UntrustedIssuer {
    /// Who signed.
    pub issuer: AccountKey,
}

impl Trust {
    /// Trusts these accounts. Where nothing is said about others, they are refused if there is a list, and accepted, as
    /// published hosts accept them, if there is none.
    pub fn new(issuers: impl IntoIterator<Item = AccountKey>, unknown: Option<UnknownIssuers>) -> Self {
        let issuers: BTreeSet<AccountKey> = issuers.into_iter().collect();
        let usual = if issuers.is_empty() { UnknownIssuers::Accept } else { UnknownIssuers::Refuse };
        Self { issuers: Arc::new(issuers), unknown: unknown.unwrap_or(usual) }
    }

    /// The same with one account more in its list, if there is one: where everybody is accepted, the list stays empty.
    #[must_use]
    pub fn with_own(self, account: AccountKey) -> Self {
        if self.issuers.is_empty() && self.unknown == UnknownIssuers::Accept {
            return self;
        }
        let issuers = self.issuers.iter().cloned().chain([account]);
        Self { issuers: Arc::new(issuers.collect()), unknown: self.unknown }
    }

    /// The accounts in the list, sorted.
    pub fn issuers(&self) -> impl Iterator<Item = &AccountKey> {
        self.issuers.iter()
    }

    /// What becomes of others.
    pub fn unknown(&self) -> UnknownIssuers {
        self.unknown
    }

    /// Whether what this account has signed counts here.
    ///
    /// # Errors
    /// [`UntrustedIssuer`] if not.
    pub fn judge(&self, issuer: &AccountKey) -> Result<Judgement, UntrustedIssuer> {
        match self.unknown {
            _ if self.issuers.contains(issuer) => Ok(Judgement::Trusted),
            UnknownIssuers::Accept => Ok(Judgement::Accepted),
            UnknownIssuers::Warn => Ok(Judgement::Suspect),
            UnknownIssuers::Refuse => Err(UntrustedIssuer { issuer: issuer.clone() }),
        }
    }

    /// Whether what is there by that reference, signed by this account, may run here. The log is told where people are to be.
    ///
    /// # Errors
    /// [`FetchError::Untrusted`] if not.
    pub fn admit(&self, reference: &Reference, issuer: &AccountKey) -> Result<(), FetchError> {
        match self.judge(issuer) {
            Ok(Judgement::Trusted | Judgement::Accepted) => Ok(()),
            Ok(Judgement::Suspect) => {
                tracing::warn!(%reference, %issuer, "it is signed by an account that is not in the list of trusted issuers");
                Ok(())
            }
            Err(source) => Err(FetchError::Untrusted { reference: reference.to_string(), source }),
        }
    }
}

impl Default for Trust {
    /// Everybody is accepted.
    fn default() -> Self {
        Self::new([], None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB";
    const OTHER: &str = "ACOJJN6WUP4ODD75XEBKKTCCUJJCY5ZKQ56XVKYK4BEJWGVAOOQHZMCW";

    fn account(text: &str) -> AccountKey {
        text.parse().expect("an account's key")
    }

    /// What becomes of the account in the list and of the other.
    fn check(list: &[&str], unknown: Option<&str>, listed: Result<Judgement, ()>, other: Result<Judgement, ()>) {
        let unknown = unknown.map(|text| text.parse().expect("a policy"));
        let trust = Trust::new(list.iter().map(|text| account(text)), unknown);
        for (key, expect) in [(LISTED, listed), (OTHER, other)] {
            let refused = Err(UntrustedIssuer { issuer: account(key) });
            assert_eq!(trust.judge(&account(key)), expect.or(refused), "{key} by {trust:?}");
        }
    }

    #[test]
    fn a_list_refuses_others_unless_it_is_said() {
        use Judgement::{Accepted, Suspect, Trusted};
        check(&[LISTED], None, Ok(Trusted), Err(()));
        check(&[LISTED], Some("refuse"), Ok(Trusted), Err(()));
        check(&[LISTED], Some("warn"), Ok(Trusted), Ok(Suspect));
        check(&[LISTED], Some("accept"), Ok(Trusted), Ok(Accepted));
        check(&[], None, Ok(Accepted), Ok(Accepted));
        check(&[], Some("accept"), Ok(Accepted), Ok(Accepted));
        check(&[], Some("warn"), Ok(Suspect), Ok(Suspect));
        check(&[], Some("refuse"), Err(()), Err(()));
        check(&[LISTED, OTHER, LISTED], None, Ok(Trusted), Ok(Trusted));
    }

    #[test]
    fn everybody_is_accepted_unless_settings_say_otherwise() {
        assert_eq!(Trust::default(), Trust::new([], Some(UnknownIssuers::Accept)));
    }

    #[test]
    fn the_own_account_joins_a_list_and_makes_none() {
        let own = || account(OTHER);
        assert_eq!(Trust::default().with_own(own()), Trust::default());
        let trust = Trust::new([account(LISTED)], None).with_own(own());
        assert_eq!(trust.issuers().map(AccountKey::as_str).collect::<Vec<_>>(), [LISTED, OTHER]);
        assert_eq!(trust.unknown(), UnknownIssuers::Refuse);
        let trust = Trust::new([], Some(UnknownIssuers::Refuse)).with_own(own());
        assert_eq!(trust.judge(&own()), Ok(Judgement::Trusted));
    }

    #[test]
    fn what_is_refused_is_told_with_its_reference() {
        let reference: Reference = "registry.example.com/mine:1".parse().expect("a reference");
        let admit = |unknown| Trust::new([account(LISTED)], Some(unknown)).admit(&reference, &account(OTHER));
        assert!(admit(UnknownIssuers::Accept).is_ok() && admit(UnknownIssuers::Warn).is_ok());
        let error = admit(UnknownIssuers::Refuse).expect_err("it is not in the list");
        let told = lattice_protocol::error_chain(&error);
        assert!(told.contains("registry.example.com/mine:1") && told.contains(OTHER), "{told}");
    }

    #[test]
    fn policies_are_words() {
        for policy in UnknownIssuers::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for text in ["", "Refuse", "deny", "accept "] {
            let error = text.parse::<UnknownIssuers>().expect_err("no policy");
            let expect = format!("unknown policy `{text}` for unknown issuers: it is accept, warn or refuse");
            assert_eq!(error.to_string(), expect);
        }
    }

    #[test]
    fn who_is_refused_and_by_which_settings_is_told() {
        let refused = Trust::new([account(LISTED)], None).judge(&account(OTHER)).expect_err("it is not in the list");
        let expect = format!(
            "the issuer `{OTHER}` is not trusted here: add it with `--trusted-issuer`, or let unknown issuers pass with \
             `--unknown-issuers`"
        );
        assert_eq!(refused.to_string(), expect);
    }
}
