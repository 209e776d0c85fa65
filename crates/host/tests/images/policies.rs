//! When the source of an image is asked: as a command says, or else as the host is set.

use lattice_claims::AccountSeed;
use lattice_protocol::{PullPolicy, RefusalCode};
use lattice_testkit::Registry;
use serde_json::json;

use crate::{
    programs::archive,
    server::{Fake, Stored},
    shop::{
        assert_failed, assert_well, from, lattice_from, module, pulled, push, start, start_by, start_provider,
        start_provider_by,
    },
    support::Lattice,
};

crate::tests![
    a_tag_that_was_moved_is_told,
    what_is_there_starts_without_a_question_where_that_will_do,
    what_is_not_there_is_not_asked_for_where_that_is_forbidden,
    what_is_there_starts_though_its_registry_is_gone,
    a_pull_policy_that_is_none_is_refused,
];

async fn a_tag_that_was_moved_is_told() {
    let registry = Registry::start().await;
    let lattice = lattice_from(registry.server()).await;
    let (first, second) = (module(&lattice.seeds.account, 10), module(&lattice.seeds.account, 20));
    let reference = push(&registry, "team/hello:1", &first.bytes).await;
    let before = start(&lattice, &reference).await;
    assert_well(&before);
    push(&registry, "team/hello:1", &second.bytes).await;

    let kept = start_by(&lattice, &reference, PullPolicy::IfNotPresent).await;
    assert_well(&kept);
    let (before, kept) = (before.fetch.expect("it was fetched"), kept.fetch.expect("it is there"));
    assert_eq!((&kept.version, &kept.digest, &kept.moved_from), (&before.version, &before.digest, &None));

    let moved = start_by(&lattice, &reference, PullPolicy::Always).await;
    assert_well(&moved);
    assert_eq!(moved.actor_id, Some(second.key));
    let moved = moved.fetch.expect("it was fetched");
    assert_eq!((&moved.moved_from, moved.digest), (&before.version, Some(Stored::digest(&second.bytes))));
    let again = start_by(&lattice, &reference, PullPolicy::Always).await.fetch.expect("it was fetched");
    assert_eq!((again.moved_from, again.version), (None, moved.version));
}

/// A server with one module, a host that has had it, and how often the server was asked for it.
async fn had(policy: PullPolicy) -> (Fake, Lattice, String, usize) {
    let image = module(&AccountSeed::generate(), 10);
    let fake = Fake::with(Stored::module(&image.bytes)).await;
    let reference = fake.reference("hello:1");
    let lattice = Lattice::start_with(|config| {
        from(config, &fake.server);
        config.pull = policy;
    })
    .await;
    assert_well(&start_by(&lattice, &reference, PullPolicy::Always).await);
    let asked = fake.count("/");
    assert_eq!((fake.count("/manifests/"), fake.count("/blobs/")), (1, 1));
    (fake, lattice, reference, asked)
}

async fn what_is_there_starts_without_a_question_where_that_will_do() {
    let (fake, lattice, reference, asked) = had(PullPolicy::Always).await;
    assert_well(&start_by(&lattice, &reference, PullPolicy::IfNotPresent).await);
    assert_eq!(fake.count("/"), asked);
    assert_well(&start(&lattice, &reference).await);
    assert_eq!((fake.count("/manifests/"), fake.count("/blobs/")), (2, 1), "it is asked for, and not transferred");

    for policy in [PullPolicy::IfNotPresent, PullPolicy::Never] {
        let (fake, lattice, reference, asked) = had(policy).await;
        assert_well(&start(&lattice, &reference).await);
        assert_eq!(fake.count("/"), asked, "{policy:?}");
        assert_well(&start_by(&lattice, &reference, PullPolicy::Always).await);
        assert_eq!(fake.count("/manifests/"), 2, "a command that says otherwise counts");
    }
}

async fn what_is_not_there_is_not_asked_for_where_that_is_forbidden() {
    let (fake, lattice, ..) = had(PullPolicy::Never).await;
    let (asked, other) = (fake.count("/"), fake.reference("other:1"));
    let words = [&*other, "is not in the cache", "the pull policy `never` forbids"];
    assert_failed(&start(&lattice, &other).await, &words);
    assert_failed(&start_provider(&lattice, &other).await, &words);
    assert_failed(&start_by(&lattice, &other, PullPolicy::Never).await, &words);
    assert_eq!(fake.count("/"), asked);
    assert_well(&start_by(&lattice, &other, PullPolicy::IfNotPresent).await);
}

async fn what_is_there_starts_though_its_registry_is_gone() {
    let registry = Registry::start().await;
    let lattice = lattice_from(registry.server()).await;
    let image = module(&lattice.seeds.account, 10);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;
    assert_well(&start(&lattice, &actor_ref).await);
    let provider = start_provider(&lattice, &provider_ref).await;
    assert_well(&provider);
    drop(registry);
    // Another host of the machine has nothing but the cache.
    let lattice = lattice
        .restart_with(|config| {
            config.restore = false;
            config.state_dir = config.state_dir.join("other");
        })
        .await;
    assert_well(&start_by(&lattice, &actor_ref, PullPolicy::Never).await);
    assert_well(&start_provider_by(&lattice, &provider_ref, PullPolicy::Never).await);
}

async fn a_pull_policy_that_is_none_is_refused() {
    let (fake, lattice, reference, asked) = had(PullPolicy::Always).await;
    for (rest, body) in [
        ("cmd.{host}.la", json!({"actor_ref": reference})),
        ("cmd.{host}.lp", json!({"provider_ref": reference, "link_name": "default"})),
        ("cmd.{host}.prefetch", json!({"image_ref": reference})),
    ] {
        for policy in ["sometimes", "Always", ""] {
            let ack = pulled(&lattice, rest, body.clone(), policy).await;
            assert_eq!((ack.accepted, ack.code), (false, Some(RefusalCode::Invalid)), "{rest} {policy}");
            let expect =
                format!("`Lattice-Pull`: unknown pull policy `{policy}`; there are `always`, `if-not-present`");
            assert!(ack.error.contains(&expect), "{}", ack.error);
        }
    }
    assert_eq!(fake.count("/"), asked);
}
