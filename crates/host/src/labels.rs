//! What a host says of itself, and the name people use for it.

mod book;
mod registrar;

use lattice_protocol::{HostKey, Labels};
use tokio::sync::watch;

pub(crate) use book::{LabelBook, LabelEdit};
pub(crate) use registrar::{LabelEdits, Registrar};

/// Labels that begin so are the host's own and cannot be set by anybody.
const RESERVED_PREFIX: &str = "hostcore.";

const QUALITIES: [&str; 32] = [
    "amber", "autumn", "bold", "brave", "bright", "calm", "clear", "cool", "crisp", "dawn", "deep", "early", "fair",
    "gentle", "golden", "green", "hidden", "kind", "late", "light", "lively", "long", "misty", "polar", "quick",
    "quiet", "rapid", "silver", "still", "swift", "warm", "wild",
];
const THINGS: [&str; 32] = [
    "anchor", "arch", "bay", "beacon", "birch", "bridge", "brook", "canyon", "cedar", "cliff", "cove", "delta", "dune",
    "falls", "fern", "field", "forge", "grove", "harbor", "heron", "hill", "island", "lake", "meadow", "mesa", "oak",
    "otter", "reef", "ridge", "river", "summit", "valley",
];

/// The labels that tell what machine this is, with the values that published hosts use.
fn builtin() -> Labels {
    [
        ("hostcore.arch", std::env::consts::ARCH),
        ("hostcore.os", std::env::consts::OS),
        ("hostcore.osfamily", std::env::consts::FAMILY),
    ]
    .into_iter()
    .collect()
}

/// The labels of a host as they are now, for everybody to read; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LiveLabels {
    current: watch::Receiver<Labels>,
}

impl LiveLabels {
    /// The labels as they are now.
    pub(crate) fn now(&self) -> Labels {
        self.current.borrow().clone()
    }
}

/// What the user wants as labels, without those that claim to be the host's own.
fn without_reserved(user: Labels) -> Labels {
    let (reserved, labels): (Vec<_>, Vec<_>) = user.into_iter().partition(|(key, _)| is_reserved(key));
    for (key, _) in reserved {
        tracing::warn!(label = key, "label not set, names that begin with `{RESERVED_PREFIX}` are the host's own");
    }
    labels.into_iter().collect()
}

fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED_PREFIX)
}

/// A name that people can say, always the same for the same host.
pub(crate) fn friendly_name(host: &HostKey) -> String {
    let bytes = host.key_bytes();
    let pick = |words: &[&'static str; 32], byte: u8| words[usize::from(byte % 32)];
    let number = u16::from_le_bytes([bytes[2], bytes[3]]) % 10_000;
    format!("{}-{}-{number:04}", pick(&QUALITIES, bytes[0]), pick(&THINGS, bytes[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_follows_from_the_key() {
        let host: HostKey = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("published");
        assert_eq!(friendly_name(&host), friendly_name(&host.clone()));
        assert_eq!(friendly_name(&host).split('-').count(), 3);
    }
}
