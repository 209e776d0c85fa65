//! [`Envelope`]: an invocation of which everything but the payload is verified.

use super::{InvocationParts, InvocationToken, hash};
use crate::error::InvocationError;

/// An invocation of which everything but the payload is verified, so that a payload which lies elsewhere is fetched for
/// genuine callers alone. It comes from [`Issuers::verify_envelope`](super::Issuers::verify_envelope).
#[derive(Clone, Debug)]
pub struct Envelope {
    token: InvocationToken,
    operation: String,
}

impl Envelope {
    /// The token fits the origin, the target and the operation; its payload does not matter.
    pub(super) fn of(token: InvocationToken, parts: &InvocationParts<'_>) -> Result<Self, InvocationError> {
        check_url(&token.metadata.origin_url, parts.origin.url(), origin_differs)?;
        check_url(&token.metadata.target_url, parts.target_url(), target_differs)?;
        Ok(Self { token, operation: parts.operation.to_owned() })
    }

    /// Checks that the token was made for this very payload, whole as it was before it was split.
    ///
    /// # Errors
    /// [`InvocationError::Hash`] if not.
    pub fn verify_payload(self, payload: &[u8]) -> Result<InvocationToken, InvocationError> {
        let claimed = &self.token.metadata;
        let found = hash(&claimed.origin_url, &claimed.target_url, &self.operation, payload);
        if claimed.hash == found { Ok(self.token) } else { Err(InvocationError::Hash) }
    }
}

fn check_url(
    claimed: &str,
    found: String,
    differs: fn(String, String) -> InvocationError,
) -> Result<(), InvocationError> {
    if claimed == found { Ok(()) } else { Err(differs(claimed.to_owned(), found)) }
}

fn origin_differs(claimed: String, found: String) -> InvocationError {
    InvocationError::Origin { claimed, found }
}

fn target_differs(claimed: String, found: String) -> InvocationError {
    InvocationError::Target { claimed, found }
}
