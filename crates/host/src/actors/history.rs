//! What later commands mean for an earlier one that becomes known late.
//!
//! A start names a reference, and whose key that is comes out only when it has been fetched. Commands that were taken
//! on after it, for the same key, may have been carried out by then. This is where their effect on the late start is
//! kept, so that the outcome is the same as if all had come in order.

use lattice_protocol::Annotations;

/// Commands carried out for one actor that may have to act on starts taken on before them.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    effect: Effect,
}

#[derive(Debug)]
enum Effect {
    /// The number of instances with exactly these annotations was set.
    Scaled(Annotations),
    /// All instances with at least these annotations were stopped.
    StoppedAll(Annotations),
    /// So many instances with at least these annotations were to be stopped and were not there.
    Owed(Annotations, u16),
}

impl History {
    pub(crate) fn scaled(&mut self, number: u64, annotations: Annotations) {
        self.entries.push(Entry { number, effect: Effect::Scaled(annotations) });
    }

    pub(crate) fn stopped_all(&mut self, number: u64, annotations: Annotations) {
        self.entries.push(Entry { number, effect: Effect::StoppedAll(annotations) });
    }

    pub(crate) fn owed(&mut self, number: u64, annotations: Annotations, missing: u16) {
        if missing > 0 {
            self.entries.push(Entry { number, effect: Effect::Owed(annotations, missing) });
        }
    }

    /// How many of the instances that command `number` wants to add are still wanted.
    pub(crate) fn left_of(&mut self, number: u64, annotations: &Annotations, count: u16) -> u16 {
        let later = self.entries.iter_mut().filter(|entry| entry.number > number);
        later.fold(count, |left, entry| entry.effect.left_of(annotations, left))
    }

    /// Whether a scale taken on later has set the number of instances with these annotations.
    pub(crate) fn scaled_since(&self, number: u64, annotations: &Annotations) -> bool {
        self.entries.iter().any(|entry| {
            entry.number > number
                && match &entry.effect {
                    Effect::Scaled(exact) => exact == annotations,
                    Effect::StoppedAll(part) => annotations.contains(part),
                    Effect::Owed(..) => false,
                }
        })
    }

    /// Forgets what no command can need any more: those still unknown were all taken on at `horizon` or later.
    pub(crate) fn forget_before(&mut self, horizon: u64) {
        self.entries.retain(|entry| entry.number > horizon);
    }
}

impl Effect {
    fn left_of(&mut self, annotations: &Annotations, count: u16) -> u16 {
        match self {
            Effect::Scaled(exact) if exact == annotations => 0,
            Effect::StoppedAll(part) if annotations.contains(part) => 0,
            Effect::Owed(part, owed) if annotations.contains(part) => {
                let paid = count.min(*owed);
                *owed -= paid;
                count - paid
            }
            _ => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blue() -> Annotations {
        [("color", "blue")].into_iter().collect()
    }

    #[test]
    fn a_later_stop_cancels_an_earlier_start_but_not_a_later_one() {
        let mut history = History::default();
        history.stopped_all(5, Annotations::new());
        assert_eq!(history.left_of(3, &blue(), 2), 0);
        assert_eq!(history.left_of(7, &blue(), 2), 2);
    }

    #[test]
    fn a_stop_cancels_only_what_it_matches() {
        let mut history = History::default();
        history.stopped_all(5, blue());
        assert_eq!(history.left_of(3, &Annotations::new(), 2), 2);
        assert_eq!(history.left_of(3, &blue(), 2), 0);
    }

    #[test]
    fn what_a_stop_could_not_find_is_taken_off_once() {
        let mut history = History::default();
        history.owed(5, Annotations::new(), 3);
        assert_eq!(history.left_of(1, &blue(), 2), 0);
        assert_eq!(history.left_of(2, &blue(), 2), 1);
        assert_eq!(history.left_of(3, &blue(), 2), 2);
    }

    #[test]
    fn a_later_scale_decides() {
        let mut history = History::default();
        history.scaled(5, blue());
        assert_eq!(history.left_of(3, &blue(), 2), 0);
        assert_eq!(history.left_of(3, &Annotations::new(), 2), 2);
        assert!(history.scaled_since(4, &blue()));
        assert!(!history.scaled_since(6, &blue()));
    }

    #[test]
    fn what_nobody_needs_is_forgotten() {
        let mut history = History::default();
        history.stopped_all(5, Annotations::new());
        history.forget_before(4);
        assert_eq!(history.entries.len(), 1);
        history.forget_before(5);
        assert!(history.entries.is_empty());
    }
}
