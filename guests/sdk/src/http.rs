//! Contract `wasmcloud:httpserver`: requests that a provider hands to the actor, and the responses to them.
//!
//! ```
//! use lattice_guest::http::{serve, Request, Response};
//!
//! fn handle(payload: &[u8]) -> Result<Vec<u8>, String> {
//!     serve(payload, |request| match request.path {
//!         "/" => Response::text(200, format!("Hello, {}!\n", request.parameter("name").unwrap_or_default())),
//!         _ => Response::text(404, "there is nothing here\n"),
//!     })
//! }
//!
//! lattice_guest::actor! {
//!     "HttpServer.HandleRequest" => handle,
//! }
//!
//! # fn main() {
//! let request = Request { query: "name=Ada+L.", ..Request::default() };
//! let answer = handle(&request.encode()).unwrap();
//! assert_eq!(Response::read(&answer), Ok(Response::text(200, "Hello, Ada L.!\n")));
//! # }
//! ```
//!
//! Keys and types are those of github.com/wasmCloud/interfaces at a418af8, `httpserver/rust/src/httpserver.rs`.

mod header;
mod request;
mod response;

pub use request::Request;
pub use response::Response;

/// Answers the payload of `HttpServer.HandleRequest` with the response of `respond`, which need not mind `HEAD`: what
/// answers that method goes out without its body.
///
/// # Errors
/// If the payload is no request.
pub fn serve(payload: &[u8], respond: impl FnOnce(&Request<'_>) -> Response) -> Result<Vec<u8>, String> {
    let request = Request::read(payload)?;
    let mut response = respond(&request);
    if request.method == "HEAD" {
        response.body.clear();
    }
    Ok(response.encode())
}

#[cfg(test)]
mod tests;
