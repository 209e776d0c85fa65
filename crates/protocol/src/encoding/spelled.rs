//! Writing the keys of structs in camelCase, and telling from a body which spelling it uses.
//!
//! Only the keys of structs are respelled: the keys of labels, annotations and link values belong to their users.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Serialize, Serializer,
    de::{DeserializeOwned, IgnoredAny, Visitor},
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

use super::{Encoding, Spelling, decode};
use crate::error::DecodeError;

/// Every key of several words in the protocol, in both spellings.
const KEYS: &[(&str, &str)] = &[
    ("actor_id", "actorId"),
    ("actor_ref", "actorRef"),
    ("call_alias", "callAlias"),
    ("cluster_issuers", "clusterIssuers"),
    ("contract_id", "contractId"),
    ("ctl_host", "ctlHost"),
    ("entity_id", "entityId"),
    ("friendly_name", "friendlyName"),
    ("host_id", "hostId"),
    ("image_ref", "imageRef"),
    ("instance_id", "instanceId"),
    ("js_domain", "jsDomain"),
    ("lattice_id", "latticeId"),
    ("lattice_prefix", "latticePrefix"),
    ("link_name", "linkName"),
    ("max_concurrent", "maxConcurrent"),
    ("max_instances", "maxInstances"),
    ("nats_url", "natsUrl"),
    ("new_actor_ref", "newActorRef"),
    ("operation_id", "operationId"),
    ("prov_rpc_host", "provRpcHost"),
    ("provider_id", "providerId"),
    ("provider_ref", "providerRef"),
    ("public_key", "publicKey"),
    ("registry_type", "registryType"),
    ("rpc_host", "rpcHost"),
    ("uptime_human", "uptimeHuman"),
    ("uptime_seconds", "uptimeSeconds"),
    ("user_jwt", "userJwt"),
    ("user_seed", "userSeed"),
];

/// The camelCase key of a struct's field.
///
/// The interface file and the published JSON name two things differently, and the core link definition stays
/// snake_case inside camelCase messages.
fn camel(container: &str, field: &'static str) -> &'static str {
    match (container, field) {
        ("LinkDefinition", _) => field,
        ("StopActor", "actor_ref") => "actorId",
        ("StopProvider", "provider_ref") => "providerId",
        _ => KEYS.iter().find(|(snake, _)| *snake == field).map_or(field, |(_, camel)| camel),
    }
}

/// The spelling that the top-level keys of a body show, if any of them has several words.
pub(super) fn spelling_of(body: &[u8], encoding: Encoding) -> Option<Spelling> {
    let keys: TopKeys = decode(body).ok()?;
    let shown = keys.0.keys().find_map(|key| {
        KEYS.iter().find_map(|(snake, camel)| match key.as_str() {
            key if key == *camel => Some(Spelling::Camel),
            key if key == *snake => Some(Spelling::Snake),
            _ => None,
        })
    });
    shown.or_else(|| keys.0.contains_key("registryType").then(|| encoding.usual_spelling()))
}

/// The keys of a map, without its values.
#[derive(Deserialize)]
#[serde(transparent)]
struct TopKeys(BTreeMap<String, IgnoredAny>);

/// Fails when the body is a map with keys, none of which is a field of `T`.
pub(super) fn require_known_key<T: DeserializeOwned>(body: &[u8]) -> Result<(), DecodeError> {
    let Ok(TopKeys(keys)) = decode(body) else { return Ok(()) };
    let fields = fields_of::<T>();
    if keys.is_empty() || fields.is_empty() || fields.iter().any(|field| keys.contains_key(*field)) {
        return Ok(());
    }
    Err(DecodeError::UnknownKeys { expected: fields.join(", ") })
}

/// The field names, aliases included, that a type asks its deserializer for; none if it is not a struct.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(FieldNames { fields: &mut fields });
    fields
}

/// A deserializer that notes which fields are asked for and then gives up.
struct FieldNames<'a> {
    fields: &'a mut &'static [&'static str],
}

impl<'de> serde::Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only field names are of interest"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.fields = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A value whose struct keys are written in one spelling.
pub(super) struct Spelled<'a, T: ?Sized> {
    value: &'a T,
    spelling: Spelling,
}

impl<'a, T: ?Sized> Spelled<'a, T> {
    pub(super) fn new(value: &'a T, spelling: Spelling) -> Self {
        Self { value, spelling }
    }
}

impl<T: Serialize + ?Sized> Serialize for Spelled<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.spelling {
            Spelling::Snake => self.value.serialize(serializer),
            Spelling::Camel => self.value.serialize(Camel(serializer)),
        }
    }
}

fn spelled<T: Serialize + ?Sized>(value: &T) -> Spelled<'_, T> {
    Spelled::new(value, Spelling::Camel)
}

/// A serializer that respells struct keys on their way to another serializer.
struct Camel<S>(S);

/// A compound value in progress.
struct Compound<C> {
    inner: C,
    container: &'static str,
}

macro_rules! pass_on {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        })*
    };
}

impl<S: Serializer> Serializer for Camel<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<S::SerializeSeq>;
    type SerializeTuple = Compound<S::SerializeTuple>;
    type SerializeTupleStruct = Compound<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<S::SerializeTupleVariant>;
    type SerializeMap = Compound<S::SerializeMap>;
    type SerializeStruct = Compound<S::SerializeStruct>;
    type SerializeStructVariant = Compound<S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_i128(i128); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_u128(u128); serialize_f32(f32); serialize_f64(f64); serialize_char(char); serialize_str(&str);
        serialize_bytes(&[u8]); serialize_unit_struct(&'static str);
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&spelled(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &spelled(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &spelled(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Compound { inner: self.0.serialize_seq(len)?, container: "" })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Compound { inner: self.0.serialize_tuple(len)?, container: "" })
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Compound { inner: self.0.serialize_tuple_struct(name, len)?, container: name })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Ok(Compound { inner: self.0.serialize_tuple_variant(name, index, variant, len)?, container: name })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Compound { inner: self.0.serialize_map(len)?, container: "" })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Compound { inner: self.0.serialize_struct(name, len)?, container: name })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Ok(Compound { inner: self.0.serialize_struct_variant(name, index, variant, len)?, container: name })
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! elements {
    ($($interface:ident $method:ident;)*) => {
        $(impl<C: $interface> $interface for Compound<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&spelled(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($interface:ident)*) => {
        $(impl<C: $interface> $interface for Compound<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), C::Error> {
                self.inner.serialize_field(camel(self.container, key), &spelled(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(camel(self.container, key))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Compound<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&spelled(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
