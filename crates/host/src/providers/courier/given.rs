//! A link that one process has, or should have, and when that is to be tried again.

use std::{sync::Arc, time::Duration};

use lattice_protocol::LinkDefinition;
use tokio::time::Instant;

use crate::{
    defaults::{LINK_AGAIN, LONGEST_REFUSED, REFUSED_AGAIN},
    links::Standing,
};

/// A link that the process has, or should have.
pub(super) struct Given {
    pub(super) link: Arc<LinkDefinition>,
    /// The link before it, which the process may still have, as what was to replace it could not be sent.
    pub(super) before: Option<Arc<LinkDefinition>>,
    /// Whether it is the deletion of the link that counts.
    pub(super) leaving: bool,
    /// When it is to be tried again, if ever.
    pub(super) again: Option<Instant>,
    /// What was tried, if it did not arrive.
    pub(super) failed_at: Option<Tries>,
}

/// The tries of a link that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tries {
    /// The revision at which the link stood.
    revision: u64,
    /// How often the provider has refused it since somebody put it, one time after the other.
    refused: u32,
}

impl Given {
    pub(super) fn new(link: Arc<LinkDefinition>, again: Option<Instant>) -> Self {
        Self { link, before: None, leaving: false, again, failed_at: None }
    }

    /// Whether there is something to be done now about a link that is to be this one, or is to be none.
    pub(super) fn needs(&self, wanted: Option<&Standing>) -> bool {
        match wanted {
            Some(standing) => {
                self.leaving || self.link != standing.link || self.is_due() || self.is_put_again(standing.revision)
            }
            None => !self.leaving || self.is_due(),
        }
    }

    /// Whether exactly this was tried and did not arrive.
    pub(super) fn failed(&self, standing: &Standing) -> bool {
        self.tries(standing).is_some()
    }

    /// The tries of exactly this, if it did not arrive.
    pub(super) fn tries(&self, standing: &Standing) -> Option<Tries> {
        self.failed_at.filter(|tries| tries.revision == standing.revision && self.link == standing.link)
    }

    fn is_due(&self) -> bool {
        self.again.is_some_and(|at| at <= Instant::now())
    }

    /// Whether somebody has put the link since it did not arrive. What arrived is not sent again for that.
    fn is_put_again(&self, revision: u64) -> bool {
        self.failed_at.is_some_and(|tries| tries.revision != revision)
    }
}

impl Tries {
    /// One more, which the provider refused.
    pub(super) fn refused(revision: u64, earlier: Option<Tries>) -> Self {
        Self { revision, refused: earlier.map_or(0, |tries| tries.refused).saturating_add(1) }
    }

    /// One of which the provider said nothing, or nothing that can be understood.
    pub(super) fn unanswered(revision: u64) -> Self {
        Self { revision, refused: 0 }
    }

    /// How long until the next.
    pub(super) fn pause(self) -> Duration {
        match self.refused {
            0 => LINK_AGAIN,
            refused => REFUSED_AGAIN.saturating_mul(1 << (refused - 1).min(16)).min(LONGEST_REFUSED),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn standing(value: &str, revision: u64) -> Standing {
        let json = serde_json::json!({
            "actor_id": "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
            "provider_id": "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M",
            "link_name": "default", "contract_id": "acme:cache", "values": {"value": value},
        });
        Standing { link: Arc::new(serde_json::from_value(json).expect("a link")), revision }
    }

    fn refused(standing: &Standing, earlier: Option<Tries>) -> Given {
        let tries = Tries::refused(standing.revision, earlier);
        Given { failed_at: Some(tries), ..Given::new(Arc::clone(&standing.link), Some(Instant::now() + tries.pause())) }
    }

    #[test]
    fn what_is_refused_is_tried_less_and_less_often() {
        let mut tries = None;
        let pauses: Vec<u64> = (0..9)
            .map(|_| {
                let now = Tries::refused(7, tries);
                tries = Some(now);
                now.pause().as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(Tries { revision: 7, refused: u32::MAX }.pause(), LONGEST_REFUSED);
        assert_eq!(Tries::refused(7, Some(Tries::unanswered(7))).pause(), REFUSED_AGAIN);
    }

    /// History: what was refused once was never tried again.
    #[tokio::test(start_paused = true)]
    async fn regression_a_refused_link_is_tried_again_after_a_while() {
        let stands = standing("a", 7);
        let given = refused(&stands, None);
        assert!(!given.needs(Some(&stands)) && given.failed(&stands));
        advance(REFUSED_AGAIN).await;
        assert!(given.needs(Some(&stands)));
        let given = refused(&stands, given.tries(&stands));
        advance(REFUSED_AGAIN).await;
        assert!(!given.needs(Some(&stands)));
        advance(REFUSED_AGAIN).await;
        assert!(given.needs(Some(&stands)));
    }

    /// History: to put the same link again changed nothing, and told the reason that it had been refused for before.
    #[tokio::test(start_paused = true)]
    async fn regression_a_refused_link_is_tried_at_once_when_it_is_put_again() {
        let (first, again) = (standing("a", 7), standing("a", 8));
        let given = refused(&first, Some(Tries { revision: 7, refused: 5 }));
        assert!(given.needs(Some(&again)) && !given.failed(&again));
        assert_eq!(Tries::refused(8, given.tries(&again)).pause(), REFUSED_AGAIN, "it begins anew");
        assert!(given.needs(Some(&standing("b", 7))) && given.needs(None));
        // What the provider has is not sent to it again.
        assert!(!Given::new(Arc::clone(&first.link), None).needs(Some(&again)));
    }
}
