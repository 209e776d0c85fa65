//! Links as clients of the earliest generation announce them, byte for byte.

mod support;

use lattice_protocol::event::EventData;
use lattice_testkit::eventually;
use support::{
    DEADLINE, Lattice,
    links::{ACTOR, OTHER_PROVIDER, PROVIDER, link, link_of},
};

const PUT: &str = "wasmbus.rpc.default.links";
const REMOVED: &str = "wasmbus.rpc.default.remlinks";

/// A text of MessagePack.
fn text(text: &str) -> Vec<u8> {
    let head = match text.len() {
        length @ ..32 => vec![0xa0 | length as u8],
        length => vec![0xd9, length as u8],
    };
    [&head, text.as_bytes()].concat()
}

/// A link as wasmCloud 0.18.2 writes it: a map of five fields, values last.
fn golden(provider: &str, name: &str, values: &[u8]) -> bytes::Bytes {
    let fields =
        [("actor_id", ACTOR), ("provider_id", provider), ("link_name", name), ("contract_id", "wasmcloud:keyvalue")];
    let fields = fields.iter().flat_map(|(key, value)| [text(key), text(value)]).flatten();
    [0x85].into_iter().chain(fields).chain(text("values")).chain(values.iter().copied()).collect()
}

/// The values `{"URL": "x"}`.
const URL_X: &[u8] = b"\x81\xa3URL\xa1x";

async fn publish(lattice: &Lattice, subject: &'static str, body: bytes::Bytes) {
    lattice.client.publish(subject, body).await.expect("sent");
}

async fn until_known(lattice: &Lattice, expect: &[&str]) {
    eventually("the links are known", DEADLINE, async || (lattice.link_names().await == expect).then_some(())).await;
}

#[test]
fn the_golden_body_is_what_it_was() {
    let expect = format!(
        "\u{85}\u{a8}actor_id\u{d9}8{ACTOR}\u{ab}provider_id\u{d9}8{PROVIDER}\u{a9}link_name\u{a7}default\
         \u{ab}contract_id\u{b2}wasmcloud:keyvalue\u{a6}values\u{81}\u{a3}URL\u{a1}x"
    );
    let expect: Vec<u8> = expect.chars().map(|c| u8::try_from(u32::from(c)).expect("one byte")).collect();
    assert_eq!(golden(PROVIDER, "default", URL_X), expect);
}

#[tokio::test]
async fn links_come_and_go() {
    let lattice = Lattice::start().await;
    publish(&lattice, PUT, golden(PROVIDER, "default", URL_X)).await;
    until_known(&lattice, &["default"]).await;
    assert_eq!(lattice.links().await, [link("default", &[("URL", "x")])]);
    // With the fields that tell which link it is, and no more.
    publish(&lattice, REMOVED, golden("", "default", b"\x80")).await;
    until_known(&lattice, &[]).await;
}

#[tokio::test]
async fn what_is_no_link_or_conflicts_is_skipped() {
    let lattice = Lattice::start().await;
    publish(&lattice, PUT, golden(PROVIDER, "default", URL_X)).await;
    for bad in [&b""[..], b"\xc1", b"\x80", b"text", b"\xdd\xff\xff\xff\xff"] {
        publish(&lattice, PUT, bad.to_vec().into()).await;
    }
    publish(&lattice, PUT, golden(OTHER_PROVIDER, "default", URL_X)).await;
    publish(&lattice, PUT, golden(OTHER_PROVIDER, "last", b"\x80")).await;
    until_known(&lattice, &["default", "last"]).await;
    let last = link_of(&OTHER_PROVIDER.parse().expect("a key"), "last");
    assert_eq!(lattice.links().await, [link("default", &[("URL", "x")]), last]);
}

#[tokio::test]
async fn one_host_of_several_carries_them_out() {
    let lattice = Lattice::start().await;
    let neighbour = lattice.join().await;
    let mut events = lattice.events().await;
    publish(&lattice, PUT, golden(PROVIDER, "default", URL_X)).await;
    until_known(&lattice, &["default"]).await;
    publish(&lattice, PUT, golden(PROVIDER, "default", b"\x80")).await;
    publish(&lattice, PUT, golden(PROVIDER, "last", b"\x80")).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        if let Some(EventData::LinkdefSet(link)) = events.next_change().await.known_data() {
            told.push(link.link_name.to_string());
        }
    }
    told.sort();
    assert_eq!(told, ["default", "default", "last"]);
    neighbour.host.stop(None).await;
}
