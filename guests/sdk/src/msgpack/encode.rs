//! From values to bytes, each in its shortest form.

use super::Value;

/// The markers of one family of lengths: the short form with the length in its low bits, and those of 8, 16 and 32 bits.
struct Lengths {
    short: Option<(u8, u32)>,
    bits8: Option<u8>,
    bits16: u8,
    bits32: u8,
}

const STR: Lengths = Lengths { short: Some((0xa0, 32)), bits8: Some(0xd9), bits16: 0xda, bits32: 0xdb };
const BIN: Lengths = Lengths { short: None, bits8: Some(0xc4), bits16: 0xc5, bits32: 0xc6 };
const EXT: Lengths = Lengths { short: None, bits8: Some(0xc7), bits16: 0xc8, bits32: 0xc9 };
const ARRAY: Lengths = Lengths { short: Some((0x90, 16)), bits8: None, bits16: 0xdc, bits32: 0xdd };
const MAP: Lengths = Lengths { short: Some((0x80, 16)), bits8: None, bits16: 0xde, bits32: 0xdf };

impl Value<'_> {
    /// Returns the value's bytes.
    ///
    /// # Panics
    /// If a string, binary, array or map is longer than MessagePack can say, 4 GiB: more than a module's whole memory.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, self);
        out
    }
}

fn write(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Nil => out.push(0xc0),
        Value::Bool(value) => out.push(0xc2 + u8::from(*value)),
        Value::Uint(number) => uint(out, *number),
        Value::Int(number) => int(out, *number),
        Value::Float(number) => marked(out, 0xcb, &number.to_bits().to_be_bytes()),
        Value::Str(text) => sized(out, &STR, text.as_bytes()),
        Value::Bin(bytes) => sized(out, &BIN, bytes),
        Value::Ext(number, bytes) => extension(out, *number, bytes),
        Value::Array(elements) => array(out, elements),
        Value::Map(entries) => map(out, entries),
    }
}

fn array(out: &mut Vec<u8>, elements: &[Value<'_>]) {
    length(out, &ARRAY, elements.len());
    for element in elements {
        write(out, element);
    }
}

fn map(out: &mut Vec<u8>, entries: &[(Value<'_>, Value<'_>)]) {
    length(out, &MAP, entries.len());
    for (key, value) in entries {
        write(out, key);
        write(out, value);
    }
}

fn extension(out: &mut Vec<u8>, number: i8, bytes: &[u8]) {
    match bytes.len() {
        size @ (1 | 2 | 4 | 8 | 16) => out.push(0xd4 + size.trailing_zeros() as u8),
        size => length(out, &EXT, size),
    }
    out.push(number as u8);
    out.extend_from_slice(bytes);
}

fn sized(out: &mut Vec<u8>, lengths: &Lengths, bytes: &[u8]) {
    length(out, lengths, bytes.len());
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, lengths: &Lengths, length: usize) {
    let length = u32::try_from(length).expect("no module holds 4 GiB");
    match (lengths.short, lengths.bits8) {
        (Some((marker, limit)), _) if length < limit => out.push(marker | length as u8),
        (_, Some(marker)) if length <= 0xff => marked(out, marker, &[length as u8]),
        _ if length <= 0xffff => marked(out, lengths.bits16, &(length as u16).to_be_bytes()),
        _ => marked(out, lengths.bits32, &length.to_be_bytes()),
    }
}

fn uint(out: &mut Vec<u8>, number: u64) {
    match number {
        0..=0x7f => out.push(number as u8),
        0x80..=0xff => marked(out, 0xcc, &[number as u8]),
        0x100..=0xffff => marked(out, 0xcd, &(number as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => marked(out, 0xce, &(number as u32).to_be_bytes()),
        _ => marked(out, 0xcf, &number.to_be_bytes()),
    }
}

fn int(out: &mut Vec<u8>, number: i64) {
    match number {
        0.. => uint(out, number as u64),
        -0x20..=-1 => out.push(number as u8),
        -0x80..=-0x21 => marked(out, 0xd0, &[number as u8]),
        -0x8000..=-0x81 => marked(out, 0xd1, &(number as i16).to_be_bytes()),
        -0x8000_0000..=-0x8001 => marked(out, 0xd2, &(number as i32).to_be_bytes()),
        _ => marked(out, 0xd3, &number.to_be_bytes()),
    }
}

fn marked(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.push(marker);
    out.extend_from_slice(bytes);
}
