//! Disks that take no more: what needs them fails, everything else goes on.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use lattice_claims::AccountSeed;

use crate::{
    programs::{HostProcess, archive, archive_with},
    server::{Fake, Stored},
    shop::{
        assert_failed, assert_well, client, ended, files, lattice_from, module, prefetch, start, start_on,
        start_provider, start_provider_on,
    },
    support::Lattice,
};

crate::tests![
    actors_start_though_nothing_can_be_written_to_the_cache,
    a_disk_that_is_full_costs_what_must_be_written_alone,
];

/// Lets nothing more be written to a cache, or as before; the rights of directories mean nothing to root.
fn block(cache: &Path, blocked: bool) {
    let unfinished = cache.join("artifacts/unfinished");
    if blocked {
        fs::remove_dir(&unfinished).expect("it is empty");
        fs::write(&unfinished, "").expect("it can be written");
    } else {
        fs::remove_file(&unfinished).expect("it is there");
        fs::create_dir(&unfinished).expect("it can be made");
    }
}

async fn actors_start_though_nothing_can_be_written_to_the_cache() {
    let image = module(&AccountSeed::generate(), 10);
    let fake = Fake::with(Stored::module(&image.bytes)).await;
    let lattice = lattice_from(&fake.server).await;
    let (cache, provider) = (lattice.dir.path().join("cache"), lattice.dir.path().join("echo.par"));
    let (_, packed) = archive(&lattice.seeds.account, "Echo");
    fs::write(&provider, &packed).expect("it can be written");
    let provider = format!("file://{}", provider.display());
    block(&cache, true);

    assert_well(&start(&lattice, &fake.reference("hello:1")).await);
    assert_eq!(files(&cache, "sha256"), 0);
    let words = ["the executable of", &*provider, "cannot be written to the cache"];
    assert_failed(&start_provider(&lattice, &provider).await, &words);
    let reference = fake.reference("hello:2");
    let words = [&*reference, "cannot be kept in the cache", "the cache cannot be written; see to the disk"];
    assert_failed(&prefetch(&lattice, &reference).await, &words);

    block(&cache, false);
    assert_well(&start_provider(&lattice, &provider).await);
    assert_well(&prefetch(&lattice, &reference).await);
    assert_eq!(files(&cache, "unfinished"), 0);
}

async fn a_disk_that_is_full_costs_what_must_be_written_alone() {
    const DISK: usize = 1 << 20;
    let account = AccountSeed::generate();
    let (small, large) = (module(&account, 10), module(&account, 2 * DISK));
    let (small, large) = (Stored::module(&small.bytes), Stored::module(&large.bytes));
    let (small, large) = (Fake::with(small).await, Fake::with(large).await);
    let lattice = Lattice::start().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let cache = dir.path().join("cache");
    fs::create_dir(&cache).expect("it can be made");
    let servers = [&*small.server, &*large.server].join(",");
    let Some(host) = HostProcess::with_disk(DISK, &lattice.nats, &cache, &servers) else {
        let _ = writeln!(io::stderr(), "SKIPPED: `unshare --map-root-user --mount` gives no disk of one's own here");
        return;
    };
    let (client, key) = (client(&lattice), &host.key);
    let image = large.reference("large:1");
    for _ in 0..2 {
        let record = start_on(&client, key, &image).await;
        assert_well(&record);
        let unkept = record.fetch.and_then(|fetch| fetch.unkept).expect("that it is not kept is told");
        assert!(unkept.contains("No space left on device"), "{unkept}");
    }
    assert_eq!(large.count("/blobs/"), 2, "it is not kept");
    let prefetched = ended(client.prefetch(key, &image).await.expect("it is taken on")).await;
    assert_failed(&prefetched, &[&image, "cannot be kept in the cache", "No space left on device"]);

    // Its program is larger than the disk, the archive is not.
    let (_, packed) = archive_with(&account, "Large", &"x".repeat(2 * DISK));
    let provider = dir.path().join("large.par");
    fs::write(&provider, &packed).expect("it can be written");
    let provider = format!("file://{}", provider.display());
    let record = start_provider_on(&client, key, &provider).await;
    assert_failed(&record, &[&provider, "cannot be written to the cache", "No space left on device"]);

    // What could not be written has left no room taken.
    let image = small.reference("small:1");
    assert_well(&ended(client.prefetch(key, &image).await.expect("it is taken on")).await);
    let (_, packed) = archive_with(&account, "Small", &"x".repeat(DISK / 2));
    let provider = dir.path().join("small.par");
    fs::write(&provider, &packed).expect("it can be written");
    assert_well(&start_provider_on(&client, key, &format!("file://{}", provider.display())).await);
    host.stop();
}
