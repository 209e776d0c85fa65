use lattice_guest::dispatch;
use lattice_guest::testing::{with_host, HostCall, Record};

use super::*;

type Answer = fn(&HostCall) -> Result<Vec<u8>, String>;

/// A store with 41 visits in it before this one.
const STORE: Answer = |call| match call.operation.as_str() {
    "KeyValue.Increment" => Ok(vec![42]),
    "KeyValue.Get" => Ok(b"\x82\xa5value\xa241\xa6exists\xc3".to_vec()),
    other => Err(format!("no {}", other)),
};

/// No store, as a host says it: with something in it that a page must not take for markup.
const NO_STORE: Answer = |call| match call.namespace.as_str() {
    "wasmcloud:keyvalue" => Err("no link <default>.".into()),
    _ => Ok(Vec::new()),
};

fn ask(request: &Request<'_>, host: Answer) -> (Response, Record) {
    let payload = request.encode();
    let (answer, record) = with_host(host, || dispatch(OPERATIONS, "HttpServer.HandleRequest", &payload));
    (Response::read(&answer.unwrap()).unwrap(), record)
}

fn get(path: &str, host: Answer) -> (Response, String, Record) {
    let (response, record) = ask(&Request { path, ..Request::default() }, host);
    let body = String::from_utf8(response.body.clone()).unwrap();
    (response, body, record)
}

fn greeted(greeting: &str) -> String {
    let request = Request { header: vec![("X-Greeting", greeting)], ..Request::default() };
    String::from_utf8(ask(&request, STORE).0.body).unwrap()
}

fn operations(record: &Record) -> Vec<&str> {
    record.calls.iter().map(|call| call.operation.as_str()).collect()
}

#[test]
fn the_page_greets_and_counts() {
    let (response, page, record) = get("/", STORE);
    assert_eq!((response.status, response.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(page.contains("<title>Hello from the lattice</title>"), "{}", page);
    assert!(page.contains("<strong>42</strong> visits"), "{}", page);
    let call = HostCall {
        binding: "default".into(),
        namespace: "wasmcloud:keyvalue".into(),
        operation: "KeyValue.Increment".into(),
        payload: b"\x82\xa3key\xa8visits:/\xa5value\x01".to_vec(),
    };
    assert_eq!(record.calls, [call]);
}

#[test]
fn one_visit_is_no_visits() {
    let (_, page, _) = get("/", |_| Ok(vec![1]));
    assert!(page.contains("<strong>1</strong> visit</p>"), "{}", page);
}

#[test]
fn the_greeting_is_that_of_the_request_and_brings_no_markup() {
    assert!(greeted(" Good day ").contains("<h1>Good day</h1>"));
    assert!(greeted("<b>&").contains("<h1>&lt;b&gt;&amp;</h1>"));
    assert!(greeted(" ").contains("<h1>Hello from the lattice</h1>"));
}

#[test]
fn without_a_store_the_page_says_so_and_the_log_too() {
    let (response, page, record) = get("/", NO_STORE);
    assert_eq!(response.status, 200);
    assert!(page.contains("<h1>Hello from the lattice</h1>"), "{}", page);
    assert!(page.contains("The count of visits is not available: no link &lt;default&gt;.</p>"), "{}", page);
    assert_eq!(operations(&record), ["KeyValue.Increment", "Logging.WriteLog"]);
    assert_eq!(
        record.calls[1].payload,
        b"\x82\xa5level\xa4warn\xa4text\xd9\x28cannot count a visit: no link <default>.".to_vec()
    );
}

#[test]
fn the_count_is_told_without_counting() {
    let (response, body, record) = get("/count", STORE);
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!((body.as_str(), operations(&record)), ("{\"visits\": 41}\n", vec!["KeyValue.Get"]));
    let (_, body, _) = get("/count", |_| Ok(b"\x82\xa5value\xa0\xa6exists\xc2".to_vec()));
    assert_eq!(body, "{\"visits\": 0}\n");
}

#[test]
fn a_count_that_cannot_be_told_is_an_error_in_json() {
    let (response, body, record) = get("/count", NO_STORE);
    assert_eq!((response.status, body.as_str()), (503, "{\"error\": \"no link <default>.\"}\n"));
    assert_eq!(operations(&record), ["KeyValue.Get", "Logging.WriteLog"]);
    let (response, body, _) = get("/count", |_| Ok(b"\x82\xa5value\xa4many\xa6exists\xc3".to_vec()));
    assert_eq!(
        (response.status, body.as_str()),
        (503, "{\"error\": \"what stands under `visits:/` is not a number\"}\n")
    );
}

#[test]
fn other_paths_have_a_page_that_says_so_and_are_not_counted() {
    for path in ["/favicon.ico", "/count/", "//"] {
        let (response, page, record) = get(path, STORE);
        assert_eq!((response.status, record), (404, Record::default()), "{}", path);
        assert!(page.contains("<h1>There is no page here</h1>"), "{}", page);
    }
}

#[test]
fn head_is_answered_without_a_body_and_not_counted() {
    for (path, status) in [("/", 200), ("/count", 200), ("/nowhere", 404)] {
        let (response, record) = ask(&Request { method: "HEAD", path, ..Request::default() }, STORE);
        assert_eq!((response.status, response.body, record), (status, Vec::new(), Record::default()), "{}", path);
    }
}

#[test]
fn other_methods_are_not_allowed() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let (response, record) = ask(&Request { method, ..Request::default() }, STORE);
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{}", method);
        assert_eq!(record, Record::default());
    }
}

#[test]
fn the_pages_fetch_nothing() {
    for (path, host) in [("/", STORE), ("/", NO_STORE), ("/nowhere", STORE)] {
        let (response, page, _) = get(path, host);
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="), "{}", page);
        assert!(response.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    }
}
