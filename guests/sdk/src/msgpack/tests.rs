use super::*;

/// Value and bytes belong together, both ways.
fn check(value: Value<'_>, bytes: &[u8]) {
    assert_eq!(value.encode(), bytes, "encoding {:?}", value);
    assert_eq!(decode(bytes), Ok(value), "decoding {:02x?}", bytes);
}

fn check_error(bytes: &[u8], offset: usize, problem: Problem) {
    assert_eq!(decode(bytes), Err(DecodeError { offset, problem }), "{:02x?}", bytes);
}

#[test]
fn scalars() {
    check(Value::Nil, b"\xc0");
    check(Value::Bool(false), b"\xc2");
    check(Value::Bool(true), b"\xc3");
    check(Value::Float(1.5), b"\xcb\x3f\xf8\0\0\0\0\0\0");
    assert_eq!(decode(b"\xca\x3f\xc0\0\0"), Ok(Value::Float(1.5)));
}

#[test]
fn whole_numbers_at_the_edges_of_their_widths() {
    check(Value::Uint(0), b"\x00");
    check(Value::Uint(0x7f), b"\x7f");
    check(Value::Uint(0x80), b"\xcc\x80");
    check(Value::Uint(0xff), b"\xcc\xff");
    check(Value::Uint(0x100), b"\xcd\x01\x00");
    check(Value::Uint(0xffff), b"\xcd\xff\xff");
    check(Value::Uint(0x1_0000), b"\xce\0\x01\0\0");
    check(Value::Uint(0xffff_ffff), b"\xce\xff\xff\xff\xff");
    check(Value::Uint(0x1_0000_0000), b"\xcf\0\0\0\x01\0\0\0\0");
    check(Value::Uint(u64::MAX), b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    check(Value::Int(-1), b"\xff");
    check(Value::Int(-0x20), b"\xe0");
    check(Value::Int(-0x21), b"\xd0\xdf");
    check(Value::Int(-0x80), b"\xd0\x80");
    check(Value::Int(-0x81), b"\xd1\xff\x7f");
    check(Value::Int(-0x8000), b"\xd1\x80\x00");
    check(Value::Int(-0x8001), b"\xd2\xff\xff\x7f\xff");
    check(Value::Int(-0x8000_0000), b"\xd2\x80\0\0\0");
    check(Value::Int(-0x8000_0001), b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff");
    check(Value::Int(i64::MIN), b"\xd3\x80\0\0\0\0\0\0\0");
}

#[test]
fn whole_numbers_from_0_are_unsigned_however_they_are_written() {
    for bytes in [&b"\x05"[..], b"\xcc\x05", b"\xce\0\0\0\x05", b"\xd0\x05", b"\xd1\0\x05", b"\xd3\0\0\0\0\0\0\0\x05"] {
        assert_eq!(decode(bytes), Ok(Value::Uint(5)), "{:02x?}", bytes);
    }
    assert_eq!(Value::Int(5).encode(), b"\x05");
}

#[test]
fn strings_and_binaries_at_the_edges_of_their_lengths() {
    for (length, str_head, bin_head) in [
        (0, &b"\xa0"[..], &b"\xc4\0"[..]),
        (31, b"\xbf", b"\xc4\x1f"),
        (32, b"\xd9\x20", b"\xc4\x20"),
        (255, b"\xd9\xff", b"\xc4\xff"),
        (256, b"\xda\x01\0", b"\xc5\x01\0"),
        (65_535, b"\xda\xff\xff", b"\xc5\xff\xff"),
        (65_536, b"\xdb\0\x01\0\0", b"\xc6\0\x01\0\0"),
    ] {
        let text = "x".repeat(length);
        check(Value::Str(&text), &[str_head, text.as_bytes()].concat());
        check(Value::Bin(text.as_bytes()), &[bin_head, text.as_bytes()].concat());
    }
}

#[test]
fn extensions_at_the_edges_of_their_lengths() {
    for (length, head) in [
        (0, &b"\xc7\0\xff"[..]),
        (1, b"\xd4\xff"),
        (2, b"\xd5\xff"),
        (3, b"\xc7\x03\xff"),
        (4, b"\xd6\xff"),
        (8, b"\xd7\xff"),
        (16, b"\xd8\xff"),
        (17, b"\xc7\x11\xff"),
        (256, b"\xc8\x01\0\xff"),
        (65_536, b"\xc9\0\x01\0\0\xff"),
    ] {
        let bytes = vec![7; length];
        check(Value::Ext(-1, &bytes), &[head, &bytes].concat());
    }
}

#[test]
fn arrays_and_maps_at_the_edges_of_their_lengths() {
    for (length, array_head, map_head) in [
        (0, &b"\x90"[..], &b"\x80"[..]),
        (15, b"\x9f", b"\x8f"),
        (16, b"\xdc\0\x10", b"\xde\0\x10"),
        (30_000, b"\xdc\x75\x30", b"\xde\x75\x30"),
    ] {
        check(Value::Array(vec![Value::Nil; length]), &[array_head, &vec![0xc0; length]].concat());
        check(Value::Map(vec![(Value::Nil, Value::Nil); length]), &[map_head, &vec![0xc0; 2 * length]].concat());
    }
    assert_eq!(decode(b"\xdd\0\0\0\x01\x05"), Ok(Value::Array(vec![Value::Uint(5)])));
    assert_eq!(decode(b"\xdf\0\0\0\x01\x05\xc3"), Ok(Value::Map(vec![(Value::Uint(5), Value::Bool(true))])));
    let long = Value::Array(vec![Value::Nil; 65_536]).encode();
    assert_eq!(&long[..5], b"\xdd\0\x01\0\0");
}

#[test]
fn a_map_is_read_by_key() {
    let bytes = b"\x84\xa4name\xa5Alice\xa3age\x2a\xa4none\xc0\x01\xa3one";
    let value = decode(bytes).unwrap();
    assert_eq!(value.get("name").and_then(Value::as_str), Some("Alice"));
    assert_eq!(value.get("age").and_then(Value::as_u64), Some(42));
    assert_eq!(value.get("none"), None);
    assert_eq!(value.get("other"), None);
    assert_eq!(Value::Str("name").get("name"), None);
}

#[test]
fn numbers_and_booleans_are_read_as_what_they_are() {
    assert_eq!(Value::Uint(5).as_i64(), Some(5));
    assert_eq!(Value::Int(-5).as_i64(), Some(-5));
    assert_eq!(Value::Uint(u64::MAX).as_i64(), None);
    assert_eq!(Value::Int(-5).as_u64(), None);
    assert_eq!(Value::Bool(true).as_bool(), Some(true));
    assert_eq!(Value::Uint(1).as_bool(), None);
}

#[test]
fn an_empty_payload_is_a_nil_argument() {
    assert_eq!(argument(b""), Ok(Value::Nil));
    assert_eq!(argument(b"\x01"), Ok(Value::Uint(1)));
    check_error(b"", 0, Problem::Truncated);
}

#[test]
fn says_what_is_wrong_where() {
    check_error(b"\x01\x02", 1, Problem::Trailing);
    check_error(b"\x92\x01\xc1", 2, Problem::Reserved);
    check_error(b"\xa2a", 1, Problem::Truncated);
    check_error(b"\x92\xa2\xff\xff\x01", 2, Problem::NotUtf8);
    check_error(b"\x81\xa1k", 3, Problem::Truncated);
    let error = decode(b"\x92\x01").unwrap_err();
    assert_eq!(error.to_string(), "the MessagePack ends early at byte 2");
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(decode(&nested(MAX_DEPTH)).is_ok());
    check_error(&nested(MAX_DEPTH + 1), MAX_DEPTH + 1, Problem::TooDeep);
    check_error(&vec![0x81; 1_000_000], MAX_DEPTH + 1, Problem::TooDeep);
}

#[test]
fn the_number_of_values_is_bounded() {
    let array = |length: u32| {
        let head = [&b"\xdd"[..], &length.to_be_bytes()].concat();
        [head, vec![0xc0; length as usize]].concat()
    };
    let fitting = MAX_VALUES as u32 - 1;
    assert!(decode(&array(fitting)).is_ok());
    check_error(&array(fitting + 1), 5 + MAX_VALUES - 1, Problem::TooMany);
}

#[test]
fn a_length_that_the_input_does_not_hold_costs_nothing() {
    for head in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        let bytes = [head, 0xff, 0xff, 0xff, 0xff, 0x00];
        assert_eq!(decode(&bytes).unwrap_err().problem, Problem::Truncated);
    }
}

fn sample() -> Vec<u8> {
    Value::map([
        ("method", Value::Str("GET")),
        ("body", Value::Bin(b"\x00\xff\x10")),
        ("header", Value::map([("accept", Value::Array(vec![Value::Str("a/b"), Value::Nil]))])),
        ("numbers", Value::Array(vec![Value::Uint(70_000), Value::Int(-70_000), Value::Float(0.25)])),
        ("time", Value::Ext(-1, &[0; 12])),
        ("flag", Value::Bool(true)),
    ])
    .encode()
}

#[test]
fn a_value_survives_the_round_trip() {
    let bytes = sample();
    assert_eq!(decode(&bytes).unwrap().encode(), bytes);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample();
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length]).unwrap_err();
        assert_eq!(error.problem, Problem::Truncated, "{} bytes", length);
    }
}

#[test]
fn damaged_bytes_never_panic_and_what_decodes_encodes_again() {
    let bytes = sample();
    for index in 0..bytes.len() {
        for byte in 0..=u8::MAX {
            let mut damaged = bytes.clone();
            damaged[index] = byte;
            check_reencoding(&damaged);
        }
    }
}

#[test]
fn random_bytes_never_panic_and_what_decodes_encodes_again() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..round % 40).map(|_| next(&mut state)).collect();
        check_reencoding(&bytes);
    }
}

/// A xorshift step: the same bytes in every run.
fn next(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

fn check_reencoding(bytes: &[u8]) {
    if let Ok(value) = decode(bytes) {
        let encoded = value.encode();
        // By bytes, for not-a-number is not equal to itself.
        assert_eq!(decode(&encoded).unwrap().encode(), encoded, "{:02x?}", bytes);
    }
}
