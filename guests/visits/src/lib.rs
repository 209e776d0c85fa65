//! The web actor: a page that greets, and says how often it was visited.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `HttpServer.HandleRequest` | the request of contract `wasmcloud:httpserver` | `GET /`: the page; `GET /count`: the count as JSON; any other path: a page that says that there is none |
//!
//! The count is kept through contract `wasmcloud:keyvalue`, link `default`, under the key `visits:/`. The greeting is what the
//! request says in its header field `x-greeting`, which an HTTP provider can be made to set. Without a store the page is
//! still a page: it says that there is no count, and why.
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

mod count;
mod page;

use lattice_guest::escape;
use lattice_guest::http::{serve, Request, Response};
use lattice_guest::{log, Level};

lattice_guest::actor! {
    "HttpServer.HandleRequest" => handle_request,
}

/// Header field with the greeting.
const GREETING: &str = "x-greeting";
/// The greeting where none is set.
const DEFAULT_GREETING: &str = "Hello from the lattice";

fn handle_request(payload: &[u8]) -> Result<Vec<u8>, String> {
    serve(payload, |request| respond(request).with_header("cache-control", "no-store"))
}

fn respond(request: &Request<'_>) -> Response {
    match (request.method, request.path) {
        ("GET", "/") => greet(request, count::visit),
        ("GET", "/count") => tell(count::visits()),
        // A look at the header alone is no visit, and needs no store.
        ("HEAD", "/") => greet(request, || Ok(0)),
        ("HEAD", "/count") => tell(Ok(0)),
        ("GET" | "HEAD", _) => html(404, page::missing()),
        _ => html(405, page::not_allowed()).with_header("allow", "GET, HEAD"),
    }
}

fn greet(request: &Request<'_>, visit: impl FnOnce() -> Result<i64, String>) -> Response {
    let count = visit();
    if let Err(problem) = &count {
        log(Level::Warn, &format!("cannot count a visit: {}", problem));
    }
    html(200, page::greeting(greeting(request), &count))
}

fn greeting<'a>(request: &Request<'a>) -> &'a str {
    request.header(GREETING).map(str::trim).filter(|greeting| !greeting.is_empty()).unwrap_or(DEFAULT_GREETING)
}

fn tell(count: Result<i64, String>) -> Response {
    match count {
        Ok(count) => Response::json(200, format!("{{\"visits\": {}}}\n", count)),
        Err(problem) => {
            log(Level::Warn, &format!("cannot tell the count: {}", problem));
            Response::json(503, format!("{{\"error\": \"{}\"}}\n", escape::json(&problem)))
        }
    }
}

fn html(status: u16, page: String) -> Response {
    Response::html(status, page).with_header("content-security-policy", page::POLICY)
}

#[cfg(test)]
mod tests;
