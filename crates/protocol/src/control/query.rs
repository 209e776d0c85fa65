//! Queries of what the lattice knows.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Items, lenient::empty_as_none};
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
        if body.is_empty() { Ok(Self::default()) } else { decode(body) }
    }
}

impl<'de> Deserialize<'de> for LatticeQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lattice_id = deserializer.deserialize_any(QueryVisitor)?;
        Ok(Self { lattice_id })
    }
}

struct QueryVisitor;

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = Option<LatticeName>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nil, the lattice's name or a map that holds it")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        match name {
            "" => Ok(None),
            name => name.parse().map(Some).map_err(E::custom),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        NamedLattice::deserialize(MapAccessDeserializer::new(map)).map(|named| named.lattice_id)
    }
}

#[derive(Deserialize)]
struct NamedLattice {
    #[serde(default, alias = "latticeId", deserialize_with = "empty_as_none")]
    lattice_id: Option<LatticeName>,
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
