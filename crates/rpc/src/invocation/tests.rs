use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const ACTOR: &str = "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR";
const PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";

fn invocation() -> Invocation {
    Invocation {
        origin: Entity::Actor(ACTOR.parse().expect("an actor key")),
        target: Entity::Provider {
            key: PROVIDER.parse().expect("a provider key"),
            link: "default".parse().expect("a link name"),
            contract: "wasmcloud:keyvalue".parse().expect("a contract"),
        },
        operation: "KeyValue.Get".to_owned(),
        payload: Bytes::from_static(b"\xa7counter"),
        id: "0001".to_owned(),
        claims: "a.b.c".to_owned(),
        host_id: "N1".to_owned(),
        content_length: 8,
        trace: TraceContext::new(),
    }
}

fn hex(text: &str) -> String {
    HEXLOWER.encode(text.as_bytes())
}

/// A short text, as MessagePack.
fn short(text: &str) -> String {
    format!("{:02x}{}", 0xa0 | text.len(), hex(text))
}

fn golden_entities() -> (String, String) {
    let (public_key, link_name, contract_id) = (short("public_key"), short("link_name"), short("contract_id"));
    let (actor, provider) = (hex(ACTOR), hex(PROVIDER));
    let origin = format!("83{public_key}d938{actor}{link_name}a0{contract_id}a0");
    let (link, contract) = (short("default"), short("wasmcloud:keyvalue"));
    let target = format!("83{public_key}d938{provider}{link_name}{link}{contract_id}{contract}");
    (origin, target)
}

fn golden() -> Bytes {
    let (origin, target) = golden_entities();
    let fields = [
        (short("origin"), origin),
        (short("target"), target),
        (short("operation"), short("KeyValue.Get")),
        (short("msg"), "c408a7636f756e746572".to_owned()),
        (short("id"), short("0001")),
        (short("encoded_claims"), short("a.b.c")),
        (short("host_id"), short("N1")),
        (short("content_length"), "08".to_owned()),
        (short("traceContext"), "80".to_owned()),
    ];
    let text: String = fields.into_iter().map(|(key, value)| key + &value).collect();
    HEXLOWER.decode(format!("89{text}").as_bytes()).expect("hexadecimal").into()
}

#[test]
fn bytes_as_published() {
    assert_eq!(HEXLOWER.encode(&invocation().encode()), HEXLOWER.encode(&golden()));
    assert_eq!(Invocation::decode(&golden()).expect("readable"), invocation());
}

#[test]
fn everything_comes_back() {
    let full = Invocation {
        payload: vec![0xff; 70_000].into(),
        content_length: 70_000,
        trace: [("traceparent".to_owned(), "00-1-2-01".to_owned())].into(),
        ..invocation()
    };
    assert_eq!(Invocation::decode(&full.encode()).expect("readable"), full);
    assert_eq!(full.encode()[0], 0x89);
}

#[test]
fn the_payload_is_not_copied() {
    let message = invocation().encode();
    let read = Invocation::decode(&message).expect("readable");
    assert!(message.as_ptr_range().contains(&read.payload.as_ptr()));
}

/// An invocation of which only `msg` is said, in the given bytes.
fn with_msg(msg: &str) -> Invocation {
    let (origin, target) = golden_entities();
    let text = format!("83{}{target}{}{origin}{}{msg}", short("target"), short("origin"), short("msg"));
    let bytes = HEXLOWER.decode(text.as_bytes()).expect("hexadecimal").into();
    Invocation::decode(&bytes).expect("readable")
}

#[test]
fn payloads_are_read_in_every_form() {
    for (msg, expect) in [
        ("c403010203", b"\x01\x02\x03".as_slice()),
        ("a3616263", b"abc"),
        ("a3ff0080", b"\xff\x00\x80"),
        ("9301cc8002", b"\x01\x80\x02"),
        ("90", b""),
        ("c0", b""),
    ] {
        let read = with_msg(msg);
        assert_eq!((read.payload.as_ref(), read.content_length), (expect, expect.len() as u64), "{msg}");
    }
}

#[test]
fn what_old_senders_leave_out_is_empty() {
    let read = with_msg("c0");
    let expect = Invocation {
        operation: String::new(),
        payload: Bytes::new(),
        id: String::new(),
        claims: String::new(),
        host_id: String::new(),
        content_length: 0,
        ..invocation()
    };
    assert_eq!(read, expect);
}

#[test]
fn positional_arrays_nil_unknown_keys_and_trailing_bytes_are_read() {
    let (origin, target) = golden_entities();
    let positional = format!("96{origin}{target}{}c408a7636f756e746572{}c0", short("KeyValue.Get"), short("0001"));
    let read = Invocation::decode(&HEXLOWER.decode(positional.as_bytes()).expect("hexadecimal").into());
    let expect = Invocation { claims: String::new(), host_id: String::new(), ..invocation() };
    assert_eq!(read.expect("readable"), expect);

    let mut longer = golden().to_vec();
    longer[0] = 0x8b;
    let unknown = format!("{}{}{}{}{}", short("new"), "9381a16101c3d40100", short("newer"), "c7020100ff", "ffff");
    longer.extend(HEXLOWER.decode(unknown.as_bytes()).expect("hexadecimal"));
    assert_eq!(Invocation::decode(&longer.into()).expect("readable"), invocation());
}

#[test]
fn broken_entities_are_refused() {
    let golden = HEXLOWER.encode(&golden());
    for (from, to) in [(hex(ACTOR), hex(&ACTOR.replace("MDNX", "MDNY"))), (short("default"), short("def ult"))] {
        let changed = HEXLOWER.decode(golden.replace(&from, &to).as_bytes()).expect("hexadecimal").into();
        let error = Invocation::decode(&changed).expect_err("no such entity");
        assert!(matches!(error, ReadError::MessagePack { .. }), "{error:?}");
    }
}

#[test]
fn a_payload_that_is_not_all_there_is_told_from_a_whole_one() {
    assert!(!invocation().is_chunked());
    assert!(!Invocation { content_length: 0, ..invocation() }.is_chunked());
    assert!(Invocation { content_length: 9, ..invocation() }.is_chunked(), "one byte is missing");
}

#[test]
fn deep_nesting_and_huge_announced_lengths_are_errors() {
    for bytes in [vec![0x91; 100_000], vec![0xdd, 0xff, 0xff, 0xff, 0xff, 0x01], vec![0xdf, 0xff, 0xff, 0xff, 0xff]] {
        assert!(Invocation::decode(&bytes.into()).is_err());
    }
    let (origin, target) = golden_entities();
    let huge = format!("83{}{origin}{}{target}{}ddffffffff01", short("origin"), short("target"), short("msg"));
    assert!(Invocation::decode(&HEXLOWER.decode(huge.as_bytes()).expect("hexadecimal").into()).is_err());
}

proptest! {
    #[test]
    fn damaged_bytes_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = golden().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Invocation::decode(&bytes.clone().into());
        bytes.truncate(cut.index(bytes.len()));
        let _ = Invocation::decode(&bytes.into());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Invocation::decode(&bytes.into());
    }

    #[test]
    fn any_payload_comes_back(payload in prop::collection::vec(any::<u8>(), 0..300), operation in "\\PC{0,40}") {
        let sent = Invocation { content_length: payload.len() as u64, payload: payload.into(), operation, ..invocation() };
        prop_assert_eq!(Invocation::decode(&sent.encode()).expect("readable"), sent);
    }
}
