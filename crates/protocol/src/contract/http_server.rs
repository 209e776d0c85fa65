//! `wasmcloud:httpserver`: the contract by which actors answer HTTP requests.
//!
//! The provider calls the actor: [`HttpRequest`] to [`HttpResponse`]. Both are MessagePack maps with camelCase keys.
//! Source: `wasmcloud-interface-httpserver` 0.11.0 `src/httpserver.rs`; `wasmCloud/capability-providers`
//! `httpserver-rs/src/lib.rs`.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::lenient_bytes;
use crate::control::lenient::nil_as_default;

/// The contract's id.
pub const CONTRACT_ID: &str = "wasmcloud:httpserver";
/// The one operation, as it stands in an invocation.
pub const HANDLE_REQUEST: &str = "HttpServer.HandleRequest";

/// Header fields by name, each with its values in order.
pub type Header = BTreeMap<String, Vec<String>>;

/// A request. `H` is whatever serializes as [`Header`] does, so that a server can write what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "H: Deserialize<'de> + Default"))]
pub struct HttpRequest<'a, H = Header> {
    /// The method, in upper case.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub method: Cow<'a, str>,
    /// The path as it was sent, without the query.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub path: Cow<'a, str>,
    /// The query as it was sent, without its `?`; empty without one.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub query_string: Cow<'a, str>,
    /// The header fields, their names in lower case.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub header: H,
    /// The body.
    #[serde(borrow, default, deserialize_with = "lenient_bytes", serialize_with = "bytes")]
    pub body: Cow<'a, [u8]>,
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse<'a> {
    /// The status, 200 for instance. 0, which is none, if the actor left it out.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub status_code: u16,
    /// The header fields.
    #[serde(default, deserialize_with = "nil_as_default")]
    pub header: Header,
    /// The body; borrowed from the payload that it was read from.
    #[serde(borrow, default, deserialize_with = "lenient_bytes", serialize_with = "bytes")]
    pub body: Cow<'a, [u8]>,
}

fn bytes<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T: Serialize>(value: &T) -> Vec<u8> {
        rmp_serde::to_vec_named(value).expect("it serializes")
    }

    fn header() -> Header {
        [("accept".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into()
    }

    /// Golden: the keys and shapes of the published interface.
    #[test]
    fn requests_and_responses_are_written_as_published() {
        let request = HttpRequest {
            method: "GET".into(),
            path: "/a".into(),
            query_string: "q=1".into(),
            header: header(),
            body: Cow::Borrowed(b"\x00\xff"),
        };
        let bytes = [
            b"\x85\xa6method\xa3GET\xa4path\xa2/a\xabqueryString\xa3q=1".as_slice(),
            b"\xa6header\x81\xa6accept\x92\xa1a\xa1b\xa4body\xc4\x02\x00\xff",
        ];
        assert_eq!(written(&request), bytes.concat());
        assert_eq!(rmp_serde::from_slice::<HttpRequest<'_>>(&bytes.concat()).expect("a request"), request);

        let response = HttpResponse { status_code: 404, header: header(), body: Cow::Borrowed(b"no") };
        let bytes = b"\x83\xaastatusCode\xcd\x01\x94\xa6header\x81\xa6accept\x92\xa1a\xa1b\xa4body\xc4\x02no";
        assert_eq!(written(&response), bytes);
        let read: HttpResponse<'_> = rmp_serde::from_slice(bytes).expect("a response");
        assert_eq!(read, response);
        assert!(matches!(read.body, Cow::Borrowed(_)));
    }

    #[test]
    fn what_other_compilers_write_is_read() {
        let check = |bytes: &[u8], status_code: u16, body: &[u8]| {
            let read: HttpResponse<'_> = rmp_serde::from_slice(bytes).expect("a response");
            let expect = HttpResponse { status_code, header: Header::new(), body: Cow::Borrowed(body) };
            assert_eq!(read, expect, "{bytes:x?}");
        };
        check(b"\x83\xaastatusCode\xcc\xc8\xa6header\xc0\xa4body\xc0", 200, b"");
        check(b"\x82\xaastatusCode\xd1\x00\xc8\xa6header\x80", 200, b"");
        check(b"\x82\xa4body\xa2hi\xa5other\xc3", 0, b"hi");
        check(b"\x81\xa4body\x92\x01\xcc\xff", 0, b"\x01\xff");
        check(b"\x80", 0, b"");
        check(b"\x93\xcc\xc8\x80\xc4\x02hi", 200, b"hi");
        let request: HttpRequest<'_> = rmp_serde::from_slice(b"\x81\xa6method\xa3GET").expect("a request");
        assert_eq!(request, HttpRequest { method: "GET".into(), ..HttpRequest::default() });
    }

    #[test]
    fn damaged_bytes_are_errors() {
        let bytes = b"\x83\xaastatusCode\xcd\x01\x94\xa6header\x81\xa6accept\x92\xa1a\xa1b\xa4body\xc4\x02no";
        for end in 0..bytes.len() {
            assert!(rmp_serde::from_slice::<HttpResponse<'_>>(&bytes[..end]).is_err(), "{end}");
        }
        for bytes in [b"\x81\xaastatusCode\xd2\xff\xff\xff\xff".as_slice(), b"\xc0", b"\x81\xa6header\xa1a"] {
            assert!(rmp_serde::from_slice::<HttpResponse<'_>>(bytes).is_err(), "{bytes:x?}");
        }
    }
}
