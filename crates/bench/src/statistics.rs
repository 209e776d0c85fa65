//! From the rounds of a measure to the figures that stand for it.

use serde::{Serialize, Serializer};

/// What was taken in one round, in the measure's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// The floor.
    pub floor: f64,
    /// What is measured.
    pub measured: f64,
}

impl Round {
    /// How many times the floor it is.
    pub fn ratio(self) -> f64 {
        self.measured / self.floor
    }
}

/// The middle of some values, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The value in the middle, or halfway between the two there.
    #[serde(serialize_with = "in_thousandths")]
    pub median: f64,
    /// The least.
    #[serde(serialize_with = "in_thousandths")]
    pub min: f64,
    /// The greatest.
    #[serde(serialize_with = "in_thousandths")]
    pub max: f64,
}

/// Digits behind are noise.
fn in_thousandths<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1000.0).round() / 1000.0)
}

impl Summary {
    /// The summary of these values; `None` if there are none.
    ///
    /// ```
    /// use lattice_bench::Summary;
    ///
    /// let summary = Summary::of([3.0, 1.0, 100.0, 2.0]);
    /// assert_eq!(summary, Some(Summary { median: 2.5, min: 1.0, max: 100.0 }));
    /// ```
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(below, above), min, max })
    }
}

/// All rounds of a measure, summarised. The ratio is that of each round, not that of the summaries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The floor, in the measure's unit.
    pub floor: Summary,
    /// What was measured, in the measure's unit.
    pub measured: Summary,
    /// Measured by floor, round by round.
    pub ratio: Summary,
}

impl Figures {
    /// The figures of these rounds; `None` if there are none.
    pub fn of(rounds: &[Round]) -> Option<Self> {
        Some(Self {
            floor: Summary::of(rounds.iter().map(|round| round.floor))?,
            measured: Summary::of(rounds.iter().map(|round| round.measured))?,
            ratio: Summary::of(rounds.iter().map(|round| round.ratio()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], median: f64, min: f64, max: f64) {
        assert_eq!(Summary::of(values.iter().copied()), Some(Summary { median, min, max }), "{values:?}");
    }

    #[test]
    fn the_middle_is_a_value_or_between_two() {
        check(&[7.0], 7.0, 7.0, 7.0);
        check(&[9.0, 1.0], 5.0, 1.0, 9.0);
        check(&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0);
        check(&[4.0, 1.0, 1000.0, 2.0], 3.0, 1.0, 1000.0);
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn programs_get_no_digits_that_are_noise() {
        let summary = Summary { median: 271.72749999999996, min: 0.1 + 0.2, max: 3e9 };
        let json = serde_json::to_string(&summary).expect("it has string keys");
        assert_eq!(json, r#"{"median":271.727,"min":0.3,"max":3000000000.0}"#);
    }

    #[test]
    fn the_ratio_is_taken_round_by_round() {
        // A machine that was slow in one round was slow for both: the medians' ratio would be 2.
        let round = |floor: f64, measured: f64| Round { floor, measured };
        let figures =
            Figures::of(&[round(10.0, 15.0), round(20.0, 30.0), round(30.0, 40.0)]).expect("there are rounds");
        assert_eq!(figures.ratio.median, 1.5);
        let disturbed = [round(10.0, 12.0), round(100.0, 120.0), round(10.0, 12.0), round(60.0, 72.0)];
        let figures = Figures::of(&disturbed).expect("there are rounds");
        assert_eq!((figures.ratio.min, figures.ratio.max), (1.2, 1.2));
        assert_eq!((figures.floor.median, figures.floor.max), (35.0, 100.0));
        assert_eq!(Figures::of(&[]), None);
    }
}
