//! Reading arguments: bounded in bytes and in how many values they hold, before anything is kept of them.

use std::{cell::Cell, fmt};

use lattice_protocol::{
    Encoding,
    contract::lattice_control::{ErrorCode, Operation},
    decode, decode_command, error_chain,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use crate::{
    defaults::{ARGUMENT_BYTES, ARGUMENT_DEPTH, ARGUMENT_VALUES, CONFIGURED_BYTES},
    error::Refusal,
};

/// By this byte some programs say that MessagePack follows.
const MESSAGE_PACK_FOLLOWS: u8 = 0xc1;

/// Whether an argument is of a size that can be meant, before it waits for anything.
pub(crate) fn require_size(operation: Operation, payload: &[u8]) -> Result<(), Refusal> {
    let most = if operation == Operation::StartProvider { CONFIGURED_BYTES } else { ARGUMENT_BYTES };
    match payload.len() > most {
        true => {
            let text = format!("the argument has {} bytes, at most {most} are read", payload.len());
            Err(Refusal::new(ErrorCode::TooLarge, text))
        }
        false => Ok(()),
    }
}

/// The argument that is a map.
pub(crate) fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Refusal> {
    decode_command(bounded(payload)?).map_err(|error| unreadable(&error))
}

/// The argument that is a bare value.
pub(crate) fn read_bare<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Refusal> {
    decode(bounded(payload)?).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::error::Error) -> Refusal {
    Refusal::invalid(format!("the argument is not what the operation takes: {}", error_chain(error)))
}

/// An argument that is MessagePack, and does not hold too much to be kept.
fn bounded(payload: &[u8]) -> Result<&[u8], Refusal> {
    let bytes = payload.strip_prefix(&[MESSAGE_PACK_FOLLOWS]).unwrap_or(payload);
    if Encoding::of(bytes) == Some(Encoding::Json) {
        return Err(Refusal::invalid("the argument is not what the operation takes: it is no MessagePack"));
    }
    let count = Cell::new(0);
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(ARGUMENT_DEPTH);
    // What else is wrong with it, whoever reads it says better.
    let _ = Census(&count).deserialize(&mut reader);
    if count.get() > ARGUMENT_VALUES {
        let text = format!("the argument holds more than {ARGUMENT_VALUES} values");
        return Err(Refusal::new(ErrorCode::TooLarge, text));
    }
    Ok(bytes)
}

/// Counts values and keeps none.
#[derive(Clone, Copy)]
struct Census<'a>(&'a Cell<usize>);

impl Census<'_> {
    fn count<E: Error>(self) -> Result<(), E> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > ARGUMENT_VALUES { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Census<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Census<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.count()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.count()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.count()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.count()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.count()
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<(), E> {
        self.count()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.count()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.count()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.count()?;
        serde::de::IgnoredAny::deserialize(deserializer).map(drop)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.count()?;
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.count()?;
        while map.next_key_seed(self)?.is_some() {
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lattice_protocol::{ActorAuction, LatticeName};
    use lattice_provider::encode;
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_read_as_published_actors_write_them() {
        let auction = json!({ "actorRef": "x", "constraints": {"zone": "a"}, "latticeId": "prod" });
        let read: ActorAuction = read(&encode(&auction)).expect("a map");
        assert_eq!((read.actor_ref.as_str(), read.constraints.get("zone")), ("x", Some("a")));
        let bare: LatticeName = read_bare(b"\xa4prod").expect("a text");
        assert_eq!(bare.as_str(), "prod");
        assert_eq!(read_bare::<LatticeName>(b"\xc1\xa4prod").expect("a text behind its prefix"), bare);
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_kept() {
        let constraints: BTreeMap<String, &str> = (0..1_000_000).map(|n| (format!("{n:x}"), "")).collect();
        let auction = encode(&json!({ "actorRef": "x", "latticeId": "prod", "constraints": constraints }));
        let code = |payload: &[u8]| read::<ActorAuction>(payload).expect_err("too much").code;
        assert_eq!(code(&auction), ErrorCode::TooLarge);
        assert_eq!(code(&auction[..auction.len() / 2]), ErrorCode::TooLarge);
        let json = br#"{"actorRef":"x","latticeId":"prod","constraints":{}}"#;
        assert_eq!(code(json), ErrorCode::Invalid, "whose values nobody has counted");
        let size = |operation, bytes| require_size(operation, &vec![0; bytes]).map_err(|refusal| refusal.code);
        assert_eq!(size(Operation::StartProvider, CONFIGURED_BYTES), Ok(()));
        assert_eq!(size(Operation::StartProvider, CONFIGURED_BYTES + 1), Err(ErrorCode::TooLarge));
        assert_eq!(size(Operation::StartActor, ARGUMENT_BYTES), Ok(()));
        assert_eq!(size(Operation::StartActor, ARGUMENT_BYTES + 1), Err(ErrorCode::TooLarge));
        // A length that is not there, and nesting without end.
        assert_eq!(code(b"\xdf\xff\xff\xff\xff"), ErrorCode::Invalid);
        assert_eq!(code(&[0x91; 100_000]), ErrorCode::Invalid);
    }

    #[test]
    fn what_is_something_else_is_invalid() {
        for payload in [b"".as_slice(), b"\xc0", b"\x05", b"\x7f\x01", b"\x80", b"\x81\xa1x\x01", b"\xa1x"] {
            let refusal = read::<ActorAuction>(payload).expect_err("not the argument");
            assert_eq!(refusal.code, ErrorCode::Invalid, "{payload:x?}");
        }
        assert_eq!(read_bare::<LatticeName>(b"\xa3a b").expect_err("no name").code, ErrorCode::Invalid);
    }
}
