//! The greeting over HTTP: contract `wasmcloud:httpserver`, from the provider's request to the page.

use lattice_guest::escape;
use lattice_guest::http::{serve, Request, Response};

use crate::greeting;

/// Answers an `HttpRequest` with an `HttpResponse`.
pub(crate) fn handle_request(payload: &[u8]) -> Result<Vec<u8>, String> {
    serve(payload, |request| match request.method {
        "GET" | "HEAD" => greet(request),
        _ => Response::text(405, "only GET and HEAD are answered here\n").with_header("allow", "GET, HEAD"),
    })
}

fn greet(request: &Request<'_>) -> Response {
    let greeting = greeting(&request.parameter("name").unwrap_or_default());
    let response = if accepts_json(request) {
        Response::json(200, ["{\"greeting\":\"", &escape::json(&greeting), "\"}\n"].concat())
    } else {
        Response::html(200, html(&greeting))
    };
    response.with_header("vary", "accept")
}

fn accepts_json(request: &Request<'_>) -> bool {
    request.header_values("accept").any(|accepted| accepted.contains("application/json"))
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Answer {
        status: u16,
        content_type: String,
        body: String,
    }

    fn ask(method: &str, query: &str, accept: &str) -> Answer {
        let header = vec![("Accept", "x/y"), ("Accept", accept)];
        read(&handle_request(&Request { method, query, header, ..Request::default() }.encode()).unwrap())
    }

    fn read(response: &[u8]) -> Answer {
        let response = Response::read(response).unwrap();
        Answer {
            status: response.status,
            content_type: response.header("content-type").unwrap().into(),
            body: String::from_utf8(response.body).unwrap(),
        }
    }

    #[test]
    fn answers_with_a_page() {
        let answer = ask("GET", "lang=en&name=Ada+L.", "text/html");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "text/html; charset=utf-8"));
        assert!(answer.body.contains("<h1>Hello, Ada L.!</h1>"), "{}", answer.body);
    }

    #[test]
    fn answers_with_json_where_that_is_accepted() {
        let answer = ask("GET", "name=%22Ada%22", "text/plain, application/json;q=0.9");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
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
