//! Keys lent to providers: told to every host before the provider has them, taken back when it is gone.
//!
//! They lie in a bucket of this project, `LATTICEKEYS_{lattice}`: under each key the token that says what it may sign. Tokens
//! are short-lived and made anew as long as the provider runs, so that those of a host that died end by themselves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_nats::jetstream;
use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use lattice_claims::{ClusterSeed, Delegates, Delegation, Issuers, sign_delegation, unix_seconds};
use lattice_protocol::{ContractId, HostKey, LatticeName, error_chain};
use lattice_rpc::KeyLookup;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use crate::{
    bucket::{Bucket, BucketError, Entry, Expected, Follower, View},
    defaults::{LENT_FOR, LOAN_LOOK, LOOKUPS_AT_ONCE, RELENT_BELOW},
    error::StartError,
    providers::InstanceKey,
};

/// Lends keys, and knows those that others have lent; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LentKeys {
    bucket: Bucket,
    known: Known,
    lender: Arc<Lender>,
    lookups: Arc<Semaphore>,
}

#[derive(Debug)]
struct Lender {
    cluster: ClusterSeed,
    host: HostKey,
    incarnation: String,
}

/// The copy in memory.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    issuers: Issuers,
    delegates: Delegates,
}

/// What a host knows of keys before it starts.
pub(crate) struct Opened {
    bucket: Bucket,
    known: Known,
    follower: Follower<Known>,
}

impl Opened {
    /// Opens the bucket, or makes it, and reads what it holds.
    pub(crate) async fn open(
        jetstream: &jetstream::Context,
        lattice: &LatticeName,
        host: HostKey,
        issuers: Issuers,
    ) -> Result<Self, StartError> {
        let name = format!("LATTICEKEYS_{lattice}");
        let known = Known { issuers, delegates: Delegates::default() };
        let opened = async {
            let bucket = Bucket::open_for(jetstream, &name, host, LENT_FOR * 2).await?;
            let follower = Follower::open(bucket.clone(), known.clone()).await?;
            Ok(Self { bucket, known, follower })
        };
        opened.await.map_err(|source| StartError::Bucket { bucket: name.clone(), source })
    }

    /// The issuers whose invocations are accepted, lent keys among them.
    pub(crate) fn issuers(&self) -> Issuers {
        self.known.issuers.clone().with_delegates(self.known.delegates.clone())
    }

    /// Begins to lend, and what keeps the copy equal to the bucket.
    pub(crate) fn start(self, cluster: ClusterSeed, host: HostKey, incarnation: String) -> (LentKeys, Follower<Known>) {
        let lender = Arc::new(Lender { cluster, host, incarnation });
        let lookups = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE));
        (LentKeys { bucket: self.bucket, known: self.known, lender, lookups }, self.follower)
    }
}

/// A key that was lent.
#[derive(Clone, Debug)]
pub(crate) struct Loan {
    seed: ClusterSeed,
    terms: Delegation,
    /// The last second of validity that all hosts can know of, since 1970.
    expires: Arc<AtomicU64>,
    keys: LentKeys,
}

impl LentKeys {
    /// Lends a key to a provider: when this returns, every host that looks can know of it.
    pub(crate) async fn lend(&self, to: &InstanceKey, contract: &ContractId) -> Result<Loan, BucketError> {
        let seed = ClusterSeed::generate();
        let terms = Delegation {
            key: seed.public(),
            provider: to.provider.clone(),
            link: to.link.clone(),
            contract: contract.clone(),
            host: self.lender.host.clone(),
            incarnation: self.lender.incarnation.clone(),
            expires: 0,
        };
        let loan = Loan { seed, terms, expires: Arc::default(), keys: self.clone() };
        loan.tell(SystemTime::now()).await?;
        Ok(loan)
    }

    async fn find(&self, key: &str) -> bool {
        let Ok(_place) = self.lookups.try_acquire() else { return false };
        match self.bucket.read(key).await {
            Ok(Some(entry)) => {
                self.known.take(&entry);
                self.known.delegates.knows(key)
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "it cannot be looked whether a key was lent to a provider");
                false
            }
        }
    }
}

impl KeyLookup for LentKeys {
    fn look_up(&self, key: String) -> BoxFuture<'_, bool> {
        async move { self.find(&key).await }.boxed()
    }
}

impl Loan {
    /// The seed, for the provider alone.
    pub(crate) fn seed(&self) -> &ClusterSeed {
        &self.seed
    }

    /// Keeps the loan from ending, as long as this is polled.
    pub(crate) async fn keep(self) {
        let mut looks = interval(LOAN_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look(SystemTime::now()).await;
        }
    }

    /// Has it last for another while if it ends soon. By the clock on the wall, as those who verify do: the other one stands
    /// still while the machine sleeps.
    async fn look(&self, now: SystemTime) {
        if self.expires.load(Ordering::Relaxed) < unix_seconds(now + RELENT_BELOW) {
            self.prolong(now).await;
        }
    }

    /// Has it last for another while.
    pub(crate) async fn prolong(&self, now: SystemTime) {
        if let Err(error) = self.tell(now).await {
            tracing::warn!(error = error_chain(&error), "the key of a provider could not be lent for longer");
        }
    }

    /// Takes the key back. If that fails it ends by itself.
    pub(crate) async fn end(self) {
        let key = self.terms.key.as_str();
        self.keys.known.delegates.remove(key, SystemTime::now());
        if let Err(error) = self.keys.bucket.delete(key, Expected::Anything, None).await {
            tracing::debug!(error = error_chain(&error), "the key of a provider could not be taken back");
        }
    }

    async fn tell(&self, now: SystemTime) -> Result<(), BucketError> {
        let terms = Delegation { expires: unix_seconds(now + LENT_FOR), ..self.terms.clone() };
        let token: Bytes = sign_delegation(&terms, &self.keys.lender.cluster, now).into();
        self.keys.bucket.put(terms.key.as_str(), token, Expected::Anything, None).await?;
        self.expires.store(terms.expires, Ordering::Relaxed);
        // Known here at once, where the provider's calls are most likely to arrive.
        self.keys.known.delegates.add(terms, now).expect("a key that was just made verifies");
        Ok(())
    }
}

impl Known {
    fn take(&self, entry: &Entry) {
        let now = SystemTime::now();
        let Some(token) = &entry.value else { return self.delegates.remove(&entry.key, now) };
        if let Err(error) = self.accept(&entry.key, token, now) {
            tracing::debug!(key = entry.key, error, "an entry of the bucket of lent keys is not accepted");
        }
    }

    fn accept(&self, key: &str, token: &[u8], now: SystemTime) -> Result<(), String> {
        let token = std::str::from_utf8(token).map_err(|_| "it is no text".to_owned())?;
        let terms = self.issuers.verify_delegation(token, now).map_err(|error| error_chain(&error))?;
        if terms.key.as_str() != key {
            return Err("it is about another key".to_owned());
        }
        let too_long = terms.expires > unix_seconds(now + LENT_FOR + Duration::from_secs(3600));
        if too_long {
            return Err("it is lent for longer than hosts lend".to_owned());
        }
        self.delegates.add(terms, now).map_err(|error| error_chain(&error))
    }
}

impl View for Known {
    fn show(&mut self, changes: Vec<Entry>) {
        changes.iter().for_each(|entry| self.take(entry));
    }
}

#[cfg(test)]
mod tests {
    use lattice_claims::HostSeed;
    use lattice_testkit::NatsServer;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn lent_keys(nats: &NatsServer) -> (LentKeys, Follower<Known>) {
        let jetstream = jetstream::new(nats.client().await);
        let (cluster, host) = (ClusterSeed::generate(), HostSeed::generate().public());
        let issuers = Issuers::new([cluster.public()]).expect("a cluster");
        let opened = Opened::open(&jetstream, &LatticeName::default(), host.clone(), issuers).await.expect("JetStream");
        opened.start(cluster, host, "first".to_owned())
    }

    async fn revision(loan: &Loan) -> u64 {
        loan.keys.bucket.read(loan.terms.key.as_str()).await.expect("readable").expect("it is lent").revision
    }

    #[tokio::test]
    async fn a_loan_is_prolonged_by_the_clock_on_the_wall_also_after_it_ended() {
        let nats = NatsServer::start().await;
        let (keys, _follower) = lent_keys(&nats).await;
        let provider = lattice_claims::ProviderSeed::generate().public();
        let to = InstanceKey { provider, link: Default::default() };
        let loan = keys.lend(&to, &"test:lent".parse().expect("a contract")).await.expect("it is lent");
        let (lent, now) = (revision(&loan).await, SystemTime::now());
        loan.look(now + 10 * MINUTE).await;
        assert_eq!(revision(&loan).await, lent, "it lasts for long");
        loan.look(now + 30 * MINUTE).await;
        let prolonged = revision(&loan).await;
        assert!(prolonged > lent, "it would end soon");
        let awake = now + 300 * MINUTE;
        loan.look(awake).await;
        assert!(revision(&loan).await > prolonged, "it ended while the machine slept");
        assert_eq!(loan.expires.load(Ordering::Relaxed), unix_seconds(awake + LENT_FOR));
    }
}
