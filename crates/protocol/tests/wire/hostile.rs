//! Damaged and hostile bytes give an error or a value: no panic, no overflow of the stack, no flood of memory.

use std::hint::black_box;

use lattice_protocol::{
    Ack, ActorAuction, ActorBid, ArtifactQuery, Artifacts, BeginUpload, Claims, ConfigValue, ConfigValues,
    ControlSubjects, Declined, DeleteLink, Encoding, FinishUpload, Format, Host, HostInventory, KnownRegistries,
    LabelChange, LatticeName, LatticeQuery, LinkDefinition, Links, Members, OperationQuery, OperationRecord,
    OperationRecords, OperationsQuery, Part, PartQuery, ProviderAuction, ProviderBid, PutRegistries, Registries,
    ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider, UpdateActor, UploadBegun,
    contract::lattice_control as contract, decode, decode_command, event::CloudEvent,
};
use proptest::{prelude::*, sample::Index};

use crate::{
    allocation::peak,
    corpus::{FILES, messages},
};

const MEGABYTE: usize = 1 << 20;
/// Enough to show how memory grows with a message, and little to read as every type.
const SAMPLE: usize = 1 << 12;
/// What any message may take: decoders reserve up to a megabyte for a list, whatever its length says.
const BASE: usize = 4 * MEGABYTE;
/// What a byte of a message may take; the worst is a list of empty values, 32 bytes for each, while it grows.
const PER_BYTE: usize = 128;

macro_rules! read_as {
    ($read:ident, $bytes:ident, $($type:ty,)*) => {
        $(black_box($read::<$type>($bytes).is_ok());)*
    };
}

/// Reads bytes as everything that they could be meant for.
fn read_everything(bytes: &[u8]) {
    read_as! {
    decode, bytes, Ack, ActorAuction, ActorBid, Claims, ConfigValue, ConfigValues, Declined, DeleteLink, Host, HostInventory, KnownRegistries, LabelChange, LatticeName, LinkDefinition, Links, Members, OperationQuery, OperationRecord, OperationRecords, OperationsQuery, ProviderAuction, ProviderBid, PutRegistries, Registries, Vec<contract::ActorAuctionAck>, Vec<contract::ProviderAuctionAck>, Vec<contract::Host>, ArtifactQuery, Artifacts, BeginUpload, FinishUpload, PartQuery, UploadBegun,
        contract::AdvertiseLink, contract::CtlOperationAck, contract::GetClaimsResponse, contract::GetHostInventory,
        contract::HostInventory, contract::SetLatticeCredentials, contract::SetRegistryCredentials,
    }
    read_as! {
        decode_command, bytes, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider, UpdateActor,
    }
    black_box(Format::of_request(bytes));
    drop(black_box(LatticeQuery::read(bytes)));
    black_box(CloudEvent::from_bytes(bytes).ok().and_then(|event| event.known_data()));
    let text = String::from_utf8_lossy(bytes);
    black_box(Encoding::of_media_type(&text));
    black_box(text.parse::<Part>().is_ok());
    let subjects = ControlSubjects::new(LatticeName::default());
    drop(black_box(subjects.parse(&text)));
    drop(black_box(subjects.parse(&format!("wasmbus.ctl.default.{text}"))));
}

fn check(what: &str, bytes: &[u8]) {
    check_peak(what, bytes, || read_everything(bytes));
}

fn check_peak(what: &str, bytes: &[u8], work: impl FnOnce()) {
    let peak = peak(work);
    assert!(peak < BASE + PER_BYTE * bytes.len(), "{what} of {} bytes takes {peak} bytes", bytes.len());
}

/// Every key of the golden files' messages in JSON.
fn keys() -> Vec<String> {
    let text: String = messages("control.json.snake.txt")
        .into_iter()
        .chain(messages("control.json.camel.txt"))
        .chain(messages("events.txt"))
        .map(|(_, bytes)| String::from_utf8(bytes).expect("JSON is text"))
        .collect();
    let mut keys: Vec<String> =
        text.split('"').collect::<Vec<_>>().windows(2).filter(|w| w[1].starts_with(':')).map(|w| w[0].into()).collect();
    keys.sort();
    keys.dedup();
    assert!(keys.len() > 40, "{keys:?}");
    keys
}

/// A MessagePack map with one key and this value.
fn under_key(key: &str, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("keys are short");
    [&[0x81, 0xd9, length], key.as_bytes(), value].concat()
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let lies: Vec<Vec<u8>> = (0xc4..=0xdf).map(|marker| vec![marker, 0xff, 0xff, 0xff, 0xff]).collect();
    for lie in &lies {
        check("a lie", lie);
        for key in keys() {
            check(&key, &under_key(&key, lie));
            check(&key, &under_key(&key, &[&[0x91], lie.as_slice()].concat()));
        }
    }
}

#[test]
fn deep_nesting_is_refused_or_skipped() {
    for open in ["[", "{\"a\":", "[{\"a\":", "{\"values\":["] {
        check("nested JSON", open.repeat(MEGABYTE / open.len()).as_bytes());
    }
    for open in [&[0x91][..], &[0x81, 0xa1, b'a'], &[0x81, 0x91], &[0xdd, 0, 0, 0, 2], &[0xc7, 255, 0]] {
        check("nested MessagePack", &open.repeat(MEGABYTE / open.len()));
    }
    for key in keys() {
        check(&key, format!("{{\"{key}\":{}", "[".repeat(SAMPLE)).as_bytes());
        check(&key, &under_key(&key, &[0x91].repeat(SAMPLE)));
    }
}

#[test]
fn lists_of_small_items_take_little_memory() {
    let lists =
        ["actors", "claims", "links", "causes", "data", "members", "operations", "phases", "reasons", "credentials"];
    for item in ["null", "{}", "0", "[]"] {
        let list = format!("[{}0]", format!("{item},").repeat(SAMPLE));
        for key in lists {
            check(key, format!("{{\"{key}\":{list}}}").as_bytes());
        }
    }
    for item in [0xc0, 0x80, 0x90, 0x00] {
        let list = list_of(&[item], SAMPLE);
        for key in lists {
            check(key, &under_key(key, &list));
        }
    }
}

#[test]
fn empty_items_of_an_inventory_takes_little_memory() {
    for item in [0xc0, 0x80, 0x90] {
        let list = list_of(&[item], MEGABYTE / 8);
        let instances = [&[0x91][..], &under_key("instances", &list)].concat();
        for bytes in [under_key("actors", &instances), under_key("actors", &list)] {
            check_peak("an inventory", &bytes, || drop(black_box(decode::<HostInventory>(&bytes))));
        }
    }
}

/// Lists that stand inside the items of a list, of items as small as they can be.
#[test]
fn lists_inside_of_items_take_little_memory() {
    let smallest: [&[u8]; 7] =
        [&[0xc0], &[0x80], &[0x90], &[0x81, 0xa0, 0xc0], &[0x91, 0x80], &[0x92, 0xa0, 0xa0], &[0x81, 0xa0, 0x80]];
    for item in smallest {
        let count = MEGABYTE / 4 / item.len();
        for (outer, inner) in
            [("operations", "phases"), ("operations", "causes"), ("members", "version"), ("actors", "instances")]
        {
            let bytes = under_key(outer, &[&[0x91][..], &under_key(inner, &list_of(item, count))].concat());
            check_peak(&format!("a list of {item:x?} as `{inner}` in `{outer}`"), &bytes, || {
                drop(black_box(decode::<OperationRecords>(&bytes)));
                drop(black_box(decode::<Members>(&bytes)));
                drop(black_box(decode::<HostInventory>(&bytes)));
            });
        }
    }
}

#[test]
fn a_huge_map_is_read_or_refused() {
    let entries: Vec<String> = (0..MEGABYTE / 12).map(|n| format!("\"k{n}\":\"\"")).collect();
    let map = format!("{{{}}}", entries.join(","));
    check("a map", map.as_bytes());
    check("labels", format!("{{\"labels\":{map}}}").as_bytes());
    assert!(decode_command::<StopHost>(map.as_bytes()).is_err());
}

fn list_of(item: &[u8], count: usize) -> Vec<u8> {
    let length = u32::try_from(count).expect("lists here are short").to_be_bytes();
    [&[0xdd][..], &length, &item.repeat(count)].concat()
}

/// One way to damage a message.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Truncate(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 1..=u8::MAX).prop_map(|(place, bits)| Damage::Flip(place, bits)),
        any::<Index>().prop_map(Damage::Truncate),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(place, new)| Damage::Insert(place, new)),
        any::<Index>().prop_map(Damage::Remove),
    ]
}

fn apply(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        _ if bytes.is_empty() => {}
        Damage::Flip(place, bits) => {
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
        }
        Damage::Truncate(place) => bytes.truncate(place.index(bytes.len())),
        Damage::Insert(place, new) => {
            let place = place.index(bytes.len());
            bytes.splice(place..place, new.iter().copied());
        }
        Damage::Remove(place) => {
            bytes.remove(place.index(bytes.len()));
        }
    }
    bytes
}

#[test]
fn damaged_messages_never_panic() {
    let corpus: Vec<Vec<u8>> = FILES.iter().flat_map(|file| messages(file)).map(|(_, bytes)| bytes).collect();
    proptest!(ProptestConfig::with_cases(2_000), |(
        which in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    )| {
        let bytes = damages.iter().fold(which.get(&corpus).clone(), apply);
        check("a damaged message", &bytes);
    });
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(&bytes);
    }

    #[test]
    fn arbitrary_subjects_never_panic(text in r"\PC{0,80}", tokens in prop::collection::vec("[a-zA-Z]{0,8}", 0..8)) {
        read_everything(text.as_bytes());
        read_everything(tokens.join(".").as_bytes());
    }
}
