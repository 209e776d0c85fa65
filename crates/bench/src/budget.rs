//! Budgets, and whether figures keep to them.

use serde::Serialize;

use crate::statistics::Figures;

/// What the median of a measure's figures is to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Budget {
    /// At most so many times the floor.
    RatioAtMost(f64),
    /// At least this share of the floor.
    RatioAtLeast(f64),
    /// At most so much more than the floor, in the measure's unit.
    AboveFloorAtMost(f64),
    /// At most so much, in the measure's unit.
    MeasuredAtMost(f64),
}

impl Budget {
    /// Whether the figures keep to it.
    pub fn is_kept_by(self, figures: &Figures) -> bool {
        match self {
            Budget::RatioAtMost(most) => figures.ratio.median <= most,
            Budget::RatioAtLeast(least) => figures.ratio.median >= least,
            Budget::AboveFloorAtMost(most) => figures.measured.median - figures.floor.median <= most,
            Budget::MeasuredAtMost(most) => figures.measured.median <= most,
        }
    }
}

/// What came of a measure and its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The budget is kept.
    Within,
    /// The budget is not kept.
    Exceeded,
    /// There is no budget.
    NoBudget,
    /// It could not be measured.
    NotMeasured,
}

impl Verdict {
    /// The verdict on figures.
    pub fn of(figures: &Figures, budget: Option<Budget>) -> Self {
        match budget {
            None => Verdict::NoBudget,
            Some(budget) if budget.is_kept_by(figures) => Verdict::Within,
            Some(_) => Verdict::Exceeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Round;

    /// With one round of these.
    fn check(floor: f64, measured: f64, budget: Option<Budget>, expect: Verdict) {
        let figures = Figures::of(&[Round { floor, measured }]).expect("there is a round");
        assert_eq!(Verdict::of(&figures, budget), expect, "{measured} over {floor} with {budget:?}");
    }

    #[test]
    fn a_budget_is_kept_up_to_its_limit() {
        check(100.0, 130.0, Some(Budget::RatioAtMost(1.3)), Verdict::Within);
        check(100.0, 131.0, Some(Budget::RatioAtMost(1.3)), Verdict::Exceeded);
        check(1000.0, 150.0, Some(Budget::RatioAtLeast(0.15)), Verdict::Within);
        check(1000.0, 149.0, Some(Budget::RatioAtLeast(0.15)), Verdict::Exceeded);
        check(1.0, 5000.0, Some(Budget::MeasuredAtMost(5000.0)), Verdict::Within);
        check(1.0, 5001.0, Some(Budget::MeasuredAtMost(5000.0)), Verdict::Exceeded);
        check(1.0, 5001.0, None, Verdict::NoBudget);
    }

    #[test]
    fn figures_that_are_no_numbers_keep_no_budget() {
        check(0.0, 0.0, Some(Budget::RatioAtMost(1.3)), Verdict::Exceeded);
        check(0.0, 0.0, Some(Budget::RatioAtLeast(0.15)), Verdict::Exceeded);
    }
}
