//! `lattice push`, `lattice pull` and `lattice delete`: artifacts that lie where hosts fetch them from.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Registries;

/// Store a module or a provider archive where hosts can fetch it
///
/// `nats://NAME[:TAG]` is the lattice itself: a host takes the file, checks its claims and stores it, and every host can start
/// it from there. What lies under a name there is replaced with --force alone; the same file again changes nothing. Any other
/// reference is one to an OCI registry, which this machine reaches itself, with the credentials of docker or podman or those
/// in LATTICE_OCI_REGISTRY, LATTICE_OCI_USER and LATTICE_OCI_PASSWORD (or ..._PASSWORD_FILE).
///
/// A module that is not signed is signed first, with a development key of the data directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice push ./hello.wasm nats://hello:1
  lattice push ./cache.par.gz nats://cache:0.3 --force
  lattice push ./hello.wasm ghcr.io/acme/hello:1.2.0
  lattice start actor nats://hello:1                 on whichever host")]
pub(crate) struct Push {
    /// The file: a WebAssembly module or a provider archive
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where it is to lie, such as nats://hello:1 or ghcr.io/acme/hello:1.2.0
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Replace another file that lies there; registries do so in any case
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

/// Fetch a module or a provider archive into a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice pull nats://hello:1 --out hello.wasm
  lattice pull ghcr.io/acme/hello:1.2.0 --out hello.wasm")]
pub(crate) struct PullArtifact {
    /// What to fetch, such as nats://hello:1, ghcr.io/acme/hello:1.2.0 or bindle://acme/hello/1.2.0
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The file to write; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

/// Remove something that the lattice keeps
#[derive(Debug, Subcommand)]
pub(crate) enum Delete {
    Artifact(DeleteArtifact),
}

/// Remove an artifact from the lattice
///
/// What was started from it runs on, and hosts that fetched it may start it from their caches.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lattice delete artifact nats://hello:1")]
pub(crate) struct DeleteArtifact {
    /// The artifact, such as nats://hello:1
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
}
