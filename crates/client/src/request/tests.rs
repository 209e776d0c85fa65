use std::error::Error;

use lattice_protocol::{Claims, HostInventory};

use super::*;

fn check<T: DeserializeOwned + std::fmt::Debug>(body: &[u8], expect: &str) {
    let error = read_answer::<T>("s", body).expect_err("no good answer");
    let cause = error.source().map_or(String::new(), |source| format!(": {source}"));
    assert_eq!(format!("{error}{cause}"), expect);
}

#[test]
fn a_refusal_is_no_empty_answer() {
    let refused = br#"{"accepted":false,"error":"actor \"M\"\nis not running"}"#;
    check::<Claims>(refused, "refused on `s`: actor \"M\"\nis not running");
    check::<HostInventory>(refused, "refused on `s`: actor \"M\"\nis not running");
    check::<Ack>(refused, "refused on `s`: actor \"M\"\nis not running");
    let packed = lattice_protocol::encode(&Ack::refused("no"), Format::MESSAGE_PACK);
    check::<Claims>(&packed, "refused on `s`: no");
}

#[test]
fn an_answer_to_something_else_is_no_empty_answer() {
    let keys = "none of its keys is known here; expected are claims";
    check::<Claims>(br#"{"accepted":true,"error":""}"#, &format!("the answer on `s` cannot be read: {keys}"));
    check::<Claims>(b"", "the answer on `s` cannot be read: the body is empty");
    let broken = br#"{"accepted":false,"error":"a "quoted" text"}"#;
    check::<Claims>(broken, "the answer on `s` cannot be read: not valid JSON of this shape at `?`");
}
