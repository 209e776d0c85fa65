//! What a host says of itself, and the name people use for it.

use lattice_protocol::{HostKey, Labels};

/// Labels that begin so are the host's own and cannot be set by anybody.
pub(crate) const RESERVED_PREFIX: &str = "hostcore.";

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
pub(crate) fn builtin() -> Labels {
    [
        ("hostcore.arch", std::env::consts::ARCH),
        ("hostcore.os", std::env::consts::OS),
        ("hostcore.osfamily", std::env::consts::FAMILY),
    ]
    .into_iter()
    .collect()
}

/// The labels of a host: its own, and of the user's those that do not claim to be.
pub(crate) fn of_host(user: Labels) -> Labels {
    let (reserved, mut labels): (Vec<_>, Vec<_>) =
        user.into_iter().partition(|(key, _)| key.starts_with(RESERVED_PREFIX));
    for (key, _) in reserved {
        tracing::warn!(label = key, "label not set, names that begin with `{RESERVED_PREFIX}` are the host's own");
    }
    labels.extend(builtin());
    labels.into_iter().collect()
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
    fn users_cannot_claim_the_hosts_own_labels() {
        let user = [("zone", "a"), ("hostcore.arch", "z80")].into_iter().collect();
        let labels = of_host(user);
        assert_eq!(labels.get("zone"), Some("a"));
        assert_eq!(labels.get("hostcore.arch"), Some(std::env::consts::ARCH));
    }

    #[test]
    fn the_name_follows_from_the_key() {
        let host: HostKey = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA".parse().expect("published");
        assert_eq!(friendly_name(&host), friendly_name(&host.clone()));
        assert_eq!(friendly_name(&host).split('-').count(), 3);
    }
}
