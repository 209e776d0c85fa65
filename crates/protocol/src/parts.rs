//! Answers in parts: how a list that is larger than what the server carries comes all the same, as of one moment.
//!
//! Of this project. A request with [`PARTS_HEADER`] may be answered by several messages to its reply subject, each with
//! [`PART_HEADER`]; their bodies, in the order of their numbers, are the answer.

use std::{fmt, str::FromStr};

/// The header by which a request says that its answer may come in parts; its value is `true`.
pub const PARTS_HEADER: &str = "Lattice-Parts";
/// The header that says which part a message is, see [`Part`].
pub const PART_HEADER: &str = "Lattice-Part";
/// Parts that an answer has at most: with a server's usual limit of 1 MiB, 64 MiB.
pub const MAX_PARTS: u32 = 64;

/// Which part of an answer a message is: `2/5` is the second of five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// A text that says no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a part is written like 2/5, with at most {MAX_PARTS} parts")]
pub struct PartError;

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let (number, of) = text.split_once('/').ok_or(PartError)?;
        let read = |text: &str| text.parse::<u32>().map_err(|_| PartError);
        let part = Part { number: read(number)?, of: read(of)? };
        let sound = part.number >= 1 && part.number <= part.of && part.of <= MAX_PARTS;
        sound.then_some(part).ok_or(PartError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_and_nonsense_is_not() {
        let part = Part { number: 2, of: 5 };
        assert_eq!(part.to_string().parse(), Ok(part));
        for text in ["", "2", "0/5", "6/5", "1/65", "-1/2", "a/b", "1/2/3"] {
            assert_eq!(text.parse::<Part>(), Err(PartError), "{text}");
        }
    }
}
