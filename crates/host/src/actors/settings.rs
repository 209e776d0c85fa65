//! What annotations say of how instances are run.

use lattice_protocol::Annotations;
use lattice_runtime::ActorSettings;

/// The annotation that keeps instances, and what they have in memory, between calls.
const REUSE: &str = "reuse";

/// The settings of a group with these annotations.
pub(crate) fn for_group(base: &ActorSettings, annotations: &Annotations, count: u16) -> ActorSettings {
    let reuse = annotations.get(REUSE).is_some_and(|value| value != "false");
    ActorSettings { count, reuse, ..base.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuse_is_an_annotation() {
        let base = ActorSettings::default();
        let with = |value: &str| for_group(&base, &[("reuse", value)].into_iter().collect(), 3);
        assert!(with("true").reuse && with("").reuse && !with("false").reuse);
        assert_eq!(with("true").count, 3);
        assert!(!for_group(&base, &Annotations::new(), 1).reuse);
    }
}
