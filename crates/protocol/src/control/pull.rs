//! When the source of an image is asked. Of this project.

use std::str::FromStr;

/// The header that says when the source of an image is asked for what the host may have cached, as a [`PullPolicy`]; without it
/// the host decides.
pub const PULL_HEADER: &str = "Lattice-Pull";

/// When a source is asked for what may be in the cache already.
///
/// Files are read each time, as they are there. Bytes that the cache has are never transferred again, whatever the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PullPolicy {
    /// The source is asked each time what a reference is now, unless the reference itself names a digest.
    #[default]
    Always,
    /// The source is asked if the cache does not know the reference or has lost what it was.
    IfNotPresent,
    /// The source is not asked: what the cache does not have is refused.
    Never,
}

impl PullPolicy {
    /// The policy as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PullPolicy::Always => "always",
            PullPolicy::IfNotPresent => "if-not-present",
            PullPolicy::Never => "never",
        }
    }
}

/// A text that is no pull policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown pull policy `{text}`; there are `always`, `if-not-present` and `never`")]
pub struct UnknownPullPolicy {
    text: String,
}

impl FromStr for PullPolicy {
    type Err = UnknownPullPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPullPolicy> {
        let all = [PullPolicy::Always, PullPolicy::IfNotPresent, PullPolicy::Never];
        let found = all.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| UnknownPullPolicy { text: text.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        for policy in [PullPolicy::Always, PullPolicy::IfNotPresent, PullPolicy::Never] {
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        let error = "Always".parse::<PullPolicy>().expect_err("it is spelled otherwise").to_string();
        assert_eq!(error, "unknown pull policy `Always`; there are `always`, `if-not-present` and `never`");
    }
}
