//! A module's canonical bytes: its sections with their sizes in the shortest form and without any token.

use std::ops::Range;

use data_encoding::HEXUPPER;
use sha2::{Digest, Sha256};
use wasmparser::{BinaryReaderError, CustomSectionReader, Encoding, Parser, Payload};

use crate::{
    defaults::{MAX_NESTING, OLD_TOKEN_SECTION, TOKEN_SECTION},
    error::{ModuleClaimsError, TokenError},
};

const MAGIC: &[u8] = b"\0asm";
const MODULE_HEADER: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT_HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const NESTED_MODULE: u8 = 1;
const NESTED_COMPONENT: u8 = 4;

/// The hash that a module's claims hold: SHA-256 of its canonical bytes, in upper case hexadecimal.
///
/// # Errors
/// If the bytes are not WebAssembly.
pub fn module_hash(module: &[u8]) -> Result<String, ModuleClaimsError> {
    Ok(Canonical::of(module)?.hash())
}

/// A module taken apart: its canonical bytes, and the tokens that were found at its top level.
#[derive(Debug)]
pub(super) struct Canonical<'a> {
    input: &'a [u8],
    bytes: Vec<u8>,
    tokens: Vec<TokenSection<'a>>,
}

#[derive(Debug)]
struct TokenSection<'a> {
    content: &'a [u8],
    /// The whole section in the input, with its id and size.
    range: Range<usize>,
}

impl<'a> Canonical<'a> {
    pub(super) fn of(module: &'a [u8]) -> Result<Self, ModuleClaimsError> {
        if !module.starts_with(MAGIC) {
            return Err(ModuleClaimsError::NotWasm);
        }
        let mut writer = Writer::new(module);
        for payload in Parser::new(0).parse_all(module) {
            writer.write(&payload.map_err(damaged)?)?;
        }
        Ok(Self { input: module, bytes: writer.finished, tokens: writer.tokens })
    }

    pub(super) fn token(&self) -> Result<Option<&'a str>, TokenError> {
        let text = self.tokens.first().map(|token| std::str::from_utf8(token.content)).transpose();
        text.map_err(|_| TokenError::Malformed { reason: "it is not text" })
    }

    pub(super) fn hash(&self) -> String {
        HEXUPPER.encode(&Sha256::digest(&self.bytes))
    }

    /// Whether a signer may have meant this module by `hash`.
    ///
    /// Signers before 2023 hashed the sections as they stood in the file. Either hash covers every byte that runs.
    pub(super) fn has_hash(&self, hash: &str) -> bool {
        self.hash() == hash || self.hash_as_written() == hash
    }

    fn hash_as_written(&self) -> String {
        let mut hasher = Sha256::new();
        let mut from = 0;
        for token in &self.tokens {
            hasher.update(&self.input[from..token.range.start]);
            from = token.range.end;
        }
        HEXUPPER.encode(&hasher.chain_update(&self.input[from..]).finalize())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn damaged(source: BinaryReaderError) -> ModuleClaimsError {
    ModuleClaimsError::Damaged { offset: source.offset(), source }
}

struct Writer<'a> {
    input: &'a [u8],
    /// The module being written last, inside those before it.
    open: Vec<Nested>,
    finished: Vec<u8>,
    tokens: Vec<TokenSection<'a>>,
    /// Where the section at the top level ended that was read last.
    top_end: usize,
}

struct Nested {
    id: u8,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self { input, open: Vec::new(), finished: Vec::new(), tokens: Vec::new(), top_end: MODULE_HEADER.len() }
    }

    fn write(&mut self, payload: &Payload<'a>) -> Result<(), ModuleClaimsError> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(*encoding)?,
            Payload::End(_) => self.end(),
            Payload::CustomSection(section) if is_token(section) => self.keep_token(section),
            // These follow as payloads of their own.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {}
            section => self.copy(section)?,
        }
        self.follow_top_level(payload);
        Ok(())
    }

    fn follow_top_level(&mut self, payload: &Payload<'a>) {
        if let (1, Some((_, range))) = (self.open.len(), payload.as_section()) {
            self.top_end = range.end;
        }
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), ModuleClaimsError> {
        if self.open.len() > MAX_NESTING {
            return Err(ModuleClaimsError::TooDeep { max: MAX_NESTING });
        }
        let (id, header) = match encoding {
            Encoding::Module => (NESTED_MODULE, MODULE_HEADER),
            Encoding::Component => (NESTED_COMPONENT, COMPONENT_HEADER),
        };
        let capacity = if self.open.is_empty() { self.input.len() } else { header.len() };
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(header);
        self.open.push(Nested { id, bytes });
        Ok(())
    }

    fn end(&mut self) {
        let ended = self.open.pop().expect("the parser ends only what it began");
        match self.open.last_mut() {
            Some(outer) => push_section(&mut outer.bytes, ended.id, &ended.bytes),
            None => self.finished = ended.bytes,
        }
    }

    fn keep_token(&mut self, section: &CustomSectionReader<'a>) {
        if self.open.len() == 1 {
            let range = self.top_end..section.range().end;
            self.tokens.push(TokenSection { content: section.data(), range });
        }
    }

    fn copy(&mut self, section: &Payload<'_>) -> Result<(), ModuleClaimsError> {
        let Some((id, range)) = section.as_section() else { return Ok(()) };
        // The parser announces a code section before it has seen whether all of it is there.
        let truncated = ModuleClaimsError::Truncated { offset: range.start };
        let content = self.input.get(range).ok_or(truncated)?;
        let current = self.open.last_mut().expect("the parser begins with a header");
        push_section(&mut current.bytes, id, content);
        Ok(())
    }
}

fn is_token(section: &CustomSectionReader<'_>) -> bool {
    matches!(section.name(), TOKEN_SECTION | OLD_TOKEN_SECTION)
}

/// Appends a section: its id, its size in the shortest form, its bytes.
pub(super) fn push_section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    push_size(bytes, content.len());
    bytes.extend_from_slice(content);
}

/// Appends a number in the shortest LEB128 form.
pub(super) fn push_size(bytes: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
}
