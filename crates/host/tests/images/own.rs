//! Images that lie in the lattice itself.

use bytes::Bytes;
use lattice_client::{PushOptions, Pushed};
use lattice_protocol::{HostInventory, PullPolicy, RefusalCode};

use crate::{
    programs::archive,
    shop::{assert_failed, assert_well, client, module, prefetch, start, start_by, start_on, start_provider},
    support::{DEADLINE, Lattice},
};

crate::tests![
    what_is_pushed_through_one_host_starts_on_another,
    what_is_deleted_starts_nowhere_and_what_runs_of_it_goes_on,
    what_was_replaced_is_told_and_policies_count,
];

const HELLO: &str = "nats://hello:1";
const ECHO: &str = "nats://echo:1";

async fn push(lattice: &Lattice, reference: &str, bytes: &Bytes) {
    put(lattice, reference, bytes, PushOptions::default()).await;
}

async fn put(lattice: &Lattice, reference: &str, bytes: &Bytes, options: PushOptions) {
    let pushed = client(lattice).push_artifact(reference, bytes.clone(), options, |_, _| {}).await;
    let Pushed::Taken(operation) = pushed.expect("a host takes it") else { panic!("it was there already") };
    operation.wait(DEADLINE).await.expect("it is stored");
}

async fn what_is_pushed_through_one_host_starts_on_another() {
    let lattice = Lattice::start().await;
    let image = module(&lattice.seeds.account, 1_000_000);
    push(&lattice, HELLO, &image.bytes).await;
    // Whichever host took it, this one was not there.
    let neighbour = lattice.join().await;
    let record = start_on(&client(&lattice), neighbour.host.key(), HELLO).await;
    assert_well(&record);
    assert_eq!(record.actor_id, Some(image.key.clone()));
    assert_eq!(record.fetch.as_ref().and_then(|fetch| fetch.digest.clone()), Some(image.digest()));
    neighbour.host.stop(None).await;

    let (provider, packed) = archive(&lattice.seeds.account, "Echo");
    push(&lattice, ECHO, &packed).await;
    assert_well(&start_provider(&lattice, ECHO).await);
    assert_eq!(lattice.inventory().await.providers.good[0].id, provider);
}

async fn what_is_deleted_starts_nowhere_and_what_runs_of_it_goes_on() {
    let lattice = Lattice::start().await;
    let image = module(&lattice.seeds.account, 10);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    push(&lattice, HELLO, &image.bytes).await;
    push(&lattice, ECHO, &packed).await;
    assert_well(&start(&lattice, HELLO).await);
    assert_well(&start_provider(&lattice, ECHO).await);

    let client = client(&lattice);
    for reference in [HELLO, ECHO] {
        client.delete_artifact(reference).await.expect("it is there").wait(DEADLINE).await.expect("it is removed");
        let again = client.delete_artifact(reference).await.expect_err("it is gone");
        assert_eq!(again.refusal_code(), Some(RefusalCode::NotFound));
    }
    let missing = |reference| [reference, "there is no `nats://", "lattice get artifacts"];
    assert_failed(&start(&lattice, HELLO).await, &missing(HELLO));
    assert_failed(&prefetch(&lattice, HELLO).await, &missing(HELLO));
    assert_failed(&prefetch(&lattice, ECHO).await, &missing(ECHO));
    let ran = running(&lattice).await;
    assert_eq!(ran, [image.digest(), lattice_artifact::Digest::of(&packed).to_string()]);

    let lattice = lattice.restart().await;
    lattice.host.restored().await;
    assert_eq!(running(&lattice).await, ran);
}

async fn what_was_replaced_is_told_and_policies_count() {
    let lattice = Lattice::start().await;
    let (first, second) = (module(&lattice.seeds.account, 10), module(&lattice.seeds.account, 20));
    push(&lattice, HELLO, &first.bytes).await;
    assert_failed(&start_by(&lattice, HELLO, PullPolicy::Never).await, &[HELLO, "not in the cache"]);
    assert_well(&start(&lattice, HELLO).await);
    put(&lattice, HELLO, &second.bytes, PushOptions::default().force(true)).await;

    let kept = start_by(&lattice, HELLO, PullPolicy::IfNotPresent).await.fetch.expect("it is there");
    assert_eq!((kept.digest, kept.moved_from), (Some(first.digest()), None));
    let moved = start(&lattice, HELLO).await.fetch.expect("it was fetched");
    assert_eq!((moved.digest, moved.moved_from), (Some(second.digest()), Some(first.digest())));

    client(&lattice).delete_artifact(HELLO).await.expect("it is there").wait(DEADLINE).await.expect("it is removed");
    let cached = start_by(&lattice, HELLO, PullPolicy::Never).await.fetch.expect("it is in the cache");
    assert_eq!((cached.digest, cached.moved_from), (Some(second.digest()), None));
}

/// The digests of what runs.
async fn running(lattice: &Lattice) -> Vec<String> {
    let HostInventory { actors, providers, .. } = lattice.inventory().await;
    let actors = actors.good.into_iter().flat_map(|actor| actor.instances.good).filter_map(|instance| instance.digest);
    actors.chain(providers.good.into_iter().filter_map(|provider| provider.digest)).collect()
}
