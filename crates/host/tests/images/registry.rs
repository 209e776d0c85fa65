//! Images in a registry as people run them: how it is reached, who is let in, and what is told of what came.

use lattice_artifact::{Digest, OciSettings, WebSettings};
use lattice_claims::AccountSeed;
use lattice_protocol::{HostInventory, OperationRecord, RefusalCode};
use lattice_testkit::{Registry, RegistryOptions};
use serde_json::json;

use crate::{
    programs::archive,
    server::{Fake, Stored},
    shop::{
        assert_clean, assert_failed, assert_refused, assert_well, client, credentials_for, from, join_from,
        lattice_from, module, prefetch, push, start, start_on, start_provider,
    },
    support::Lattice,
};

crate::tests![
    an_actor_and_a_provider_start_from_a_registry,
    without_being_named_insecure_a_registry_is_asked_by_tls_alone,
    credentials_of_the_lattice_open_a_registry,
    a_host_that_joins_later_has_the_credentials_too,
    an_authority_that_is_named_vouches_for_a_registry,
    latest_is_refused_at_once_unless_it_is_allowed,
];

#[track_caller]
fn assert_fetched(record: &OperationRecord, bytes: &[u8]) {
    let fetch = record.fetch.as_ref().expect("it was fetched");
    assert_eq!(fetch.digest.as_deref(), Some(&*Digest::of(bytes).to_string()));
    assert_eq!((fetch.size, fetch.fetched), (bytes.len() as u64, bytes.len() as u64));
    let version = fetch.version.as_deref().expect("a registry has versions");
    assert!(version.starts_with("sha256:") && Some(version) != fetch.digest.as_deref(), "{version}");
    assert_eq!(fetch.moved_from, None);
}

async fn an_actor_and_a_provider_start_from_a_registry() {
    let registry = Registry::start().await;
    let lattice = lattice_from(registry.server()).await;
    let image = module(&lattice.seeds.account, 100_000);
    let (provider, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;

    let record = start(&lattice, &actor_ref).await;
    assert_well(&record);
    assert_eq!((record.actor_id.as_ref(), record.reference.as_deref()), (Some(&image.key), Some(&*actor_ref)));
    assert_fetched(&record, &image.bytes);
    let record = start_provider(&lattice, &provider_ref).await;
    assert_well(&record);
    assert_fetched(&record, &packed);

    let HostInventory { actors, providers, .. } = lattice.inventory().await;
    let instance = &actors.good[0].instances.good[0];
    assert_eq!((&actors.good[0].id, instance.image_ref.as_deref()), (&image.key, Some(&*actor_ref)));
    assert_eq!(instance.digest.as_deref(), Some(&*image.digest()));
    assert_eq!((&providers.good[0].id, providers.good[0].image_ref.as_deref()), (&provider, Some(&*provider_ref)));
    assert_eq!(providers.good[0].digest.as_deref(), Some(&*Digest::of(&packed).to_string()));
    assert_clean(&lattice);
}

async fn without_being_named_insecure_a_registry_is_asked_by_tls_alone() {
    let registry = Registry::start().await;
    let lattice = Lattice::start().await;
    let image = module(&lattice.seeds.account, 0);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;
    let words = ["does not speak TLS", "--insecure-registry"];
    assert_failed(&start(&lattice, &actor_ref).await, &[&[&*actor_ref], &words[..]].concat());
    assert_failed(&start_provider(&lattice, &provider_ref).await, &[&[&*provider_ref], &words[..]].concat());
    assert_failed(&prefetch(&lattice, &actor_ref).await, &[&[&*actor_ref], &words[..]].concat());
}

async fn credentials_of_the_lattice_open_a_registry() {
    let registry = Registry::start_with(RegistryOptions { login: true, ..Default::default() }).await;
    let lattice = lattice_from(registry.server()).await;
    let image = module(&lattice.seeds.account, 0);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;

    let missing = ["there are no credentials for it", "lattice registry set"];
    assert_failed(&start(&lattice, &actor_ref).await, &[&[&*actor_ref], &missing[..]].concat());
    assert_failed(&start_provider(&lattice, &provider_ref).await, &[&[&*provider_ref], &missing[..]].concat());

    let wrong = json!({ registry.server(): {"username": Registry::USERNAME, "password": "Tr0ub4dor"} });
    assert!(lattice.command("registries.put", wrong).await.accepted);
    let record = start(&lattice, &actor_ref).await;
    assert_failed(&record, &[&*actor_ref, "does not accept the credentials", "lattice registry set"]);
    assert!(!format!("{record:?}").contains("Tr0ub4dor"), "{record:?}");

    assert!(lattice.command("registries.put", credentials_for(&registry)).await.accepted);
    assert_well(&start(&lattice, &actor_ref).await);
    assert_well(&start_provider(&lattice, &provider_ref).await);
}

async fn a_host_that_joins_later_has_the_credentials_too() {
    let registry = Registry::start_with(RegistryOptions { login: true, ..Default::default() }).await;
    let lattice = lattice_from(registry.server()).await;
    let image = module(&lattice.seeds.account, 0);
    let reference = push(&registry, "team/hello:1", &image.bytes).await;
    assert!(lattice.command("registries.put", credentials_for(&registry)).await.accepted);
    let neighbour = join_from(&lattice, registry.server()).await;
    assert_well(&start_on(&client(&lattice), neighbour.host.key(), &reference).await);
    neighbour.host.stop(None).await;
}

async fn an_authority_that_is_named_vouches_for_a_registry() {
    let registry = Registry::start_with(RegistryOptions { tls: true, ..Default::default() }).await;
    let lattice = Lattice::start().await;
    let image = module(&lattice.seeds.account, 0);
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    let actor_ref = push(&registry, "team/hello:1", &image.bytes).await;
    let provider_ref = push(&registry, "team/echo:1", &packed).await;
    let words = ["nobody whom this machine trusts", "--registry-ca"];
    assert_failed(&start(&lattice, &actor_ref).await, &[&[&*actor_ref], &words[..]].concat());
    assert_failed(&start_provider(&lattice, &provider_ref).await, &[&[&*provider_ref], &words[..]].concat());

    let authority = registry.authority().expect("it speaks TLS");
    let web = WebSettings::default().extra_root(authority);
    let lattice = lattice.restart_with(|config| config.artifacts.sources.web = web).await;
    assert_well(&start(&lattice, &actor_ref).await);
    assert_well(&start_provider(&lattice, &provider_ref).await);
}

async fn latest_is_refused_at_once_unless_it_is_allowed() {
    let image = module(&AccountSeed::generate(), 0);
    let fake = Fake::with(Stored::module(&image.bytes)).await;
    let lattice = lattice_from(&fake.server).await;
    for (name, words) in [("hello:latest", "what `latest` is changes"), ("hello", "without a tag it means `latest`")] {
        let reference = fake.reference(name);
        let words = [&*reference, words, "--allow-latest"];
        for (command, body) in [
            ("cmd.{host}.la", json!({"actor_ref": reference})),
            ("cmd.{host}.scale", json!({"actor_id": image.key, "actor_ref": reference, "count": 1})),
            ("cmd.{host}.upd", json!({"actor_id": image.key, "new_actor_ref": reference})),
            ("cmd.{host}.lp", json!({"provider_ref": reference, "link_name": "default"})),
            ("cmd.{host}.prefetch", json!({"image_ref": reference})),
        ] {
            assert_refused(&lattice, command, body, RefusalCode::NotAllowed, &words).await;
        }
    }
    assert_eq!(fake.count("/"), 0);
    let lattice = lattice
        .restart_with(|config| {
            from(config, &fake.server);
            config.artifacts.sources.oci = OciSettings::default().allow_latest(true);
        })
        .await;
    assert_well(&start(&lattice, &fake.reference("hello:latest")).await);
    assert_well(&start(&lattice, &fake.reference("hello")).await);
}
