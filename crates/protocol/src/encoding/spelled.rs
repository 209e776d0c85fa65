//! Writing the keys of structs in camelCase.
//!
//! Only the keys of structs are respelled: the keys of labels, annotations and link values belong to their users.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

use super::Spelling;

/// Every key of several words in the protocol, in both spellings.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("actor_id", "actorId"),
    ("actor_instances", "actorInstances"),
    ("actor_ref", "actorRef"),
    ("call_alias", "callAlias"),
    ("cluster_issuers", "clusterIssuers"),
    ("contract_id", "contractId"),
    ("ctl_host", "ctlHost"),
    ("entity_id", "entityId"),
    ("free_memory", "freeMemory"),
    ("friendly_name", "friendlyName"),
    ("host_id", "hostId"),
    ("image_ref", "imageRef"),
    ("instance_id", "instanceId"),
    ("js_domain", "jsDomain"),
    ("last_exit", "lastExit"),
    ("lattice_id", "latticeId"),
    ("lattice_prefix", "latticePrefix"),
    ("link_id", "linkId"),
    ("link_name", "linkName"),
    ("link_revision", "linkRevision"),
    ("max_concurrent", "maxConcurrent"),
    ("max_instances", "maxInstances"),
    ("moved_from", "movedFrom"),
    ("nats_url", "natsUrl"),
    ("new_actor_ref", "newActorRef"),
    ("operation_id", "operationId"),
    ("prov_rpc_host", "provRpcHost"),
    ("provider_id", "providerId"),
    ("provider_ref", "providerRef"),
    ("public_key", "publicKey"),
    ("rpc_host", "rpcHost"),
    ("swap_micros", "swapMicros"),
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
