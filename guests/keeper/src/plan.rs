//! How many instances each host shall have: a pure function of what runs where.
//!
//! The same hosts make the same plan in whatever order they come, and a plan that is carried out makes itself again.

/// A host, as far as the plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The host's key.
    pub(crate) id: String,
    /// How many instances run there.
    pub(crate) has: u32,
    /// Whether it would start more: whether it bids.
    pub(crate) bids: bool,
    /// Whether its labels are those that are wanted.
    pub(crate) fits: bool,
}

impl Host {
    /// Whether it may have instances: one that has some need not bid to keep them.
    pub(crate) fn is_eligible(&self) -> bool {
        self.bids || self.fits && self.has > 0
    }
}

/// No host would start what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoBidder {
    /// How many instances run on hosts that may have them.
    pub(crate) running: u32,
}

/// Returns how many instances each of the hosts shall have, so that as many run as are wanted, spread evenly.
///
/// Only hosts that bid get more than they have, and hosts that are not eligible get none.
pub(crate) fn targets(hosts: &[Host], wanted: u16) -> Result<Vec<u32>, NoBidder> {
    let mut plan = Plan::new(hosts, wanted);
    plan.add()?;
    plan.remove();
    plan.even_out();
    Ok(plan.targets)
}

struct Plan<'a> {
    hosts: &'a [Host],
    /// The places of the hosts that may have instances, by their keys.
    eligible: Vec<usize>,
    targets: Vec<u32>,
    wanted: u32,
}

impl<'a> Plan<'a> {
    fn new(hosts: &'a [Host], wanted: u16) -> Self {
        let wanted = u32::from(wanted);
        let mut eligible: Vec<_> = (0..hosts.len()).filter(|&place| hosts[place].is_eligible()).collect();
        eligible.sort_unstable_by_key(|&place| &hosts[place].id);
        // No host keeps more than are wanted in all, however many it says it has.
        let first = |host: &Host| if host.is_eligible() { host.has.min(wanted) } else { 0 };
        Self { hosts, eligible, targets: hosts.iter().map(first).collect(), wanted }
    }

    /// Adds to the host with the fewest until there are enough.
    fn add(&mut self) -> Result<(), NoBidder> {
        for running in self.sum()..self.wanted {
            let host = self.fewest().ok_or(NoBidder { running })?;
            self.targets[host] += 1;
        }
        Ok(())
    }

    /// Removes from the host with the most until there are no more than enough.
    fn remove(&mut self) {
        for _ in self.wanted..self.sum() {
            if let Some(host) = self.most() {
                self.targets[host] -= 1;
            }
        }
    }

    /// Moves one from the host with the most to that with the fewest, as long as that makes them more alike.
    fn even_out(&mut self) {
        while let (Some(most), Some(fewest)) = (self.most(), self.fewest()) {
            if self.targets[most] < self.targets[fewest] + 2 {
                return;
            }
            self.targets[most] -= 1;
            self.targets[fewest] += 1;
        }
    }

    fn sum(&self) -> u32 {
        self.targets.iter().fold(0, |sum, target| sum.saturating_add(*target))
    }

    /// The first by key of those with the fewest, among the hosts that bid: who does not may have to give, and never
    /// gives so many that it would have to get one back.
    fn fewest(&self) -> Option<usize> {
        let bidders = self.eligible.iter().copied().filter(|&place| self.hosts[place].bids);
        bidders.min_by_key(|&place| self.targets[place])
    }

    /// The last by key of those with the most.
    fn most(&self) -> Option<usize> {
        self.eligible.iter().copied().max_by_key(|&place| self.targets[place])
    }
}

#[cfg(test)]
mod tests;
