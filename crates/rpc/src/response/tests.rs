use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

fn read(hex: &str) -> InvocationResponse {
    let bytes = HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal").into();
    InvocationResponse::decode(&bytes).expect("readable")
}

#[test]
fn bytes_as_published() {
    let success = InvocationResponse::success("01".to_owned(), Bytes::from_static(b"\x05"));
    let expect = concat!(
        "84",
        "a36d7367c40105",
        "ad696e766f636174696f6e5f6964a23031",
        "ae636f6e74656e745f6c656e67746801",
        "ac7472616365436f6e7465787480"
    );
    assert_eq!(HEXLOWER.encode(&success.encode()), expect);
    assert_eq!(read(expect), success);

    let failure = InvocationResponse::failure("01".to_owned(), "no".to_owned());
    let expect = concat!(
        "85",
        "a36d7367c400",
        "ad696e766f636174696f6e5f6964a23031",
        "a56572726f72a26e6f",
        "ae636f6e74656e745f6c656e67746800",
        "ac7472616365436f6e7465787480"
    );
    assert_eq!(HEXLOWER.encode(&failure.encode()), expect);
    assert_eq!(read(expect), failure);
}

#[test]
fn answers_of_otp_hosts_are_read() {
    let text = read(
        "84a36d7367a2ff01ad696e766f636174696f6e5f6964a13aae636f6e74656e745f6c656e67746802ab696e7374616e63655f6964a178",
    );
    assert_eq!(text, InvocationResponse::success(":".to_owned(), Bytes::from_static(b"\xff\x01")));
    let array = read("83a36d736790ad696e766f636174696f6e5f6964a0a56572726f72a26e6f");
    assert_eq!(array, InvocationResponse::failure(String::new(), "no".to_owned()));
    let no_text = read("81a56572726f72a2ff61");
    assert_eq!(no_text.error.as_deref(), Some("\u{fffd}a"));
}

#[test]
fn nil_and_missing_keys_are_nothing() {
    let empty = InvocationResponse::success(String::new(), Bytes::new());
    assert_eq!(read("80"), empty);
    assert_eq!(read("82a56572726f72c0a36d7367c0"), empty);
    assert_eq!(read("82ae636f6e74656e745f6c656e677468c0ac7472616365436f6e74657874c0"), empty);
    assert_eq!(read("92c401aaa23031"), InvocationResponse::success("01".to_owned(), Bytes::from_static(b"\xaa")));
}

#[test]
fn a_result_belongs_to_its_invocation() {
    let of = |id: &str| InvocationResponse::success(id.to_owned(), Bytes::from_static(b"x"));
    assert!(of("1").check_id("1").is_ok());
    assert!(of("").check_id("1").is_ok());
    assert!(matches!(of("2").check_id("1"), Err(ReadError::OtherInvocation { found }) if found == "2"));
}

/// Source: wasmbus-rpc 0.15 `rpc_client.rs`.
#[test]
fn what_is_announced_and_not_there_is_elsewhere() {
    let announcing = InvocationResponse::announcing("01".to_owned(), 921_601);
    let expect = concat!(
        "84",
        "a36d7367c400",
        "ad696e766f636174696f6e5f6964a23031",
        "ae636f6e74656e745f6c656e677468ce000e1001",
        "ac7472616365436f6e7465787480"
    );
    assert_eq!(HEXLOWER.encode(&announcing.encode()), expect);
    assert!(announcing.is_chunked());
    let of = |content_length| InvocationResponse {
        content_length,
        ..InvocationResponse::success(String::new(), Bytes::from_static(b"xy"))
    };
    assert_eq!([of(0), of(2), of(3), of(u64::MAX)].map(|answer| answer.is_chunked()), [false, false, true, true]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = InvocationResponse::decode(&bytes.into());
    }

    #[test]
    fn damaged_bytes_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = InvocationResponse::failure("01".to_owned(), "no".to_owned()).encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = InvocationResponse::decode(&bytes.into());
    }
}
