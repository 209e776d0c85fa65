//! The golden bytes, by the names of the messages.

/// Each message is a line with its name, then lines with its bytes in hexadecimal; two spaces begin a comment.
const FILE: &str = include_str!("../../../../../crates/protocol/tests/golden/lattice_control.msgpack.txt");

/// The bytes of a message.
pub(super) fn golden(name: &str) -> Vec<u8> {
    let block = blocks().find(|block| block.lines().next() == Some(name));
    let lines = block.unwrap_or_else(|| panic!("no `{}` in the golden file", name)).lines().skip(1);
    lines.flat_map(|line| bytes(line.split("  ").next().unwrap())).collect()
}

/// The names of all messages, in order.
pub(super) fn names() -> Vec<&'static str> {
    blocks().map(|block| block.lines().next().unwrap()).collect()
}

fn blocks() -> impl Iterator<Item = &'static str> {
    FILE.split("\n\n").map(str::trim_end).filter(|block| !block.starts_with('#'))
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes();
    assert!(digits.len() % 2 == 0, "{}", hexadecimal);
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
