//! Having images before anything starts from them.

use std::num::NonZeroUsize;

use futures::StreamExt;
use lattice_claims::AccountSeed;
use lattice_client::PrefetchEverywhere;
use lattice_protocol::{OperationPhase, PullPolicy, RefusalCode};
use lattice_testkit::{Registry, eventually};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    programs::archive,
    server::{Fake, Stored, is_layer},
    shop::{
        assert_clean, assert_failed, assert_refused, assert_well, client, files, from, join_from, lattice_from, module,
        prefetch, push, start_by, start_provider_by,
    },
    support::{DEADLINE, Lattice},
};

crate::tests![
    what_was_prefetched_starts_when_the_registry_is_gone,
    every_host_can_have_it_in_advance,
    what_is_larger_than_the_cache_cannot_be_had_in_advance,
    too_many_that_wait_are_refused,
    a_host_that_stops_gives_it_up_and_leaves_nothing,
];

async fn what_was_prefetched_starts_when_the_registry_is_gone() {
    let registry = Registry::start().await;
    let lattice = lattice_from(registry.server()).await;
    let image = module(&lattice.seeds.account, 10);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;

    let record = prefetch(&lattice, &actor_ref).await;
    assert_well(&record);
    assert_eq!((record.phase, record.command.as_str()), (OperationPhase::Done, "prefetch"));
    assert!(record.phases.iter().any(|reached| reached.phase == OperationPhase::Compiling), "{record:?}");
    let fetch = record.fetch.expect("it was fetched");
    assert_eq!((fetch.digest, fetch.size), (Some(image.digest()), image.bytes.len() as u64));
    let cache = lattice.dir.path().join("cache");
    assert_eq!(files(&cache, "executables"), 0);
    assert_well(&prefetch(&lattice, &provider_ref).await);
    assert_eq!((files(&cache, "sha256"), files(&cache, "executables")), (2, 1));
    let inventory = lattice.inventory().await;
    assert!(inventory.actors.is_empty() && inventory.providers.is_empty(), "nothing runs of it");

    drop(registry);
    assert_well(&start_by(&lattice, &actor_ref, PullPolicy::IfNotPresent).await);
    assert_well(&start_provider_by(&lattice, &provider_ref, PullPolicy::IfNotPresent).await);
    let always = start_by(&lattice, &actor_ref, PullPolicy::Always).await;
    assert_failed(&always, &[&actor_ref, "the connection is refused"]);
    assert_clean(&lattice);
}

async fn every_host_can_have_it_in_advance() {
    let image = module(&AccountSeed::generate(), 10);
    let fake = Fake::with(Stored::module(&image.bytes)).await;
    let lattice = lattice_from(&fake.server).await;
    let neighbour = join_from(&lattice, &fake.server).await;
    let wanted = PrefetchEverywhere {
        image_ref: fake.reference("hello:1"),
        constraints: Default::default(),
        max_parallel: NonZeroUsize::MIN,
        deadline: DEADLINE,
    };
    let prefetches = client(&lattice).prefetch_everywhere(wanted).await.expect("hosts answer");
    assert!(prefetches.is_complete() && prefetches.hosts().len() == 2, "{prefetches:?}");
    let hosts: Vec<_> = prefetches.collect().await;
    assert!(hosts.iter().all(|host| host.outcome.is_ok()) && hosts.len() == 2, "{hosts:?}");
    for dir in [&lattice.dir, &neighbour.dir] {
        assert_eq!(files(&dir.path().join("cache"), "sha256"), 1);
    }
    neighbour.host.stop(None).await;
}

async fn what_is_larger_than_the_cache_cannot_be_had_in_advance() {
    let account = AccountSeed::generate();
    let (small, large) = (module(&account, 10), module(&account, 200_000));
    let stored = [Stored::module(&small.bytes), Stored::module(&large.bytes)];
    let [small_layer, large_layer] = [&small, &large].map(|image| image.digest());
    let fake = Fake::start(move |path| match path {
        _ if path.contains(&small_layer) || path.contains("/small/manifests/") => stored[0].answer(path),
        _ if path.contains(&large_layer) || path.contains("/large/manifests/") => stored[1].answer(path),
        _ => panic!("who asks for {path}?"),
    })
    .await;
    let lattice = Lattice::start_with(|config| {
        from(config, &fake.server);
        config.artifacts = config.artifacts.clone().cache_capacity(100_000);
    })
    .await;
    let reference = fake.reference("large:1");
    let record = prefetch(&lattice, &reference).await;
    assert_failed(&record, &[&reference, "cannot be kept in the cache", "larger than the cache"]);
    assert_eq!(files(&lattice.dir.path().join("cache"), "sha256"), 0);
    assert_well(&prefetch(&lattice, &fake.reference("small:1")).await);
    assert_well(&start_by(&lattice, &reference, PullPolicy::IfNotPresent).await);
    assert_clean(&lattice);
}

/// A server that tells nothing before it is let.
async fn held() -> (Fake, watch::Sender<bool>) {
    let image = module(&AccountSeed::generate(), 10);
    let (stored, (gate, _)) = (Stored::module(&image.bytes), watch::channel(false));
    let held = gate.clone();
    (Fake::start(move |path| stored.answer(path).held_by(&held)).await, gate)
}

async fn too_many_that_wait_are_refused() {
    let (fake, gate) = held().await;
    let lattice = lattice_from(&fake.server).await;
    let wanted = |number: usize| json!({"image_ref": fake.reference(&format!("hello:{number}"))});
    let mut acks = Vec::new();
    for number in 0..2 {
        acks.push(lattice.command("cmd.{host}.prefetch", wanted(number)).await);
    }
    fake.until_asked("/manifests/", 2).await;
    for number in 2..66 {
        acks.push(lattice.command("cmd.{host}.prefetch", wanted(number)).await);
    }
    assert!(acks.iter().all(|ack| ack.accepted), "{acks:?}");
    let words = ["64 images are waiting to be fetched already", "try again"];
    assert_refused(&lattice, "cmd.{host}.prefetch", wanted(66), RefusalCode::Full, &words).await;
    assert_eq!(fake.count("/manifests/"), 2, "two at a time are fetched");
    gate.send_replace(true);
    for ack in &acks {
        assert_well(&lattice.finished(ack).await);
    }
    assert_well(&prefetch(&lattice, &fake.reference("hello:66")).await);
}

async fn a_host_that_stops_gives_it_up_and_leaves_nothing() {
    let image = module(&AccountSeed::generate(), 500_000);
    let stored = Stored::module(&image.bytes);
    let fake = Fake::start(move |path| match is_layer(path) {
        true => stored.layer().stuck(300_000),
        false => stored.answer(path),
    })
    .await;
    let lattice = lattice_from(&fake.server).await;
    let neighbour = join_from(&lattice, &fake.server).await;
    let (client, host) = (client(&lattice), lattice.host_key());
    let operation = client.prefetch(&host, &fake.reference("hello:1")).await.expect("it is taken on");
    let record = async || client.operation_by_id(operation.id(), Default::default()).await.expect("there is a record");
    eventually("some of it has come", DEADLINE, async || {
        record().await.fetch.filter(|fetch| fetch.fetched >= 65_536 && fetch.size > 500_000)
    })
    .await;
    let (own, dir) = (lattice.host, lattice.dir);
    own.stop(None).await;
    let ended =
        eventually("it has ended", DEADLINE, async || Some(record().await).filter(|record| record.phase.is_final()));
    assert_failed(&ended.await, &["the host gave it up"]);
    let cache = dir.path().join("cache");
    for part in ["unfinished", "turns", "sha256", "notes"] {
        assert_eq!(files(&cache, part), 0, "{part}");
    }
    neighbour.host.stop(None).await;
}
