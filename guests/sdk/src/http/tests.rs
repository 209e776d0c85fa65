use super::*;

const REQUEST: &[u8] = b"\x85\xa6method\xa4POST\xa4path\xa2/a\xabqueryString\xa3x=1\
    \xa6header\x82\xa6accept\x92\xa1a\xa1b\xa4host\x91\xa1h\xa4body\xc4\x02\x00\xff";

fn request() -> Request<'static> {
    Request {
        method: "POST",
        path: "/a",
        query: "x=1",
        header: vec![("accept", "a"), ("accept", "b"), ("host", "h")],
        body: b"\x00\xff",
    }
}

#[test]
fn a_request_is_read_and_written_as_published_sdks_have_it() {
    assert_eq!(Request::read(REQUEST), Ok(request()));
    assert_eq!(request().encode(), REQUEST);
}

#[test]
fn a_request_that_says_nothing_is_the_default_one() {
    for payload in [&b""[..], b"\xc0", b"\x80", b"\x83\xa6method\xa0\xa4path\xa0\xa6header\xc0"] {
        assert_eq!(Request::read(payload), Ok(Request::default()), "{:02x?}", payload);
    }
}

#[test]
fn what_is_no_request_is_an_error() {
    let check = |payload, expected: &str| assert_eq!(Request::read(payload), Err(expected.into()));
    check(b"\x90", "the argument must be a map with `method` and `path`, not an array");
    check(b"\x81\xa6method\x01", "`method` must be a string, not a whole number");
    check(b"\x81\xa4body\x90", "`body` must be a binary, not an array");
    check(b"\x81\xa6met", "the MessagePack ends early at byte 2");
}

#[test]
fn every_truncation_of_a_request_is_an_error() {
    for length in 1..REQUEST.len() {
        assert!(Request::read(&REQUEST[..length]).is_err(), "{} bytes", length);
    }
}

#[test]
fn a_header_field_that_is_no_text_costs_only_itself() {
    let header = b"\x81\xa6header\x84\x01\x91\xa1a\xa1b\x01\xa1c\x92\x01\xa1d\xa1e\x91\xa1f";
    assert_eq!(Request::read(header).unwrap().header, [("c", "d"), ("e", "f")]);
    assert_eq!(Request::read(b"\x81\xa6header\x01").unwrap().header, []);
}

#[test]
fn header_fields_are_found_whatever_their_case() {
    let request = request();
    assert_eq!(request.header("Accept"), Some("a"));
    assert_eq!(request.header_values("ACCEPT").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(request.header("cookie"), None);
}

#[test]
fn parameters_are_decoded() {
    let of = |query| Request { query, ..Request::default() };
    assert_eq!(of("lang=en&na%6de=Ada+L.&name=B").parameter("name"), Some("Ada L.".into()));
    assert_eq!(of("name").parameter("name"), Some("".into()));
    assert_eq!(of("a=b=c").parameter("a"), Some("b=c".into()));
    assert_eq!(of("").parameter(""), None);
    let pairs: Vec<_> = of("a=1&&b&a=%C3%A9").parameters().collect();
    assert_eq!(pairs, [("a".into(), "1".into()), ("b".into(), "".into()), ("a".into(), "é".to_string())]);
}

#[test]
fn a_response_is_written_and_read_as_published_sdks_have_it() {
    let response = Response::text(404, "no")
        .with_header("set-cookie", "a=1")
        .with_header("vary", "*")
        .with_header("Set-Cookie", "b=2");
    let bytes = b"\x83\xaastatusCode\xcd\x01\x94\xa6header\x83\
        \xaccontent-type\x91\xb9text/plain; charset=utf-8\xaaset-cookie\x92\xa3a=1\xa3b=2\xa4vary\x91\xa1*\xa4body\xc4\x02no";
    assert_eq!(response.encode(), bytes);
    let read = Response::read(bytes).unwrap();
    assert_eq!((read.status, read.body.as_slice()), (404, &b"no"[..]));
    assert_eq!((read.header("SET-COOKIE"), read.header("vary"), read.header("x")), (Some("a=1"), Some("*"), None));
}

#[test]
fn a_response_says_what_its_body_is() {
    let kind = |response: Response| response.header("content-type").unwrap().to_string();
    assert_eq!(kind(Response::html(200, "<p>")), "text/html; charset=utf-8");
    assert_eq!(kind(Response::json(200, "{}")), "application/json");
    assert_eq!(kind(Response::with_body(200, "image/png", *b"\x89PNG")), "image/png");
}

#[test]
fn what_is_no_response_is_an_error() {
    let expected = Err("the answer is not a map with `statusCode` and `body`".into());
    for payload in
        [&b"\xc0"[..], b"\x80", b"\x81\xaastatusCode\xce\x00\x01\x00\x00", b"\x82\xaastatusCode\x01\xa4body\x01"]
    {
        assert_eq!(Response::read(payload), expected, "{:02x?}", payload);
    }
    assert!(Response::read(b"").is_err());
}

#[test]
fn head_is_answered_without_the_body() {
    let answer = |method| {
        let request = Request { method, ..Request::default() }.encode();
        Response::read(&serve(&request, |_| Response::text(200, "here")).unwrap()).unwrap()
    };
    assert_eq!(answer("GET"), Response::text(200, "here"));
    assert_eq!(answer("HEAD"), Response::text(200, ""));
    assert!(serve(b"\xc1", |_| Response::text(200, "")).is_err());
}
