//! Taking the measures, one after the other, and cleaning up.

mod artifacts;

use std::path::PathBuf;

use bytes::Bytes;
use lattice_claims::{AccountSeed, InvocationSigner, ModuleSeed};
use lattice_client::{CallTarget, Client, ClientSettings};
use lattice_protocol::{ControlPrefix, HostKey, LatticeName, LinkValues, contract::messaging};
use tokio::time;
use uuid::Uuid;

use crate::{
    burst::Burst,
    defaults::{
        CALL_DEADLINE, CALL_SIZE, CROWD, CROWD_REQUESTS, GATHERED, HTTP_CONNECTIONS, HTTP_REQUESTS, MAX_ROUNDS,
        MEGABYTE, OVERLOAD_DEADLINE, PAYLOAD, REQUESTS, ROUNDS, TWENTY_MEGABYTES, UPDATE_CALLERS, UPDATES,
    },
    error::BenchError,
    guest::{self, ECHO, Guest, HOST_CALL},
    http::{HttpGet, free_address},
    load::{ActorCall, Auction, BareRequest, Gather, InventoryQuery, Load, until_it_goes},
    measure::Measure,
    modules::{Code, Modules, Ways},
    neighbour::{Beside, SignedRequest, answer_slowly, slow_request},
    provider::{HTTP_SERVER, MESSAGING, Providers},
    report::{HostFacts, MachineFacts, Report, Row, ServerFacts, Taken},
    responder::Responder,
    statistics::{Figures, Round},
    update::{Callers, LiveUpdate},
};

/// Where the HTTP server answers by itself.
const HEALTH_PATH: &str = "/alive";

/// What a bench needs to know of the lattice besides how to reach it.
#[derive(Clone, Debug)]
pub struct BenchSettings {
    /// The host to measure.
    pub host: HostKey,
    /// What signs calls; without it no call is measured.
    pub signer: Option<InvocationSigner>,
    /// The account that signs the bench's modules.
    pub account: AccountSeed,
    /// The identity of the bench's actor.
    pub module: ModuleSeed,
    /// The identity of another one, where two are needed.
    pub neighbour: ModuleSeed,
    /// An existing directory for the bench's modules, which a host that takes files reads there. They are removed again.
    pub directory: PathBuf,
}

/// What is to be measured, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The measures; each is taken once, in the order of [`Measure::ALL`].
    pub measures: Vec<Measure>,
    /// Rounds of each: at least 1, at most [`MAX_ROUNDS`].
    pub rounds: usize,
}

impl Default for Plan {
    /// Everything, with the usual number of rounds.
    fn default() -> Self {
        Self { measures: Measure::ALL.to_vec(), rounds: ROUNDS }
    }
}

/// How far a bench is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being measured.
    pub measure: Measure,
    /// The round that begins, from 1.
    pub round: usize,
    /// How many there will be.
    pub rounds: usize,
}

/// Measures one host of a lattice.
///
/// ```no_run
/// # async fn example(
/// #     client: lattice_client::Client, settings: lattice_bench::BenchSettings
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use lattice_bench::{Bench, Plan, Responder};
///
/// let subject = Responder::new_subject();
/// // A program that calls `respond` with this subject.
/// let mut command = tokio::process::Command::new("responder");
/// command.arg(&subject);
/// let responder = Responder::start(command, subject).await?;
///
/// let bench = Bench::new(client, settings, &responder);
/// let report = bench.run(&Plan::default(), |_| {}).await;
/// bench.clean_up().await?;
/// responder.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bench {
    client: Client,
    signer: Option<InvocationSigner>,
    guest: Guest,
    providers: Providers,
    modules: Modules,
    neighbour: (Guest, Modules),
    /// What the subjects of the floor's responder start with.
    floor: String,
}

impl Bench {
    /// A bench over this client's connection, with this responder for the floor.
    pub fn new(client: Client, settings: BenchSettings, responder: &Responder) -> Self {
        let BenchSettings { host, signer, account, module, neighbour, directory } = settings;
        let providers = Providers { client: client.clone(), host: host.clone(), actor: module.public() };
        let guest = Guest { client: client.clone(), host, actor: module.public() };
        let other = Guest { actor: neighbour.public(), ..guest.clone() };
        let ways = Ways::default();
        let modules = Modules { client: client.clone(), host: guest.host.clone(), account, module, directory, ways };
        let neighbour = (other, Modules { module: neighbour, ..modules.clone() });
        Self { client, signer, guest, providers, modules, neighbour, floor: responder.subject().to_owned() }
    }

    /// Takes the measures of a plan, and tells of each round when it begins.
    ///
    /// What cannot be measured is a row that says why; the others are measured all the same. Dropping the future ends
    /// the run; then, and after the run, [`clean_up`](Self::clean_up) stops what still runs.
    pub async fn run(&self, plan: &Plan, mut progress: impl FnMut(Progress) + Send) -> Report {
        let rounds = plan.rounds.clamp(1, MAX_ROUNDS);
        let mut measures = Vec::new();
        for measure in Measure::ALL.into_iter().filter(|measure| plan.measures.contains(measure)) {
            let count = measure.rounds(rounds);
            let begins = |round| progress(Progress { measure, round, rounds: count });
            // On the heap, for what measures all of them is large.
            let outcome = Box::pin(self.measure(measure, Rounds { count, begins })).await;
            measures.push(Row::new(measure, outcome));
        }
        self.report(rounds, measures).await
    }

    /// Stops what this bench has started, and removes what it has stored in the lattice; also what an earlier one has left
    /// behind for the same host.
    ///
    /// # Errors
    /// If the host does not answer or refuses: something may still run or lie there.
    pub async fn clean_up(&self) -> Result<(), BenchError> {
        let stopped = self.stop_all().await;
        let removed = self.modules.clean_up().await;
        stopped.and(removed)
    }

    async fn stop_all(&self) -> Result<(), BenchError> {
        let stopped = [self.guest.stop().await, self.neighbour.0.stop().await];
        self.providers.detach().await?;
        stopped.into_iter().collect()
    }

    async fn report(&self, rounds: usize, measures: Vec<Row>) -> Report {
        let inventory = self.client.inventory(&self.guest.host).await.ok();
        Report {
            lattice: self.client.lattice().clone(),
            host: HostFacts::new(self.guest.host.clone(), inventory),
            server: ServerFacts::of(self.client.nats()),
            machine: MachineFacts::of_this(),
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            rounds,
            measures,
        }
    }

    async fn measure(&self, measure: Measure, rounds: Rounds<impl FnMut(usize)>) -> Result<Taken, BenchError> {
        let figures = match measure {
            Measure::Floor => {
                let floor = self.floor(PAYLOAD, PAYLOAD);
                rounds.take(Pair::of_latency(floor.clone(), floor, REQUESTS)).await
            }
            Measure::Query => {
                let query = InventoryQuery { client: self.client.clone(), host: self.guest.host.clone() };
                let floor = self.floor(0, query.answer_size().await?);
                rounds.take(Pair::of_latency(floor, query, REQUESTS)).await
            }
            Measure::Gather10 => self.gather(rounds, 10).await,
            Measure::Gather100 => self.gather(rounds, 100).await,
            Measure::Gather1000 => self.gather(rounds, 1000).await,
            Measure::Auction => self.auctions(rounds).await,
            Measure::StartWarm => return self.warm_starts(rounds, Code::Echo).await,
            Measure::StartCold => return self.cold_starts(rounds, Code::Echo).await,
            Measure::Start180kWarm => return self.warm_starts(rounds, Code::Published).await,
            Measure::Start180kCold => return self.cold_starts(rounds, Code::Published).await,
            Measure::Fetch1M => self.fetches(rounds, MEGABYTE).await,
            Measure::Fetch20M => self.fetches(rounds, TWENTY_MEGABYTES).await,
            Measure::UpdatePause => self.updates(rounds).await,
            Measure::Call => self.calls(rounds, Burst::Latency { times: REQUESTS }).await,
            Measure::Call32 => self.calls(rounds, Burst::Throughput { times: CROWD_REQUESTS, callers: CROWD }).await,
            Measure::Provider => self.calls_of_provider(rounds).await,
            Measure::Neighbour => self.beside_overload(rounds).await,
            Measure::Http => self.pages(rounds, Burst::Latency { times: REQUESTS }).await,
            Measure::Http50 => {
                let burst = Burst::Throughput { times: HTTP_REQUESTS, callers: HTTP_CONNECTIONS };
                self.pages(rounds, burst).await
            }
        };
        Ok(figures?.into())
    }

    fn floor(&self, size: usize, answer_size: usize) -> BareRequest {
        BareRequest::new(&self.client, &self.floor, size, answer_size)
    }

    /// Gathers of simulated hosts, which have a lattice to themselves.
    async fn gather(&self, rounds: Rounds<impl FnMut(usize)>, hosts: usize) -> Result<Figures, BenchError> {
        let lattice: LatticeName = format!("bench-{}", Uuid::new_v4().simple()).parse().expect("a lattice's name");
        let settings = ClientSettings { lattice: lattice.clone(), ..self.client.settings().clone() };
        let settings = ClientSettings { prefix: ControlPrefix::default(), ..settings };
        let client = Client::new(self.client.nats().clone(), settings);
        Responder::simulate(self.client.nats(), &self.floor, &lattice, hosts).await?;
        let load = Gather { client, hosts };
        let times = (GATHERED / hosts).max(1);
        let measured = rounds.take(Pair {
            measured_burst: Burst::Latency { times },
            ..Pair::of_latency(self.floor(PAYLOAD, PAYLOAD), load, REQUESTS)
        });
        let figures = measured.await;
        // None from now on, so that they weigh on nothing that is measured later.
        Responder::simulate(self.client.nats(), &self.floor, &lattice, 0).await?;
        figures
    }

    async fn auctions(&self, rounds: Rounds<impl FnMut(usize)>) -> Result<Figures, BenchError> {
        let module = self.modules.new_module(Code::Echo).await?;
        let (client, host) = (self.client.clone(), self.guest.host.clone());
        let load = Auction { client, host, reference: module.reference().to_owned() };
        rounds.take(Pair::of_latency(self.floor(PAYLOAD, PAYLOAD), load, REQUESTS)).await
    }

    /// Updates of an actor that is called all the while.
    async fn updates(&self, rounds: Rounds<impl FnMut(usize)>) -> Result<Figures, BenchError> {
        let call = self.echo()?;
        self.guest.stop().await?;
        let module = self.modules.new_module(Code::Echo).await?;
        let update = LiveUpdate { guest: self.guest.clone(), modules: self.modules.clone() };
        let measured = async {
            self.guest.start(&module, u16::try_from(CROWD).expect("a small number")).await?;
            let callers = Callers::start(&call, UPDATE_CALLERS);
            let figures = rounds.take(self.starts(update, UPDATES)).await;
            // A call that failed under an update counts for more than how long the updates took.
            callers.stop().await.and(figures)
        };
        let figures = measured.await;
        let stopped = self.guest.stop().await;
        figures.and_then(|figures| stopped.map(|()| figures))
    }

    fn echo(&self) -> Result<ActorCall, BenchError> {
        self.call(ECHO, vec![b'x'; PAYLOAD], Some(vec![b'x'; PAYLOAD]))
    }

    fn call(
        &self,
        operation: &'static str,
        payload: Vec<u8>,
        answer: Option<Vec<u8>>,
    ) -> Result<ActorCall, BenchError> {
        let signer = self.signer.clone().ok_or(BenchError::NoSigner)?;
        Ok(ActorCall {
            caller: self.client.caller(signer),
            target: CallTarget::Actor(self.guest.actor.clone()),
            operation,
            payload: payload.into(),
            answer: answer.map(Bytes::from),
            deadline: CALL_DEADLINE,
        })
    }

    fn starts<L>(&self, start: L, times: usize) -> Pair<BareRequest, L> {
        Pair {
            measured_burst: Burst::Latency { times },
            ..Pair::of_latency(self.floor(PAYLOAD, PAYLOAD), start, REQUESTS)
        }
    }

    /// Calls of an actor that sends back what it is sent.
    async fn calls(&self, rounds: Rounds<impl FnMut(usize)>, burst: Burst) -> Result<Figures, BenchError> {
        let load = self.echo()?;
        let floor = self.floor(PAYLOAD, PAYLOAD);
        let pair = Pair { floor, load, floor_burst: burst, measured_burst: burst };
        self.while_it_runs(CROWD, rounds.take(pair)).await
    }

    /// Calls of an actor that has a provider publish a message, which nobody waits for.
    async fn calls_of_provider(&self, rounds: Rounds<impl FnMut(usize)>) -> Result<Figures, BenchError> {
        let message = [("subject", format!("{}.nobody", self.floor).into()), ("body", vec![b'x'; PAYLOAD].into())];
        let argument = guest::host_call(messaging::CONTRACT_ID, "Messaging.Publish", guest::encode(&message));
        let load = self.call(HOST_CALL, argument, Some(Vec::new()))?;
        let measured = async {
            self.providers.attach(MESSAGING, LinkValues::new()).await?;
            until_it_goes(&load).await?;
            rounds.take(Pair::of_latency(self.floor(PAYLOAD, PAYLOAD), load, REQUESTS)).await
        };
        self.while_it_runs(1, measured).await
    }

    /// Calls of an actor beside another one that is sent far more than it can do.
    async fn beside_overload(&self, rounds: Rounds<impl FnMut(usize)>) -> Result<Figures, BenchError> {
        let slow = format!("{}.slow", self.floor);
        let _answering = answer_slowly(self.client.nats(), slow.clone()).await?;
        let overloaded = self.call(HOST_CALL, slow_request(&slow), None)?;
        let (other, modules) = &self.neighbour;
        let call = self.echo()?;
        let call = ActorCall { target: CallTarget::Actor(other.actor.clone()), ..call };
        let measured = async {
            self.providers.attach(MESSAGING, LinkValues::new()).await?;
            other.start(&modules.new_module(Code::Echo).await?, 1).await?;
            until_it_goes(&call).await?;
            let bare = SignedRequest {
                signer: self.signer.clone().ok_or(BenchError::NoSigner)?,
                actor: self.guest.actor.clone(),
                payload: overloaded.payload.clone(),
                request: self.floor(CALL_SIZE, PAYLOAD),
            };
            let floor = Beside { call: call.clone(), other: bare };
            let load = Beside { call, other: ActorCall { deadline: OVERLOAD_DEADLINE, ..overloaded.clone() } };
            let figures = rounds.take(Pair::of_latency(floor, load, REQUESTS)).await?;
            // Those that still wait are gone by then; from there on there is room for all.
            time::sleep(OVERLOAD_DEADLINE).await;
            Burst::Latency { times: REQUESTS }.take(&overloaded).await?;
            Ok(figures)
        };
        self.while_it_runs(1, measured).await
    }

    /// Pages that an actor answers with, beside those that its HTTP server does by itself.
    async fn pages(&self, rounds: Rounds<impl FnMut(usize)>, burst: Burst) -> Result<Figures, BenchError> {
        let address = free_address()?;
        let values = [("address", address.to_string()), ("health_path", HEALTH_PATH.to_owned())];
        let (floor, load) = (HttpGet::new(address, HEALTH_PATH), HttpGet::new(address, "/"));
        let measured = async {
            self.providers.attach(HTTP_SERVER, values.into_iter().collect()).await?;
            until_it_goes(&load).await?;
            rounds.take(Pair { floor, load, floor_burst: burst, measured_burst: burst }).await
        };
        self.while_it_runs(HTTP_CONNECTIONS, measured).await
    }

    /// Does something while an actor runs that can work on so many calls at the same time.
    async fn while_it_runs<T>(
        &self,
        places: usize,
        work: impl Future<Output = Result<T, BenchError>>,
    ) -> Result<T, BenchError> {
        // On the heap, for what is measured is large.
        let work = Box::pin(work);
        self.stop_all().await?;
        let module = self.modules.new_module(Code::Echo).await?;
        let done = async {
            self.guest.start(&module, u16::try_from(places).expect("a small number")).await?;
            work.await
        };
        let done = done.await;
        let stopped = self.stop_all().await;
        // What kept it from being done says more than what went wrong afterwards.
        done.and_then(|done| stopped.map(|()| done))
    }
}

/// The floor and what is measured against it.
struct Pair<F, L> {
    floor: F,
    load: L,
    floor_burst: Burst,
    measured_burst: Burst,
}

impl<F, L> Pair<F, L> {
    /// The time of both, each done so many times in a burst.
    fn of_latency(floor: F, load: L, times: usize) -> Self {
        let burst = Burst::Latency { times };
        Self { floor, load, floor_burst: burst, measured_burst: burst }
    }
}

impl<F: Load, L: Load> Pair<F, L> {
    /// A burst of each, right after each other. They change places from round to round: what one leaves the machine to
    /// do weighs on the next.
    async fn round(&self, number: usize) -> Result<Round, BenchError> {
        let floor = self.floor_burst.take(&self.floor);
        let measured = self.measured_burst.take(&self.load);
        if number.is_multiple_of(2) {
            let floor = floor.await?;
            Ok(Round { floor, measured: measured.await? })
        } else {
            let measured = measured.await?;
            Ok(Round { floor: floor.await?, measured })
        }
    }
}

/// The rounds of one measure.
struct Rounds<B> {
    count: usize,
    begins: B,
}

impl<B: FnMut(usize)> Rounds<B> {
    async fn take(mut self, pair: Pair<impl Load, impl Load>) -> Result<Figures, BenchError> {
        // One round for nothing: connections, pools and caches get warm in it. On the heap as all rounds, for what is
        // measured is large.
        Box::pin(pair.round(0)).await?;
        pair.load.forget();
        let mut rounds = Vec::with_capacity(self.count);
        for round in 1..=self.count {
            (self.begins)(round);
            rounds.push(Box::pin(pair.round(round)).await?);
        }
        Ok(Figures::of(&rounds).expect("there is at least one round"))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        time::Duration,
    };

    use super::*;

    /// Notes its letter each time it is done.
    #[derive(Clone)]
    struct Noted(char, Arc<Mutex<String>>);

    impl Load for Noted {
        async fn once(&self) -> Result<Duration, BenchError> {
            self.1.lock().unwrap_or_else(PoisonError::into_inner).push(self.0);
            Ok(Duration::from_millis(1))
        }
    }

    #[tokio::test]
    async fn floor_and_measured_change_places_after_a_round_for_nothing() {
        let notes = Arc::new(Mutex::new(String::new()));
        let mut begun = Vec::new();
        let rounds = Rounds { count: 3, begins: |round| begun.push(round) };
        let pair = Pair::of_latency(Noted('f', notes.clone()), Noted('m', notes.clone()), 1);
        rounds.take(pair).await.expect("it does not fail");
        assert_eq!(begun, [1, 2, 3]);
        assert_eq!(*notes.lock().expect("no panic"), "fmmffmmf");
    }
}
