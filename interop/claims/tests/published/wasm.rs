//! Modules and components that are to be signed.

use std::fs;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// An actor as it is committed; from the folder of the package whose tests run.
const ACTOR: &str = "../../guests/built/counter.wasm";

/// What every generation can sign, also the oldest, which knows no components and not all that compilers write today: a
/// module without sections, one with a few, and one whose section is written longer than
/// it must be. Hashes are not taken of that as it is.
pub(crate) fn modules() -> Vec<(&'static str, Vec<u8>)> {
    let some = [MODULE, &section(1, b"\x01\x60\0\0"), &section(0, b"\x04notea")].concat();
    let padded = [MODULE, b"\x01\x84\x80\x80\x80\0\x01\x60\0\0"].concat();
    vec![("empty", MODULE.to_vec()), ("some", some), ("padded", padded)]
}

/// Those, an actor, and a component with a module, and with a component that holds another.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let inner = [COMPONENT, &section(1, MODULE)].concat();
    let [_, (_, some), _] = &modules()[..] else { panic!("there are three") };
    let component = [COMPONENT, &section(1, some), &section(4, &inner), &section(0, b"\x04noteb")].concat();
    let actor = fs::read(ACTOR).unwrap_or_else(|error| panic!("{ACTOR}: {error}"));
    modules().into_iter().chain([("actor", actor), ("component", component)]).collect()
}

/// The same with a section more, which runs nothing and counts all the same.
pub(crate) fn changed(module: &[u8]) -> Vec<u8> {
    [module, &section(0, b"\x04notec")].concat()
}

/// A section of less than 128 bytes.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let size = u8::try_from(content.len()).ok().filter(|size| *size < 128).expect("a small section");
    [&[id, size], content].concat()
}
