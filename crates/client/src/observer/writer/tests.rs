use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use futures::channel::mpsc;
use lattice_protocol::{Links, event::EventData};
use tokio::{task::JoinHandle, time};

use super::{
    super::{
        fake::{ACTOR, HOSTS, event, inventory, labelled, scaled, started, stopped},
        view::HostState,
    },
    *,
};

const HEARTBEAT: Duration = Duration::from_secs(30);
/// What a test waits for at most, in time that passes only when nothing else is to be done.
const DEADLINE: Duration = Duration::from_secs(3600);

/// What the hosts really are, and how they answer.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Hosts>>);

#[derive(Default)]
struct Hosts {
    /// How many instances each runs; nobody listens in place of the others.
    running: BTreeMap<usize, u16>,
    /// Those that say nothing.
    mute: BTreeSet<usize>,
    /// How often each was asked by itself.
    asked: Vec<usize>,
    links_asked: usize,
    /// How long an answer is on its way.
    delay: Duration,
}

impl World {
    fn with(&self, change: impl FnOnce(&mut Hosts)) {
        change(&mut self.0.lock().expect("no panic"));
    }

    fn asked(&self) -> Vec<usize> {
        self.0.lock().expect("no panic").asked.clone()
    }
}

impl Lattice for World {
    fn inventory_of(&self, asked: HostKey) -> BoxFuture<'static, Result<HostInventory, RequestError>> {
        let index = HOSTS.iter().position(|host| *host == asked.as_str()).expect("one of them");
        let mut hosts = self.0.lock().expect("no panic");
        hosts.asked.push(index);
        let subject = asked.to_string();
        let answer = match hosts.running.get(&index) {
            _ if hosts.mute.contains(&index) => Err(RequestError::TimedOut { subject, timeout: Duration::ZERO }),
            Some(count) => Ok(inventory(index, *count, 1)),
            None => Err(RequestError::NoResponders { subject }),
        };
        let delay = hosts.delay;
        async move {
            time::sleep(delay).await;
            answer
        }
        .boxed()
    }

    fn all_inventories(&self) -> BoxFuture<'static, Result<Gathered<HostInventory>, RequestError>> {
        let hosts = self.0.lock().expect("no panic");
        let answering = hosts.running.iter().filter(|(index, _)| !hosts.mute.contains(index));
        let items = answering.map(|(index, count)| inventory(*index, *count, 1)).collect();
        async move { Ok(Gathered { items, ..Gathered::default() }) }.boxed()
    }

    fn all_links(&self) -> BoxFuture<'static, Result<Links, RequestError>> {
        self.with(|hosts| hosts.links_asked += 1);
        async { Ok(Links::default()) }.boxed()
    }
}

/// A writer over such a world.
struct Observed {
    world: World,
    events: mpsc::UnboundedSender<Event>,
    view: watch::Receiver<Arc<LatticeView>>,
    task: JoinHandle<()>,
}

impl Observed {
    fn new(running: &[(usize, u16)]) -> Self {
        let world = World::default();
        world.with(|hosts| hosts.running = running.iter().copied().collect());
        let (sender, view) = watch::channel(Arc::default());
        let (events, arriving) = mpsc::unbounded();
        let task = tokio::spawn(Writer::new(world.clone(), sender).run(arriving));
        Self { world, events, view, task }
    }

    fn tell(&self, event: Event) {
        self.events.unbounded_send(event).expect("the writer runs");
    }

    /// Waits until the hosts run so many instances.
    async fn until(&mut self, expect: &[(usize, HostState, u64)]) {
        let is_so = |view: &Arc<LatticeView>| shown(view) == expect;
        let seen = time::timeout(DEADLINE, self.view.wait_for(is_so)).await.map(|seen| seen.is_ok());
        assert_eq!(seen, Ok(true), "{:?}", shown(&self.view.borrow()));
    }
}

fn shown(view: &LatticeView) -> Vec<(usize, HostState, u64)> {
    let actor = ACTOR.parse().expect("an actor key");
    let host = |host: &Arc<super::super::HostView>| {
        let index = HOSTS.iter().position(|text| *text == host.id.as_str()).expect("one of them");
        let sets = host.actors.get(&actor).into_iter().flat_map(|actor| actor.sets.values());
        (index, host.state, sets.map(|set| set.count).sum())
    };
    let mut hosts: Vec<_> = view.hosts.values().map(host).collect();
    hosts.sort_by_key(|(index, ..)| *index);
    hosts
}

use HostState::{Gone, Live, Unknown};

#[tokio::test(start_paused = true)]
async fn the_first_view_comes_from_inventories() {
    let mut observed = Observed::new(&[(0, 2), (1, 0)]);
    observed.until(&[(0, Live, 2), (1, Live, 0)]).await;
    assert!(observed.view.borrow().gathered);
    observed.tell(Ok(event(0, &scaled(4, 1)).numbered("a", 1)));
    observed.until(&[(0, Live, 4), (1, Live, 0)]).await;
    assert!(observed.world.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hole_in_the_events_is_mended_by_asking_the_host() {
    let mut observed = Observed::new(&[(0, 2), (1, 1)]);
    observed.until(&[(0, Live, 2), (1, Live, 1)]).await;
    observed.world.with(|hosts| hosts.running = [(0, 3), (1, 5)].into());
    observed.tell(Err(EventError::Lost { host: HOSTS[0].to_owned(), count: 1 }));
    observed.until(&[(0, Live, 3), (1, Live, 1)]).await;
    assert_eq!(observed.world.asked(), [0]);

    observed.world.with(|hosts| hosts.running = [(1, 5)].into());
    observed.tell(Err(EventError::Reconnected));
    observed.until(&[(0, Gone, 0), (1, Live, 5)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_be_older_than_an_event_is_not_believed() {
    let mut observed = Observed::new(&[(0, 2)]);
    observed.until(&[(0, Live, 2)]).await;
    // The host is asked, scales before its answer arrives, and says so.
    observed.world.with(|hosts| hosts.delay = Duration::from_secs(1));
    observed.tell(Err(EventError::Lost { host: HOSTS[0].to_owned(), count: 1 }));
    tokio::task::yield_now().await;
    time::sleep(Duration::from_millis(500)).await;
    observed.world.with(|hosts| hosts.running = [(0, 7)].into());
    observed.tell(Ok(event(0, &scaled(7, 1)).numbered("a", 9)));
    observed.until(&[(0, Live, 7)]).await;
    time::sleep(Duration::from_secs(5)).await;
    assert_eq!(shown(&observed.view.borrow()), [(0, Live, 7)]);
    assert_eq!(observed.world.asked(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stays_silent_is_unknown_or_gone() {
    let mut observed = Observed::new(&[(0, 1), (1, 1), (2, 1)]);
    observed.until(&[(0, Live, 1), (1, Live, 1), (2, Live, 1)]).await;
    observed.world.with(|hosts| {
        hosts.running = [(0, 1), (2, 1)].into();
        hosts.mute = [2].into();
    });
    observed.until(&[(0, Live, 1), (1, Gone, 0), (2, Unknown, 1)]).await;
    // It answers at last.
    observed.world.with(|hosts| hosts.mute.clear());
    observed.until(&[(0, Live, 1), (1, Gone, 0), (2, Live, 1)]).await;
    // And the other one is forgotten.
    observed.until(&[(0, Live, 1), (2, Live, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn events_of_hosts_that_are_not_there_are_not_believed() {
    let mut observed = Observed::new(&[(0, 1)]);
    observed.until(&[(0, Live, 1)]).await;
    observed.tell(Ok(event(1, &scaled(9, 1)).numbered("x", 1)));
    observed.tell(Ok(event(2, &started(2)).numbered("x", 1)));
    observed.until(&[(0, Live, 1), (2, Live, 0)]).await;
    assert_eq!(observed.world.asked(), [1]);
    // It says that it started and then nothing more.
    observed.until(&[(0, Live, 1), (2, Gone, 0)]).await;
}

#[tokio::test(start_paused = true)]
async fn stopping_and_starting_again() {
    let mut observed = Observed::new(&[(0, 1)]);
    observed.until(&[(0, Live, 1)]).await;
    observed.tell(Ok(event(0, &labelled(0, "east")).numbered("a", 1)));
    observed.tell(Ok(event(0, &stopped()).numbered("a", 2)));
    observed.until(&[(0, Gone, 0)]).await;
    observed.tell(Ok(event(0, &started(0)).numbered("b", 1)));
    observed.until(&[(0, Live, 0)]).await;
    observed.tell(Ok(event(0, &scaled(2, 1)).numbered("b", 2)));
    observed.until(&[(0, Live, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_events() {
    let mut observed = Observed::new(&[(0, 1)]);
    observed.until(&[(0, Live, 1)]).await;
    observed.events.close_channel();
    observed.task.await.expect("it does not panic");
    assert_eq!(shown(&observed.view.borrow()), [(0, Unknown, 1)]);
    assert!(observed.view.changed().await.is_ok() && observed.view.changed().await.is_err());
}

/// Which events are lost: one in five, by a rule that looks like none.
fn is_lost(number: u64) -> bool {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xff < 51
}

/// A host that says what it does, and a stream that loses a fifth of it.
struct Host {
    index: usize,
    sequence: u64,
    told: u64,
}

impl Host {
    fn say(&mut self, observed: &Observed, data: &EventData) {
        self.sequence += 1;
        if is_lost(self.sequence * 3 + u64::try_from(self.index).expect("small")) {
            return;
        }
        let missing = self.sequence - self.told - 1;
        if missing > 0 {
            observed.tell(Err(EventError::Lost { host: HOSTS[self.index].to_owned(), count: missing }));
        }
        self.told = self.sequence;
        let event = CloudEvent::new(self.sequence.to_string(), HOSTS[self.index], SystemTime::UNIX_EPOCH, data);
        observed.tell(Ok(event.numbered("a", self.sequence)));
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_events_lost_the_view_is_right_after_the_next_heartbeat() {
    let mut observed = Observed::new(&[(0, 0), (1, 0), (2, 0)]);
    observed.until(&[(0, Live, 0), (1, Live, 0), (2, Live, 0)]).await;
    let mut hosts = [0, 1, 2].map(|index| Host { index, sequence: 0, told: 0 });
    for round in 1..200u16 {
        for host in &mut hosts {
            observed.world.with(|world| world.running.extend([(host.index, round)]));
            host.say(&observed, &scaled(round, 1));
        }
        time::sleep(Duration::from_millis(100)).await;
    }
    time::sleep(HEARTBEAT).await;
    for host in &mut hosts {
        // That one is lost would be another test: then it takes one more.
        host.sequence = (host.sequence..).find(|number| !is_lost((number + 1) * 3 + host.index as u64)).expect("one");
        host.say(&observed, &EventData::HostHeartbeat(inventory(host.index, 199, 1)));
    }
    // Without the heartbeats it would take until the hosts count as silent.
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shown(&observed.view.borrow()), [(0, Live, 199), (1, Live, 199), (2, Live, 199)]);
}
