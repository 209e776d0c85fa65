//! What instances may hold: [`MemoryBudget`] for all of them together, [`Limiter`] for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::defaults::INSTANCE_OVERHEAD;

/// Bytes that one table element takes.
pub(crate) const TABLE_ELEMENT: usize = size_of::<usize>();

/// The memory that all guests share. What one takes here, no other gets until it is given back.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether less than half is in use, so that holding on to memory hurts nobody.
    pub(crate) fn is_roomy(&self) -> bool {
        self.used() < self.limit / 2
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Why an instance did not get the memory it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It reached its own limit.
    Instance,
    /// All guests together reached theirs, or the machine has no more.
    Budget,
}

/// Counts what one instance holds, refuses what is too much, and gives everything back when dropped.
#[derive(Debug)]
pub(crate) struct Limiter {
    budget: Arc<MemoryBudget>,
    limit: usize,
    held: usize,
    refused: Option<Refusal>,
}

impl Limiter {
    /// A limiter for one more instance; `None` if not even that fits into the budget.
    pub(crate) fn new(budget: Arc<MemoryBudget>, limit: usize) -> Option<Self> {
        budget.take(INSTANCE_OVERHEAD).then(|| Self { budget, limit, held: 0, refused: None })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that all instances together may hold.
    pub(crate) fn budget_limit(&self) -> usize {
        self.budget.limit
    }

    /// The last refusal, if there was one.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let refusal = if self.held.checked_add(bytes).is_none_or(|held| held > self.limit) {
            Refusal::Instance
        } else if !self.budget.take(bytes) {
            Refusal::Budget
        } else {
            self.held += bytes;
            return true;
        };
        self.refused = Some(refusal);
        false
    }

    /// The machine did not have what was granted. It stays counted until the instance goes, which is soon: to give it
    /// back here would trust the engine to report no failure but that of the last grant.
    fn failed(&mut self) {
        self.refused = Some(Refusal::Budget);
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.budget.give(self.held + INSTANCE_OVERHEAD);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Beyond its own declared maximum a memory does not grow anyway: that is no matter of limits.
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT);
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(bytes))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn limiter(budget: usize, limit: usize) -> (Arc<MemoryBudget>, Limiter) {
        let budget = Arc::new(MemoryBudget::new(budget));
        let limiter = Limiter::new(Arc::clone(&budget), limit).unwrap();
        (budget, limiter)
    }

    #[test]
    fn growth_beyond_the_own_limit_is_refused_and_remembered() {
        let (_, mut limiter) = limiter(100 * PAGE, 2 * PAGE);
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap());
        assert_eq!(limiter.refused(), Some(Refusal::Instance));
    }

    #[test]
    fn growth_beyond_the_budget_is_refused_until_another_gives_back() {
        let (budget, mut one) = limiter(4 * PAGE, 4 * PAGE);
        let mut other = Limiter::new(Arc::clone(&budget), 4 * PAGE).unwrap();
        assert!(one.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(!other.memory_growing(0, PAGE, None).unwrap());
        assert_eq!(other.refused(), Some(Refusal::Budget));
        drop(one);
        assert!(other.memory_growing(0, PAGE, None).unwrap());
    }

    #[test]
    fn the_declared_maximum_is_no_refusal_of_ours() {
        let (_, mut limiter) = limiter(100 * PAGE, 10 * PAGE);
        assert!(!limiter.memory_growing(PAGE, 2 * PAGE, Some(PAGE)).unwrap());
        assert_eq!(limiter.refused(), None);
    }

    #[test]
    fn reported_failures_make_no_room() {
        let (budget, mut limiter) = limiter(100 * PAGE, 3 * PAGE);
        assert!(limiter.memory_growing(0, 3 * PAGE, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no")).unwrap();
        limiter.table_grow_failed(wasmtime::Error::msg("no")).unwrap();
        assert_eq!(limiter.refused(), Some(Refusal::Budget));
        assert!(!limiter.memory_growing(3 * PAGE, 4 * PAGE, None).unwrap());
        assert_eq!(budget.used(), 3 * PAGE + INSTANCE_OVERHEAD);
        drop(limiter);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn tables_count_and_all_is_given_back_in_the_end() {
        let (budget, mut limiter) = limiter(100 * PAGE, PAGE);
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, PAGE, None).unwrap());
        assert!(!limiter.table_growing(10, usize::MAX, None).unwrap());
        assert_eq!(budget.used(), 10 * TABLE_ELEMENT + INSTANCE_OVERHEAD);
        drop(limiter);
        assert_eq!(budget.used(), 0);
    }
}
