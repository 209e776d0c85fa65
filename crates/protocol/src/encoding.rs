//! The encodings of control messages: MessagePack and JSON, each in camelCase and snake_case.
//!
//! MessagePack with camelCase keys is what the interface file specifies; JSON with snake_case is what published clients
//! send. Reading accepts every combination, writing follows a [`Format`].

mod keys;
mod spelled;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::DecodeError,
    redaction::{redacted, without_user_info},
};
use keys::{require_known_key, spelling_of};
use spelled::Spelled;

/// Nested deeper than any message of the protocol, shallow enough for every stack.
const MAX_DEPTH: usize = 64;

/// How the bytes of a message are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// MessagePack, maps with string keys.
    MessagePack,
    /// JSON text in UTF-8.
    Json,
}

impl Encoding {
    /// The encoding of a body, told by its first byte: every JSON text starts below 0x80, no MessagePack message does.
    ///
    /// `None` for an empty body.
    pub fn of(body: &[u8]) -> Option<Self> {
        body.first().map(|byte| if *byte < 0x80 { Encoding::Json } else { Encoding::MessagePack })
    }

    /// The encoding that a media type names (`application/json`, `application/msgpack` and its older names).
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split([';', ',']).next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Some(Encoding::Json),
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => Some(Encoding::MessagePack),
            _ => None,
        }
    }

    /// The media type sent with messages in this encoding.
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::MessagePack => "application/msgpack",
            Encoding::Json => "application/json",
        }
    }

    /// The key spelling that goes with this encoding when nothing else tells.
    pub fn usual_spelling(self) -> Spelling {
        match self {
            Encoding::MessagePack => Spelling::Camel,
            Encoding::Json => Spelling::Snake,
        }
    }
}

/// How keys of several words are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// `hostId`
    Camel,
    /// `host_id`
    Snake,
}

/// Encoding and spelling together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// How bytes are laid out.
    pub encoding: Encoding,
    /// How keys are written.
    pub spelling: Spelling,
}

impl Format {
    /// MessagePack with camelCase keys, as the interface file specifies.
    pub const MESSAGE_PACK: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Camel };
    /// JSON with snake_case keys, as published clients send and expect.
    pub const JSON: Format = Format { encoding: Encoding::Json, spelling: Spelling::Snake };

    /// The format in which a request with this body wants its answer; `None` when the body is empty.
    ///
    /// The first key of several words decides the spelling, and without one the encoding's usual spelling counts.
    pub fn of_request(body: &[u8]) -> Option<Self> {
        let encoding = Encoding::of(body)?;
        let spelling = spelling_of(body).unwrap_or(encoding.usual_spelling());
        Some(Self { encoding, spelling })
    }
}

impl From<Encoding> for Format {
    fn from(encoding: Encoding) -> Self {
        Format { encoding, spelling: encoding.usual_spelling() }
    }
}

/// The value that a message body holds, in whichever encoding and spelling it came.
///
/// Unknown keys are ignored.
///
/// # Errors
/// [`DecodeError`] names the place in the document and what is wrong there.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    match Encoding::of(body).ok_or(DecodeError::Empty)? {
        Encoding::Json => decode_json(body),
        Encoding::MessagePack => decode_message_pack(body),
    }
}

/// Like [`decode`], but refuses what is no map with text keys, and a map that holds keys but none that the type knows.
///
/// Such a body was meant for something else, and a command must not act on defaults it was never told.
///
/// # Errors
/// As [`decode`], and [`DecodeError::NotAMap`] and [`DecodeError::UnknownKeys`].
pub fn decode_command<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let value = decode(body)?;
    require_known_key::<T>(body)?;
    Ok(value)
}

fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(json_error)?;
    reader.end().map_err(|source| DecodeError::Json { path: ".".to_owned(), source: redacted(source) })?;
    Ok(value)
}

fn json_error(error: serde_path_to_error::Error<serde_json::Error>) -> DecodeError {
    DecodeError::Json { path: path(&error), source: redacted(error.into_inner()) }
}

fn message_pack_error(error: serde_path_to_error::Error<rmp_serde::decode::Error>) -> DecodeError {
    DecodeError::MessagePack { path: path(&error), source: redacted(error.into_inner()) }
}

/// Where in the document the error is; keys of maps are its sender's and may be anything.
fn path<E>(error: &serde_path_to_error::Error<E>) -> String {
    without_user_info(&error.path().to_string())
}

fn decode_message_pack<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(body);
    reader.set_max_depth(MAX_DEPTH);
    serde_path_to_error::deserialize(&mut reader).map_err(message_pack_error)
}

/// The bytes of a message in the given format.
///
/// # Panics
/// If `value` has map keys that are not strings; no type of this crate has.
pub fn encode<T: Serialize + ?Sized>(value: &T, format: Format) -> Vec<u8> {
    match format.encoding {
        Encoding::Json => encode_json(value, format.spelling),
        Encoding::MessagePack => encode_message_pack(value, format.spelling),
    }
}

fn encode_json<T: Serialize + ?Sized>(value: &T, spelling: Spelling) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::new(&mut bytes);
    Spelled::new(value, spelling).serialize(&mut writer).expect("wire types have string keys and write to memory");
    bytes
}

fn encode_message_pack<T: Serialize + ?Sized>(value: &T, spelling: Spelling) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    Spelled::new(value, spelling).serialize(&mut writer).expect("wire types have string keys and write to memory");
    bytes
}

#[cfg(test)]
mod tests;
