//! The tokens of bids: each names one bid, once, for some seconds, as long as the host is as it was.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;
use uuid::Uuid;

use crate::defaults::{BID_LIFE, REMEMBERED_BIDS};

/// The bids that this host made lately. They hold nothing: a bid that nobody follows costs its place here.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    bids: HashMap<String, Made>,
    /// The tokens, oldest first.
    order: VecDeque<String>,
}

/// A bid that was made.
#[derive(Debug)]
struct Made {
    at: Instant,
    /// The version of the host that the bid is about.
    version: u64,
    followed: bool,
}

/// Why a bid cannot be followed any more, and what to do then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StaleBid {
    #[error(
        "this host knows no such bid, it was made by another host, before this one started, or long ago; follow the next \
         bid, or hold a new auction"
    )]
    Unknown,
    #[error("the bid was followed by another start already; follow the next bid, or hold a new auction")]
    Followed,
    #[error(
        "the bid was made {seconds} s ago and held for {} s; follow the next bid, or hold a new auction",
        BID_LIFE.as_secs()
    )]
    Expired { seconds: u64 },
    #[error(
        "the host has changed since it made the bid: it took another command on, or other things run, or it has other \
         labels; follow the next bid, or hold a new auction"
    )]
    Changed,
}

impl Tokens {
    /// The token of a bid that is made now, about the host as it is at this version.
    pub(crate) fn issue(&mut self, version: u64, now: Instant) -> String {
        let token = format!("{version}-{}", Uuid::new_v4().simple());
        self.bids.insert(token.clone(), Made { at: now, version, followed: false });
        self.order.push_back(token.clone());
        while self.order.len() > REMEMBERED_BIDS {
            if let Some(oldest) = self.order.pop_front() {
                self.bids.remove(&oldest);
            }
        }
        token
    }

    /// The version of the host that a bid is about, if it can still be followed.
    pub(crate) fn version(&self, token: &str, now: Instant) -> Result<u64, StaleBid> {
        let bid = self.bids.get(token).ok_or(StaleBid::Unknown)?;
        let age = now.duration_since(bid.at);
        match bid.followed {
            true => Err(StaleBid::Followed),
            false if age > BID_LIFE => Err(StaleBid::Expired { seconds: age.as_secs() }),
            false => Ok(bid.version),
        }
    }

    /// Uses a token up.
    pub(crate) fn use_up(&mut self, token: &str) {
        if let Some(bid) = self.bids.get_mut(token) {
            bid.followed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bid_can_be_followed_once() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        let token = tokens.issue(7, now);
        assert!(token.starts_with("7-"));
        assert_eq!(tokens.version(&token, now + BID_LIFE), Ok(7));
        tokens.use_up(&token);
        assert_eq!(tokens.version(&token, now), Err(StaleBid::Followed));
    }

    #[test]
    fn each_bid_has_a_token_of_its_own() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        let (one, other) = (tokens.issue(7, now), tokens.issue(7, now));
        assert_ne!(one, other);
        tokens.use_up(&one);
        assert_eq!(tokens.version(&other, now), Ok(7));
    }

    #[test]
    fn old_bids_say_how_old_they_are() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        let token = tokens.issue(7, now);
        let late = now + BID_LIFE + Duration::from_secs(2);
        assert_eq!(tokens.version(&token, late), Err(StaleBid::Expired { seconds: 12 }));
    }

    #[test]
    fn made_up_tokens_are_none() {
        let mut tokens = Tokens::default();
        tokens.issue(7, Instant::now());
        for token in ["", "7", "7-", "7-0123"] {
            tokens.use_up(token);
            assert_eq!(tokens.version(token, Instant::now()), Err(StaleBid::Unknown));
        }
    }

    #[test]
    fn the_oldest_make_room() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        let first = tokens.issue(7, now);
        let second = tokens.issue(8, now);
        for _ in 0..REMEMBERED_BIDS - 1 {
            tokens.issue(9, now);
        }
        assert_eq!(tokens.version(&first, now), Err(StaleBid::Unknown));
        assert_eq!(tokens.version(&second, now), Ok(8));
        assert_eq!((tokens.bids.len(), tokens.order.len()), (REMEMBERED_BIDS, REMEMBERED_BIDS));
    }
}
