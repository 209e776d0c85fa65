//! What kind of program a file is, as far as its first bytes tell, and whether that fits a target.

/// What a Unix program begins with (ELF).
const ELF: &[u8] = b"\x7fELF";
/// What 64 bit programs of Apple's systems begin with (Mach-O).
const MACH_O: [u8; 4] = [0xcf, 0xfa, 0xed, 0xfe];
/// The same for one with several machines' code.
const MACH_O_FAT: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
/// What Windows programs begin with.
const MZ: &[u8] = b"MZ";
/// What they have where their head says.
const PE: &[u8] = b"PE\0\0";
/// Where their head says that.
const PE_AT: usize = 0x3c;

/// The machines whose code is told apart, as Rust names them.
const MACHINES: [&str; 5] = ["x86", "x86_64", "arm", "aarch64", "riscv64"];

/// Why a file is not taken for a program of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Nothing that a system starts.
    #[error("it is no program: it begins neither as one of Linux (ELF), macOS (Mach-O) or Windows (PE), nor with `#!`")]
    NotAProgram,
    /// A program for something else.
    #[error("it is {found}, which `{target}` does not run")]
    OtherTarget {
        /// The target.
        target: String,
        /// What it is.
        found: String,
    },
}

/// Whether a file can be a program of that target, `x86_64-linux` for instance. Machines and systems that are not known are
/// not held against it.
///
/// # Errors
/// [`ProgramError`].
pub fn check_program(target: &str, program: &[u8]) -> Result<(), ProgramError> {
    let (machine, system) = target.split_once('-').unwrap_or((target, ""));
    let found = Program::read(program).ok_or(ProgramError::NotAProgram)?;
    match found.runs_under(system) && found.runs_on(machine) {
        true => Ok(()),
        false => Err(ProgramError::OtherTarget { target: target.to_owned(), found: found.described() }),
    }
}

#[derive(Clone, Copy)]
enum Format {
    Script,
    Elf,
    MachO,
    Pe,
}

#[derive(Clone, Copy)]
struct Program {
    format: Format,
    /// Whose code it is, if that is known and one machine's.
    machine: Option<&'static str>,
}

impl Program {
    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if bytes.starts_with(b"#!") => Some(Self { format: Format::Script, machine: None }),
            _ if bytes.starts_with(ELF) => Some(Self { format: Format::Elf, machine: elf_machine(bytes) }),
            _ if bytes.starts_with(&MACH_O) => Some(Self { format: Format::MachO, machine: mach_o_machine(bytes) }),
            _ if bytes.starts_with(&MACH_O_FAT) => Some(Self { format: Format::MachO, machine: None }),
            _ if bytes.starts_with(MZ) => Some(Self { format: Format::Pe, machine: pe_machine(bytes) }),
            _ => None,
        }
    }

    fn runs_under(self, system: &str) -> bool {
        match self.format {
            Format::Script => system != "windows",
            Format::Elf => !matches!(system, "macos" | "windows"),
            Format::MachO => system == "macos",
            Format::Pe => system == "windows",
        }
    }

    fn runs_on(self, machine: &str) -> bool {
        self.machine.is_none_or(|own| own == machine || !MACHINES.contains(&machine))
    }

    fn described(self) -> String {
        let format = match self.format {
            Format::Script => "a script",
            Format::Elf => "an ELF program",
            Format::MachO => "a Mach-O program",
            Format::Pe => "a Windows program",
        };
        self.machine.map_or_else(|| format.to_owned(), |machine| format!("{format} for {machine}"))
    }
}

/// `e_machine` of the ELF header, in the order of bytes that its sixth byte tells.
fn elf_machine(bytes: &[u8]) -> Option<&'static str> {
    let field = *bytes.get(18..)?.first_chunk()?;
    let number = if bytes.get(5) == Some(&2) { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) };
    match (number, bytes.get(4)?) {
        (3, _) => Some("x86"),
        (40, _) => Some("arm"),
        (62, _) => Some("x86_64"),
        (183, _) => Some("aarch64"),
        (243, 2) => Some("riscv64"),
        _ => None,
    }
}

fn mach_o_machine(bytes: &[u8]) -> Option<&'static str> {
    match u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) {
        0x0100_0007 => Some("x86_64"),
        0x0100_000c => Some("aarch64"),
        _ => None,
    }
}

fn pe_machine(bytes: &[u8]) -> Option<&'static str> {
    let at = u32::from_le_bytes(*bytes.get(PE_AT..)?.first_chunk()?);
    let header = bytes.get(usize::try_from(at).ok()?..)?.strip_prefix(PE)?;
    match u16::from_le_bytes(*header.first_chunk()?) {
        0x014c => Some("x86"),
        0x8664 => Some("x86_64"),
        0xaa64 => Some("aarch64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, program: &[u8], expect: Result<(), &str>) {
        let found = check_program(target, program).map_err(|error| error.to_string());
        assert_eq!(found, expect.map_err(str::to_owned), "{target}");
    }

    fn elf(class: u8, order: u8, machine: [u8; 2]) -> Vec<u8> {
        [&b"\x7fELF"[..], &[class, order], &[0; 12], &machine, &[0; 40]].concat()
    }

    #[test]
    fn programs_fit_the_targets_that_run_them() {
        check("x86_64-linux", &elf(2, 1, [62, 0]), Ok(()));
        check("aarch64-linux", &elf(2, 1, [183, 0]), Ok(()));
        check("riscv64-linux", &elf(2, 1, [243, 0]), Ok(()));
        check("arm-linux", &elf(1, 2, [0, 40]), Ok(()));
        check("s390x-linux", &elf(2, 2, [0, 22]), Ok(()));
        check("aarch64-macos", &[&MACH_O[..], &[0x0c, 0, 0, 1]].concat(), Ok(()));
        check("x86_64-macos", &MACH_O_FAT, Ok(()));
        check("aarch64-linux", b"#!/bin/sh", Ok(()));
        check("anything", b"#!/bin/sh", Ok(()));
    }

    #[test]
    fn programs_for_something_else_are_told() {
        let told = |what: &str, target: &str| format!("it is {what}, which `{target}` does not run");
        let refused = |target, program: &[u8], what| check(target, program, Err(&told(what, target)));
        refused("aarch64-linux", &elf(2, 1, [62, 0]), "an ELF program for x86_64");
        refused("x86_64-macos", &elf(2, 1, [62, 0]), "an ELF program for x86_64");
        refused("x86_64-linux", &[&MACH_O[..], &[7, 0, 0, 1]].concat(), "a Mach-O program for x86_64");
        refused("x86_64-windows", b"#!/bin/sh", "a script");
        let mut windows = [&b"MZ"[..], &[0; 62]].concat();
        windows[PE_AT] = 64;
        windows.extend(b"PE\0\0\x64\xaa");
        refused("x86_64-windows", &windows, "a Windows program for aarch64");
        check("aarch64-windows", &windows, Ok(()));
    }

    #[test]
    fn what_no_system_starts() {
        for bytes in [&b""[..], b"text", b"\0asm\x01\0\0\0", b"\x1f\x8b\x08\0"] {
            assert_eq!(check_program("x86_64-linux", bytes), Err(ProgramError::NotAProgram), "{bytes:?}");
        }
    }

    #[test]
    fn heads_that_end_early_do_not_panic() {
        let whole = [elf(2, 1, [62, 0]), [&MACH_O[..], &[7, 0, 0, 1]].concat(), [&b"MZ"[..], &[0xff; 80]].concat()];
        for (bytes, length) in whole.iter().flat_map(|bytes| (0..bytes.len()).map(move |length| (bytes, length))) {
            let _ = check_program("x86_64-linux", &bytes[..length]);
        }
    }
}
