//! Hosts of one machine that want the same at the same time.

use lattice_claims::AccountSeed;
use lattice_host::Host;
use lattice_protocol::HostKey;
use tokio::sync::watch;

use crate::{
    programs::HostProcess,
    server::{Fake, Stored, is_layer},
    shop::{Module, assert_clean, assert_well, client, files, from, lattice_from, module, start_on},
    support::{Lattice, Seeds, config},
};

crate::tests![two_hosts_of_one_process_download_once, hosts_of_two_processes_download_once];

/// A registry with one large image, whose layer comes when it is let.
struct Slow {
    image: Module,
    fake: Fake,
    gate: watch::Sender<bool>,
}

impl Slow {
    async fn start() -> Self {
        let image = module(&AccountSeed::generate(), 20 << 20);
        let (gate, _) = watch::channel(false);
        let (stored, held) = (Stored::module(&image.bytes), gate.clone());
        let answer = move |path: &str| match is_layer(path) {
            true => stored.layer().held_by(&held),
            false => stored.answer(path),
        };
        Self { image, fake: Fake::start(answer).await, gate }
    }

    /// Starts the image on both hosts, and lets nothing of it come before both have asked what it is.
    async fn start_on_both(&self, lattice: &Lattice, neighbour: &HostKey) {
        let (client, reference) = (client(lattice), self.fake.reference("large:1"));
        let let_come = async {
            self.fake.until_asked("/manifests/", 2).await;
            self.fake.until_asked("/blobs/", 1).await;
            self.gate.send_replace(true);
        };
        let (one, other) = (lattice.host_key(), neighbour);
        let (one, other, ()) =
            tokio::join!(start_on(&client, &one, &reference), start_on(&client, other, &reference), let_come);
        for record in [one, other] {
            assert_well(&record);
            assert_eq!(record.fetch.and_then(|fetch| fetch.digest), Some(self.image.digest()));
        }
        assert_eq!((self.fake.count("/manifests/"), self.fake.count("/blobs/")), (2, 1));
        let cache = lattice.dir.path().join("cache");
        assert_eq!((files(&cache, "sha256"), files(&cache, "turns")), (1, 0));
        assert_clean(lattice);
    }
}

async fn two_hosts_of_one_process_download_once() {
    let slow = Slow::start().await;
    let lattice = lattice_from(&slow.fake.server).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut config = config(&lattice.nats.client().await, &Seeds::generate(), &dir);
    config.cache_dir = lattice.dir.path().join("cache");
    from(&mut config, &slow.fake.server);
    let neighbour = Host::start(config).await.expect("another host starts");
    slow.start_on_both(&lattice, neighbour.key()).await;
    neighbour.stop(None).await;
}

async fn hosts_of_two_processes_download_once() {
    let slow = Slow::start().await;
    let lattice = lattice_from(&slow.fake.server).await;
    let cache = lattice.dir.path().join("cache");
    let neighbour = HostProcess::start(&lattice.nats, &cache, &slow.fake.server);
    slow.start_on_both(&lattice, &neighbour.key).await;
    neighbour.stop();
}
