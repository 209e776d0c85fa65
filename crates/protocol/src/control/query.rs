//! Queries of what the lattice knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Items;
use crate::{encoding::decode, error::DecodeError, id::LatticeName};

/// The body of `get.hosts`, `get.claims` and `get.links`: nothing, nil, the lattice's name, or a map that holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatticeQuery {
    /// The lattice that the body names, if it names one.
    pub lattice_id: Option<LatticeName>,
}

impl LatticeQuery {
    /// Reads the body of a query.
    ///
    /// # Errors
    /// [`DecodeError`] for a body that is none of the four.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        Ok(match decode::<Body>(body)? {
            Body::Nil(()) => Self::default(),
            Body::Name(name) if name.is_empty() => Self::default(),
            Body::Name(name) => Self { lattice_id: Some(name.try_into().map_err(refused)?) },
            Body::Map { lattice_id: None } => Self::default(),
            Body::Map { lattice_id: Some(name) } => Self { lattice_id: Some(name) },
        })
    }
}

fn refused(error: crate::error::IdError) -> DecodeError {
    DecodeError::Json { path: ".".to_owned(), source: serde::de::Error::custom(error) }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Nil(()),
    Name(String),
    Map {
        #[serde(default, alias = "latticeId")]
        lattice_id: Option<LatticeName>,
    },
}

/// The claims known to the lattice, each a map of text to text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The claims, in no order.
    ///
    /// Some hosts write null for an absent value.
    #[serde(default)]
    pub claims: Items<BTreeMap<String, Option<String>>>,
}
