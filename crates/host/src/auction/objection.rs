//! What speaks against running something here, each in a sentence that names the thing.

use lattice_protocol::{ActorKey, Constraints, Labels};

use crate::actors::Refusal;

/// What speaks against running something here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Objection {
    #[error("label `{key}` is not set, the auction wants `{wanted}`")]
    LabelNotSet { key: String, wanted: String },
    #[error("label `{key}` is `{found}`, the auction wants `{wanted}`")]
    LabelDiffers { key: String, found: String, wanted: String },
    /// A start would be refused so before it is a command.
    #[error("{0}")]
    Unacceptable(String),
    /// A start would not be taken on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("actor {actor} runs on this host with these annotations from another image, `{running}`")]
    OtherImage { actor: ActorKey, running: String },
    #[error("{running} instances run with these annotations and {added} more are beyond the limit of 65535")]
    TooManyInstances { running: u16, added: u16 },
    /// A start of a provider would not be taken on.
    #[error(transparent)]
    ProviderRefused(#[from] crate::providers::Refusal),
}

/// What the labels of a host speak against: every constraint must be there with exactly its value.
pub(crate) fn label_objections(labels: &Labels, constraints: &Constraints) -> Vec<Objection> {
    constraints.iter().filter_map(|(key, wanted)| label_objection(labels, key, wanted)).collect()
}

fn label_objection(labels: &Labels, key: &str, wanted: &str) -> Option<Objection> {
    let (key, wanted) = (key.to_owned(), wanted.to_owned());
    match labels.get(&key) {
        None => Some(Objection::LabelNotSet { key, wanted }),
        Some(found) if found == wanted => None,
        Some(found) => Some(Objection::LabelDiffers { found: found.to_owned(), key, wanted }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[(&str, &str)], constraints: &[(&str, &str)], expect: &[&str]) {
        let labels = labels.iter().copied().collect();
        let found = label_objections(&labels, &constraints.iter().copied().collect());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn every_constraint_counts_exactly() {
        let labels = [("zone", "a"), ("empty", ""), ("hostcore.os", "linux")];
        check(&labels, &[], &[]);
        check(&labels, &[("zone", "a"), ("empty", ""), ("hostcore.os", "linux")], &[]);
        check(&labels, &[("zone", "A")], &["label `zone` is `a`, the auction wants `A`"]);
        check(&labels, &[("Zone", "a")], &["label `Zone` is not set, the auction wants `a`"]);
        check(
            &labels,
            &[("empty", "x"), ("gpu", ""), ("zone", "b")],
            &[
                "label `empty` is ``, the auction wants `x`",
                "label `gpu` is not set, the auction wants ``",
                "label `zone` is `a`, the auction wants `b`",
            ],
        );
    }
}
