//! The greeting over HTTP: contract `wasmcloud:httpserver`, from the provider's request to the page.

use lattice_guest::msgpack::{argument, Value};

use crate::escape;
use crate::greeting;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers an `HttpRequest` with an `HttpResponse`.
pub(crate) fn handle_request(payload: &[u8]) -> Result<Vec<u8>, String> {
    let request = argument(payload)?;
    match text(&request, "method") {
        "GET" | "" => Ok(respond(&request, true)),
        "HEAD" => Ok(respond(&request, false)),
        _ => Ok(not_allowed()),
    }
}

fn respond(request: &Value<'_>, with_body: bool) -> Vec<u8> {
    let greeting = greeting(&asked_name(text(request, "queryString")));
    let (content_type, body) = if accepts_json(request) { (JSON, json(&greeting)) } else { (HTML, html(&greeting)) };
    let body = if with_body { body.as_str() } else { "" };
    response(200, [("content-type", content_type), ("vary", "accept")], body)
}

fn not_allowed() -> Vec<u8> {
    let header = [("content-type", TEXT), ("allow", "GET, HEAD")];
    response(405, header, "only GET and HEAD are answered here\n")
}

fn response(status: u64, header: [(&str, &str); 2], body: &str) -> Vec<u8> {
    let header = header.map(|(name, value)| (name, Value::Array(vec![Value::Str(value)])));
    Value::map([
        ("statusCode", Value::Uint(status)),
        ("header", Value::map(header)),
        ("body", Value::Bin(body.as_bytes())),
    ])
    .encode()
}

fn html(greeting: &str) -> String {
    let greeting = escape::html(greeting);
    [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>",
        &greeting,
        "</title>\n<h1>",
        &greeting,
        "</h1>\n<p>An actor of this lattice made this page. Try <a href=\"?name=Ada\">?name=Ada</a>.</p>\n</html>\n",
    ]
    .concat()
}

fn json(greeting: &str) -> String {
    ["{\"greeting\":\"", &escape::json(greeting), "\"}\n"].concat()
}

fn text<'a>(request: &Value<'a>, key: &str) -> &'a str {
    request.get(key).and_then(Value::as_str).unwrap_or("")
}

fn asked_name(query: &str) -> String {
    let mut fields = query.split('&');
    let name = fields.find_map(|field| field.strip_prefix("name="));
    escape::decode_query(name.unwrap_or(""))
}

fn accepts_json(request: &Value<'_>) -> bool {
    let header = request.get("header").and_then(Value::as_map);
    header
        .unwrap_or_default()
        .iter()
        .filter(|(name, _)| name.as_str().map_or(false, |name| name.eq_ignore_ascii_case("accept")))
        .filter_map(|(_, values)| values.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .any(|accepted| accepted.contains(JSON))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lattice_guest::msgpack::decode;

    struct Answer {
        status: u64,
        content_type: String,
        body: String,
    }

    fn ask(method: &str, query: &str, accept: &str) -> Answer {
        let accept = Value::Array(vec![Value::Str("x/y"), Value::Str(accept)]);
        let request = Value::map([
            ("method", Value::Str(method)),
            ("path", Value::Str("/")),
            ("queryString", Value::Str(query)),
            ("header", Value::map([("Accept", accept)])),
            ("body", Value::Bin(b"")),
        ]);
        read(&handle_request(&request.encode()).unwrap())
    }

    fn read(response: &[u8]) -> Answer {
        let response = decode(response).unwrap();
        let header = response.get("header").unwrap();
        let content_type = header.get("content-type").unwrap().as_array().unwrap();
        Answer {
            status: response.get("statusCode").unwrap().as_u64().unwrap(),
            content_type: content_type[0].as_str().unwrap().into(),
            body: String::from_utf8(response.get("body").unwrap().as_bytes().unwrap().into()).unwrap(),
        }
    }

    #[test]
    fn answers_with_a_page() {
        let answer = ask("GET", "lang=en&name=Ada+L.", "text/html");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, HTML));
        assert!(answer.body.contains("<h1>Hello, Ada L.!</h1>"), "{}", answer.body);
    }

    #[test]
    fn answers_with_json_where_that_is_accepted() {
        let answer = ask("GET", "name=%22Ada%22", "text/plain, application/json;q=0.9");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, JSON));
        assert_eq!(answer.body, "{\"greeting\":\"Hello, \\\"Ada\\\"!\"}\n");
    }

    #[test]
    fn a_name_cannot_bring_markup() {
        let answer = ask("GET", "name=%3Cscript%3E", "");
        assert!(answer.body.contains("Hello, &lt;script&gt;!"), "{}", answer.body);
        assert!(!answer.body.contains("<script>"), "{}", answer.body);
    }

    #[test]
    fn a_head_request_gets_no_body() {
        let answer = ask("HEAD", "", "");
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }

    #[test]
    fn other_methods_are_not_allowed() {
        assert_eq!(ask("POST", "", "").status, 405);
    }

    #[test]
    fn a_request_with_nothing_in_it_gets_the_page() {
        let answer = read(&handle_request(b"").unwrap());
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("Hello, World!"), "{}", answer.body);
    }

    #[test]
    fn a_broken_request_is_an_error() {
        assert!(handle_request(b"\xc1").is_err());
    }
}
