//! The demo's web page: an actor behind the HTTP server, its visits in the key-value store, its greeting in a link.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use lattice_testkit::eventually;
use rustix::process::Signal;
use serde_json::Value;
use support::{DEADLINE, Daemon, Home};

/// The body of a page.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

fn visits(address: &str) -> u64 {
    let count: Value = serde_json::from_str(&get(address, "/count").expect("it is served")).expect("JSON");
    count["visits"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_counts_its_visits_and_greets_as_its_link_says() {
    let home = Home::new().await;
    let (mut up, ready) = Daemon::up(&home, &["--demo"]).await;
    let url = ready["pages"][0]["url"].as_str().expect("the page is named");
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let page = get(&address, "/").expect("the page is served");
    assert!(page.contains("<h1>Hello from the lattice</h1>"), "{page}");
    assert_eq!(visits(&address), 1);
    get(&address, "/").expect("the page is served");
    assert_eq!(visits(&address), 2);

    let values = [format!("address={address}"), "request_header.x-greeting=Good evening".to_owned()];
    let link =
        ["link", "put", "visits", "http-server", "wasmcloud:httpserver", "--value", &values[0], "--value", &values[1]];
    let put = home.run(&link).await;
    assert!(put.done().contains("confirmed"), "{put:?}");
    let page = get(&address, "/").expect("the page is served");
    assert!(page.contains("<h1>Good evening</h1>"), "{page}");

    // Whatever becomes of the server's process, another one serves the page, and nothing is lost.
    up.kill_provider("http-server");
    let page = eventually("the page is served again", DEADLINE, async || get(&address, "/")).await;
    assert!(page.contains("<h1>Good evening</h1>"), "{page}");
    assert_eq!(visits(&address), 4);
    up.signal(Signal::INT);
    assert_eq!(up.end().await, Some(0));
}
