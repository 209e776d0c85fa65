//! From bytes to values, with bounds, and the error that says what stopped it where.

use std::fmt;

use super::Value;

/// How deep arrays and maps may nest: far more than any contract has, and little stack.
pub const MAX_DEPTH: usize = 32;

/// How many values one message may hold. In a module one byte of input can become a value of 16 bytes, so this caps what
/// a message takes at 1 MiB, and twice that while a vector grows.
pub const MAX_VALUES: usize = 65_536;

/// Why bytes are not one MessagePack value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where in the input, in bytes from its start.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with the bytes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The input ends before the value does.
    Truncated,
    /// The value ends before the input does.
    Trailing,
    /// The marker 0xc1, which MessagePack never uses.
    Reserved,
    /// A string that is not UTF-8.
    NotUtf8,
    /// Arrays and maps nest deeper than [`MAX_DEPTH`].
    TooDeep,
    /// There are more values than [`MAX_VALUES`].
    TooMany,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::Truncated => "ends early",
            Problem::Trailing => "goes on after its value",
            Problem::Reserved => "has a reserved marker",
            Problem::NotUtf8 => "has a string that is not UTF-8",
            Problem::TooDeep => "nests too deep",
            Problem::TooMany => "has too many values",
        };
        write!(formatter, "the MessagePack {} at byte {}", problem, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// Lets `?` turn the error into the text that a handler returns.
impl From<DecodeError> for String {
    fn from(error: DecodeError) -> Self {
        error.to_string()
    }
}

/// Returns the argument of a call: nil where the payload is empty, else the one value that it holds.
///
/// # Errors
/// As [`decode`].
pub fn argument(payload: &[u8]) -> Result<Value<'_>, DecodeError> {
    if payload.is_empty() {
        return Ok(Value::Nil);
    }
    decode(payload)
}

/// Returns the one value that the bytes hold.
///
/// # Errors
/// If they hold less or more than one value, or more than the bounds allow.
pub fn decode(bytes: &[u8]) -> Result<Value<'_>, DecodeError> {
    let mut reader = Reader { bytes, offset: 0, values: 0 };
    let value = reader.value(0)?;
    if reader.offset < bytes.len() {
        return Err(reader.error(Problem::Trailing));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.count_value()?;
        let start = self.offset;
        let marker = self.uint(1)? as u8;
        match marker {
            0x00..=0x7f => Ok(Value::Uint(marker.into())),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth),
            0x90..=0x9f => self.array(usize::from(marker & 0x0f), depth),
            0xa0..=0xbf => self.str(usize::from(marker & 0x1f)),
            0xc0 => Ok(Value::Nil),
            0xc1 => Err(DecodeError { offset: start, problem: Problem::Reserved }),
            0xc2 | 0xc3 => Ok(Value::Bool(marker == 0xc3)),
            0xc4..=0xc9 | 0xd4..=0xdb => self.sized(marker),
            0xca..=0xd3 => self.number(marker),
            0xdc | 0xdd => {
                let length = self.length(2 << (marker & 1))?;
                self.array(length, depth)
            }
            0xde | 0xdf => {
                let length = self.length(2 << (marker & 1))?;
                self.map(length, depth)
            }
            0xe0..=0xff => Ok(Value::Int((marker as i8).into())),
        }
    }

    fn number(&mut self, marker: u8) -> Result<Value<'a>, DecodeError> {
        match marker {
            0xca => Ok(Value::Float(f32::from_bits(self.uint(4)? as u32).into())),
            0xcb => Ok(Value::Float(f64::from_bits(self.uint(8)?))),
            0xcc..=0xcf => self.uint(1 << (marker - 0xcc)).map(Value::Uint),
            _ => self.int(1 << (marker & 3)),
        }
    }

    /// Binaries, extensions and strings that come with their length.
    fn sized(&mut self, marker: u8) -> Result<Value<'a>, DecodeError> {
        match marker {
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                self.take(length).map(Value::Bin)
            }
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length)
            }
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                self.str(length)
            }
            _ => self.extension(1 << (marker - 0xd4)),
        }
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.check_nesting(depth)?;
        let mut entries = Vec::new();
        for _ in 0..length {
            entries.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(Value::Map(entries))
    }

    fn array(&mut self, length: usize, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.check_nesting(depth)?;
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(elements))
    }

    fn str(&mut self, length: usize) -> Result<Value<'a>, DecodeError> {
        let start = self.offset;
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError { offset: start, problem: Problem::NotUtf8 })?;
        Ok(Value::Str(text))
    }

    fn extension(&mut self, length: usize) -> Result<Value<'a>, DecodeError> {
        let number = self.uint(1)? as i8;
        Ok(Value::Ext(number, self.take(length)?))
    }

    fn int(&mut self, width: usize) -> Result<Value<'a>, DecodeError> {
        let unused = 64 - 8 * width as u32;
        let number = (self.uint(width)? << unused) as i64 >> unused;
        Ok(u64::try_from(number).map_or(Value::Int(number), Value::Uint))
    }

    fn length(&mut self, width: usize) -> Result<usize, DecodeError> {
        let length = self.uint(width)?;
        usize::try_from(length).map_err(|_| self.error(Problem::Truncated))
    }

    fn uint(&mut self, width: usize) -> Result<u64, DecodeError> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.error(Problem::Truncated))?;
        self.offset += length;
        Ok(taken)
    }

    fn count_value(&mut self) -> Result<(), DecodeError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(Problem::TooMany));
        }
        Ok(())
    }

    fn check_nesting(&self, depth: usize) -> Result<(), DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(Problem::TooDeep));
        }
        Ok(())
    }

    fn error(&self, problem: Problem) -> DecodeError {
        DecodeError { offset: self.offset, problem }
    }
}
