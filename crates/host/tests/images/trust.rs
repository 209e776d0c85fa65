//! Hosts that do not run what anybody has signed.

use lattice_artifact::{Trust, UnknownIssuers};
use lattice_claims::AccountSeed;
use lattice_testkit::Registry;

use crate::{
    programs::archive,
    shop::{assert_failed, assert_well, from, module, prefetch, push, start, start_provider},
    support::Lattice,
};

crate::tests![what_a_stranger_has_signed_is_refused_unless_strangers_are_let_pass];

async fn what_a_stranger_has_signed_is_refused_unless_strangers_are_let_pass() {
    let registry = Registry::start().await;
    let (trusted, stranger) = (AccountSeed::generate(), AccountSeed::generate());
    let mut references = Vec::new();
    for (name, account) in [("ours", &trusted), ("theirs", &stranger)] {
        let actor_ref = push(&registry, &format!("{name}/hello:1"), &module(account, 10).bytes).await;
        let provider_ref = push(&registry, &format!("{name}/echo:1"), &archive(account, name).1).await;
        references.push((actor_ref, provider_ref));
    }
    let [(our_actor, our_provider), (their_actor, their_provider)] = &references[..] else { panic!("{references:?}") };
    let lattice = Lattice::start_with(|config| {
        from(config, registry.server());
        config.trust = Trust::new([trusted.public()], None);
    })
    .await;
    assert_well(&start(&lattice, our_actor).await);
    assert_well(&start_provider(&lattice, our_provider).await);
    let words = [stranger.public().to_string(), "`--trusted-issuer`".to_owned(), "`--unknown-issuers`".to_owned()];
    let words = words.each_ref().map(String::as_str);
    let refused = |reference| [&[reference], &words[..]].concat();
    assert_failed(&start(&lattice, their_actor).await, &refused(their_actor));
    assert_failed(&start_provider(&lattice, their_provider).await, &refused(their_provider));
    assert_failed(&prefetch(&lattice, their_actor).await, &refused(their_actor));
    assert_failed(&prefetch(&lattice, their_provider).await, &refused(their_provider));
    let inventory = lattice.inventory().await;
    assert_eq!((inventory.actors.len(), inventory.providers.len()), (1, 1));

    let lattice = lattice
        .restart_with(|config| {
            from(config, registry.server());
            config.trust = Trust::new([trusted.public()], Some(UnknownIssuers::Warn));
        })
        .await;
    assert_well(&start(&lattice, their_actor).await);
    assert_well(&start_provider(&lattice, their_provider).await);
}
