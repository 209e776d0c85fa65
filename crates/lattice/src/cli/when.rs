//! A moment as it is typed: a time, or so long after another.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use super::duration;

/// A moment, which may depend on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// This one.
    At(SystemTime),
    /// So long after the other.
    After(Duration),
}

impl When {
    /// Reads a time and nothing else.
    pub(crate) fn time(text: &str) -> Result<SystemTime, String> {
        humantime::parse_rfc3339_weak(text).map_err(|_| "expected a time such as 2030-01-31T08:00:00Z".to_owned())
    }

    /// The moment, counted from `other` if need be; none beyond what the system can tell.
    pub(crate) fn from(self, other: SystemTime) -> Option<SystemTime> {
        match self {
            Self::At(time) => Some(time),
            Self::After(wait) => other.checked_add(wait),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let neither = |_| "expected a time such as 2030-01-31T08:00:00Z, or a duration such as 2h".to_owned();
        Self::time(text).map(Self::At).or_else(|_| duration(text).map(Self::After)).map_err(neither)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_told_apart() {
        let second = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        assert_eq!("2h".parse(), Ok(When::After(Duration::from_secs(7200))));
        for text in ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20"] {
            assert_eq!(text.parse(), Ok(When::At(second(1_700_000_000))), "{text}");
        }
        for text in ["", "soon", "2023-11-14T", "2023-13-14T22:13:20Z", "-1h"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
        assert_eq!(When::time("2h"), Err("expected a time such as 2030-01-31T08:00:00Z".to_owned()));
        assert_eq!(When::After(Duration::from_secs(5)).from(second(7)), Some(second(12)));
        assert_eq!(When::At(second(3)).from(second(7)), Some(second(3)));
        assert_eq!(When::After(Duration::MAX).from(second(7)), None);
    }
}
