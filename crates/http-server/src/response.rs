//! An actor's response as its client gets it.

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use lattice_protocol::contract::http_server::HttpResponse;
use lattice_provider::decode as payload;

/// Fields that are about the connection or the length of the body, which this server sees to.
const OURS: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::TE];
/// The same, before there were names for them.
const OURS_TOO: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Reads an actor's response to a request with this method; its body shares the memory of `answer`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(answer: &Bytes, method: &Method) -> Result<Response<Full<Bytes>>, &'static str> {
    let read: HttpResponse<'_> = payload(answer).map_err(|_| "it is no response of the contract")?;
    let status = status(read.status_code)?;
    let body = match read.body {
        Cow::Borrowed(part) => answer.slice_ref(part),
        Cow::Owned(bytes) => bytes.into(),
    };
    let headers = fields(read.header.iter(), *method == Method::HEAD && body.is_empty())?;
    let body = if may_have_body(status) { body } else { Bytes::new() };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn status(code: u16) -> Result<StatusCode, &'static str> {
    let status = StatusCode::from_u16(code).map_err(|_| "its status is none")?;
    if status.is_informational() { Err("its status is not a final one") } else { Ok(status) }
}

fn may_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The fields that are passed on. Of a response to HEAD without a body the length is: it is that of another response.
fn fields<'a>(
    named: impl Iterator<Item = (&'a String, &'a Vec<String>)>,
    keeps_length: bool,
) -> Result<HeaderMap, &'static str> {
    let mut fields = HeaderMap::new();
    for (name, values) in named {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header field has a name that cannot be")?;
        if is_ours(&name) && !(keeps_length && name == header::CONTENT_LENGTH && is_length(values)) {
            continue;
        }
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes());
            fields.append(&name, value.map_err(|_| "a header field has a value that cannot be")?);
        }
    }
    Ok(fields)
}

fn is_ours(name: &HeaderName) -> bool {
    OURS.contains(name) || OURS_TOO.contains(&name.as_str())
}

fn is_length(values: &[String]) -> bool {
    matches!(values, [length] if length.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use lattice_protocol::contract::http_server::Header;
    use lattice_provider::encode;

    use super::*;

    fn response(status_code: u16, header: &[(&str, &[&str])], body: &str) -> Bytes {
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let header: Header = header.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect();
        encode(&HttpResponse { status_code, header, body: Cow::Borrowed(body.as_bytes()) })
    }

    async fn check(method: Method, answer: Bytes, expect: (u16, &[(&str, &str)], &str)) {
        let (head, body) = decode(&answer, &method).expect("a response").into_parts();
        let fields = head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")));
        let fields: Vec<_> = fields.collect();
        let body = body.collect().await.expect("it is there").to_bytes();
        assert_eq!((head.status.as_u16(), fields.as_slice(), &body[..]), (expect.0, expect.1, expect.2.as_bytes()));
    }

    #[test]
    fn fields_with_several_values_and_any_text_are_passed_on() {
        let fields: &[(&str, &[&str])] = &[("set-cookie", &["a=1", "b=2"]), ("X-Name", &["é"]), ("empty", &[])];
        let (head, _) = decode(&response(201, fields, ""), &Method::GET).expect("a response").into_parts();
        let shown = |name: &str| head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!((head.status.as_u16(), head.headers.keys_len()), (201, 2));
        assert_eq!(shown("set-cookie"), [b"a=1", b"b=2"]);
        assert_eq!(shown("x-name"), ["é".as_bytes()]);
    }

    #[tokio::test]
    async fn length_and_connection_are_the_servers() {
        let fields: &[(&str, &[&str])] = &[
            ("content-length", &["3"]),
            ("transfer-encoding", &["chunked"]),
            ("connection", &["close"]),
            ("keep-alive", &["x"]),
        ];
        check(Method::GET, response(200, fields, "hello"), (200, &[], "hello")).await;
        check(Method::HEAD, response(200, fields, "hello"), (200, &[], "hello")).await;
        check(Method::HEAD, response(200, fields, ""), (200, &[("content-length", "3")], "")).await;
        check(Method::HEAD, response(200, &[("content-length", &["x"])], ""), (200, &[], "")).await;
        check(Method::GET, response(204, fields, "hello"), (204, &[], "")).await;
        check(Method::GET, response(304, &[("etag", &["1"])], "hello"), (304, &[("etag", "1")], "")).await;
    }

    #[test]
    fn what_is_no_response_is_refused() {
        let check = |answer: &[u8], expect: &str| {
            let problem = decode(&Bytes::copy_from_slice(answer), &Method::GET).expect_err("no response");
            assert!(problem.contains(expect), "{problem}");
        };
        check(b"", "no response of the contract");
        check(b"\xa2hi", "no response of the contract");
        check(b"\x80", "status is none");
        check(&response(99, &[], ""), "status is none");
        check(&response(1000, &[], ""), "status is none");
        check(&response(101, &[], ""), "not a final one");
        check(&response(200, &[("a b", &["x"])], ""), "a name that cannot be");
        check(&response(200, &[("a", &["x\r\nb: c"])], ""), "a value that cannot be");
    }
}
