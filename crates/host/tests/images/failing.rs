//! Registries that fail in every way they have: the host tells how, goes on, and starts the image once it is there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use lattice_artifact::WebSettings;
use lattice_claims::AccountSeed;
use lattice_protocol::OperationPhase;
use lattice_testkit::eventually;
use serde_json::json;

use crate::{
    server::{Fake, MANIFEST, Reply, Stored, is_layer},
    shop::{assert_clean, assert_failed, assert_well, client, module, start, start_on},
    support::{DEADLINE, Lattice},
};

crate::tests![a_registry_that_fails_costs_the_start_alone, a_registry_that_never_answers_holds_nobody_up];

/// A registry that fails until it is mended.
struct Failing {
    fake: Fake,
    mended: Arc<AtomicBool>,
    expect: &'static str,
}

impl Failing {
    async fn start(expect: &'static str, fail: impl Fn(&Stored, &str) -> Reply + Send + Sync + 'static) -> Self {
        let stored = Stored::module(&module(&AccountSeed::generate(), 100_000).bytes);
        let mended = Arc::<AtomicBool>::default();
        let is_mended = Arc::clone(&mended);
        let fake = Fake::start(move |path| match is_mended.load(Ordering::Relaxed) {
            true => stored.answer(path),
            false => fail(&stored, path),
        });
        Self { fake: fake.await, mended, expect }
    }

    /// One that fails with its layers alone.
    async fn layer(expect: &'static str, fail: impl Fn(&Stored) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(expect, move |stored, path| match is_layer(path) {
            true => fail(stored),
            false => stored.answer(path),
        })
        .await
    }

    async fn all() -> Vec<Self> {
        let page = |_: &Stored, _: &str| Reply::ok("text/html", "<html>It works!</html>");
        let who = |_: &Stored, _: &str| Reply::status(401).with("www-authenticate", "Basic realm=\"x\"");
        vec![
            Self::start("does not say how", |_, _| Reply::status(401)).await,
            Self::start("there are no credentials for it", who).await,
            Self::start("the server forbids it", |_, _| Reply::status(403)).await,
            Self::start("does not exist", |_, _| Reply::status(404)).await,
            Self::start("has been asked too often", |_, _| Reply::status(429)).await,
            Self::start("the server failed with 500", |_, _| Reply::status(500)).await,
            Self::start("is `text/html` and no manifest", page).await,
            Self::start("the answer broke off", |_, _| Reply::status(200).torn(5)).await,
            Self::start("the manifest is none", |stored, path| match is_layer(path) {
                true => stored.layer(),
                false => Reply::ok(MANIFEST, &stored.manifest.as_bytes()[..50]),
            })
            .await,
            Self::layer("is incomplete", |_| Reply::status(404)).await,
            Self::layer("damaged or forged, and not used", |stored| {
                let mut bytes = stored.bytes.clone();
                bytes[50_000] ^= 1;
                Stored { bytes, ..stored.clone() }.layer()
            })
            .await,
            Self::layer("the layer has 50000 bytes and should have", |stored| {
                Stored { bytes: stored.bytes[..50_000].to_vec(), ..stored.clone() }.layer()
            })
            .await,
            Self::layer("the answer broke off", |stored| stored.layer().torn(50_000)).await,
        ]
    }
}

/// A lattice whose host reaches all of them.
async fn lattice_of(servers: impl Iterator<Item = &Fake>) -> Lattice {
    let web = servers.fold(WebSettings::default(), |web, fake| web.insecure(&fake.server));
    Lattice::start_with(|config| config.artifacts.sources.web = web).await
}

async fn a_registry_that_fails_costs_the_start_alone() {
    let registries = Failing::all().await;
    let good = Fake::with(Stored::module(&module(&AccountSeed::generate(), 10).bytes)).await;
    let lattice = lattice_of(registries.iter().map(|failing| &failing.fake).chain([&good])).await;
    let (client, host) = (client(&lattice), lattice.host_key());
    let start_all = async || {
        let starts = registries.iter().map(async |failing| {
            let reference = failing.fake.reference("team/hello:1");
            (start_on(&client, &host, &reference).await, failing, reference)
        });
        join_all(starts).await
    };
    let (failed, ()) = tokio::join!(start_all(), async {
        assert_well(&start(&lattice, &good.reference("hello:1")).await);
    });
    for (record, failing, reference) in &failed {
        assert_failed(record, &[reference, failing.expect]);
        assert!(record.fetch.as_ref().is_none_or(|fetch| fetch.digest.is_none()), "{record:?}");
        failing.mended.store(true, Ordering::Relaxed);
    }
    assert_eq!(lattice.inventory().await.actors.len(), 1);
    assert_clean(&lattice);
    for (record, ..) in start_all().await {
        assert_well(&record);
    }
    assert_eq!(lattice.inventory().await.actors.len(), 1 + registries.len());
    assert_clean(&lattice);
}

async fn a_registry_that_never_answers_holds_nobody_up() {
    let silent = Fake::start(|_| Reply::status(200).stuck(0)).await;
    let good = Fake::with(Stored::module(&module(&AccountSeed::generate(), 10).bytes)).await;
    let lattice = lattice_of([&silent, &good].into_iter()).await;
    let neighbour = lattice.join().await;
    let (client, host) = (client(&lattice), lattice.host_key());
    let body = |name| json!({"actor_ref": silent.reference(name)});
    let mut waiting = Vec::new();
    for name in ["a:1", "b:1", "c:1", "d:1"] {
        let ack = lattice.command("cmd.{host}.la", body(name)).await;
        waiting.push(ack.operation_id.expect("our hosts tell the operation"));
    }
    silent.until_asked("/manifests/", 4).await;
    assert_well(&start(&lattice, &good.reference("hello:1")).await);
    for id in &waiting {
        let record = client.operation_by_id(id, Duration::ZERO).await.expect("there is a record");
        assert_eq!(record.phase, OperationPhase::Fetching);
    }
    assert_clean(&lattice);
    lattice.host.stop(None).await;
    for id in &waiting {
        let ended = eventually("it has ended", DEADLINE, async || {
            let record = client.operation_by_id(id, Duration::ZERO).await.expect("there is a record");
            record.phase.is_final().then_some(record)
        });
        let record = ended.await;
        assert_eq!((record.phase, &record.host_id), (OperationPhase::Failed, &host), "{record:?}");
    }
    neighbour.host.stop(None).await;
}
