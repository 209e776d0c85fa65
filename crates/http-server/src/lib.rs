//! The capability provider `wasmcloud:httpserver`: HTTP requests become calls of actors.
//!
//! Each link says where its actor takes requests. Keys of its values, in upper or lower case:
//!
//! | key | value | without it |
//! |---|---|---|
//! | `address` | IP address and port, `0.0.0.0:8080` | `127.0.0.1:8000` |
//! | `port` | a port of 127.0.0.1; counts more than `address`, and 0 is any | |
//! | `path` | the paths that it answers: this one and all below it | `/` |
//! | `health_path` | a path below it that the server answers itself, `alive`, for those who watch over servers | none |
//! | `timeout_ms` | how long the actor may take for an answer | what the host says for calls |
//! | `max_content_len` | bytes of a request's body, also as `10m` | `10m` |
//! | `max_requests` | requests at once; one more is answered 503 | 1024 |
//! | `request_header.NAME` | a header field that each request has for the actor, whatever the client sent | |
//! | `config_json`, `config_b64` | the first seven as JSON, also in base64; and `tls` | |
//!
//! `tls` is an object of `cert_file` and `priv_key_file`, PEM files on the provider's machine; `timeout_ms` and `port` may
//! be numbers. Keys in the link count more than the JSON. Links on the same address share it, and the longest path wins.
//!
//! HTTP/1.1 and HTTP/2 are spoken, both with TLS and without. The actor gets a request's path and query as they came. It is
//! answered 413 if the body is too large, 408 if it is too slow, 404 if no link has the path, 503 if the actor does not
//! answer in time, does not run or has too much to do, and 500 if it fails or what it answers is no response.

mod answer;
mod defaults;
mod error;
mod listener;
mod request;
mod response;
mod routes;
mod run;
mod server;
mod settings;
mod tls;

pub use run::run;
pub use server::HttpServer;
