use std::time::Duration;

use lattice_protocol::{ProviderKey, ProviderState};
use tokio::time::advance;

use super::{
    super::fake::{
        ACTOR, HOSTS, event, health, host, inventory, labelled, link, provider_exited, provider_started,
        provider_stopped, scaled, started, stopped, updated,
    },
    *,
};

/// The instances of the actor on a host: count, image, revision.
fn runs(state: &State, index: usize) -> Option<(u64, String, i32)> {
    let view = state.view.hosts.get(&host(index))?;
    let actor = view.actors.get(&ACTOR.parse().expect("an actor key"))?;
    let set = actor.sets.get(&Annotations::new())?;
    Some((set.count, set.image_ref.clone().unwrap_or_default(), set.revision))
}

fn running(count: u64, revision: i32) -> Option<(u64, String, i32)> {
    Some((count, format!("r:{revision}"), revision))
}

fn is(state: &State, index: usize) -> Option<HostState> {
    state.view.hosts.get(&host(index)).map(|view| view.state)
}

fn ask(index: usize) -> Vec<Need> {
    vec![Need::Inventory(host(index))]
}

/// A view with one host that was asked.
fn known() -> State {
    let mut state = State::default();
    state.inventory(inventory(0, 2, 1), None, Source::Inventory);
    assert!(state.take_changed());
    state
}

/// The event as a host of this project tells it.
fn ours(state: &mut State, epoch: &str, data: &EventData) -> Vec<Need> {
    state.event(&event(0, data).numbered(epoch, 1))
}

#[tokio::test]
async fn events_change_what_an_inventory_told() {
    let mut state = known();
    assert_eq!(runs(&state, 0), running(2, 1));
    assert_eq!(ours(&mut state, "a", &scaled(5, 1)), []);
    assert_eq!(runs(&state, 0), running(5, 1));
    assert_eq!(ours(&mut state, "a", &updated(2)), []);
    assert_eq!(runs(&state, 0), running(5, 2));
    assert_eq!(ours(&mut state, "a", &scaled(0, 2)), []);
    assert_eq!(runs(&state, 0), None);
    assert!(state.view.hosts[&host(0)].actors.is_empty());
    ours(&mut state, "a", &labelled(0, "east"));
    assert_eq!(state.view.hosts[&host(0)].labels.get("zone"), Some("east"));
}

#[tokio::test]
async fn what_is_seen_again_is_no_change() {
    let mut state = known();
    state.inventory(inventory(0, 2, 1), None, Source::Heartbeat);
    assert!(!state.take_changed());
    assert_eq!(state.view.hosts[&host(0)].seen.source, Source::Heartbeat);
    state.inventory(inventory(0, 3, 1), None, Source::Heartbeat);
    assert!(state.take_changed() && !state.take_changed());
}

#[tokio::test]
async fn what_events_do_not_tell_is_asked_for() {
    let mut state = known();
    // An update of what is not known to run.
    ours(&mut state, "a", &scaled(0, 1));
    assert_eq!(ours(&mut state, "a", &updated(2)), ask(0));
    // What hosts of another project mean by their numbers.
    assert_eq!(state.event(&event(0, &scaled(5, 1))), ask(0));
    assert_eq!(runs(&state, 0), None);
    let mut provider = event(0, &stopped());
    provider.kind = "com.wasmcloud.lattice.provider_started".to_owned();
    assert_eq!(state.event(&provider), ask(0));
    // A host of which nothing is known is not believed before it says so itself.
    assert_eq!(state.event(&event(1, &scaled(5, 1))), ask(1));
    assert_eq!(is(&state, 1), None);
    // A heartbeat in another shape than ours.
    let mut heartbeat = event(0, &stopped());
    heartbeat.kind = "com.wasmcloud.lattice.host_heartbeat".to_owned();
    assert_eq!(state.event(&heartbeat), ask(0));
}

#[tokio::test]
async fn another_start_of_a_host_replaces_what_was_known() {
    let mut state = known();
    ours(&mut state, "a", &scaled(2, 1));
    assert_eq!(ours(&mut state, "b", &started(0)), []);
    assert_eq!(runs(&state, 0), None);
    assert_eq!(ours(&mut state, "b", &scaled(1, 1)), []);
    // What the earlier start said comes too late, whatever it is.
    for data in [scaled(7, 1), stopped(), started(0), EventData::HostHeartbeat(inventory(0, 7, 1))] {
        assert_eq!(ours(&mut state, "a", &data), []);
        assert_eq!((runs(&state, 0), is(&state, 0)), (running(1, 1), Some(HostState::Live)));
    }
    // Where its start was not heard, it is asked what it runs.
    assert_eq!(ours(&mut state, "c", &labelled(0, "west")), ask(0));
    assert_eq!(runs(&state, 0), None);
    assert_eq!(ours(&mut state, "c", &EventData::HostHeartbeat(inventory(0, 3, 1))), []);
    assert_eq!(runs(&state, 0), running(3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stopped_is_gone_and_forgotten_later() {
    let mut state = known();
    ours(&mut state, "a", &stopped());
    assert_eq!((is(&state, 0), runs(&state, 0)), (Some(HostState::Gone), None));
    assert_eq!(ours(&mut state, "a", &scaled(1, 1)), [], "that comes too late");
    assert_eq!(state.look(), []);
    advance(GONE_KEPT).await;
    assert_eq!((state.look(), is(&state, 0)), (vec![], None));
    state.inventory(inventory(0, 1, 1), None, Source::Inventory);
    assert_eq!(is(&state, 0), Some(HostState::Live), "it came back");
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_unknown_and_asked() {
    let mut state = known();
    state.inventory(inventory(1, 1, 1), None, Source::Inventory);
    advance(Duration::from_secs(60)).await;
    ours(&mut state, "a", &labelled(0, "east"));
    advance(HOST_SILENCE - Duration::from_secs(60)).await;
    assert_eq!(state.look(), ask(1));
    assert_eq!((is(&state, 0), is(&state, 1)), (Some(HostState::Live), Some(HostState::Unknown)));
    assert_eq!(runs(&state, 1), running(1, 1), "what is known of it stays");
    assert_eq!(state.look(), []);
    advance(SILENT_ASKED_AGAIN).await;
    assert_eq!(state.look(), ask(1));
    state.gone(&host(1));
    assert_eq!(is(&state, 1), Some(HostState::Gone));
    state.ended();
    assert_eq!(is(&state, 0), Some(HostState::Unknown));
}

#[tokio::test]
async fn a_host_that_only_lost_its_connection_comes_back_as_what_it_was() {
    let mut state = known();
    ours(&mut state, "a", &scaled(2, 1));
    state.gone(&host(0));
    assert_eq!((is(&state, 0), runs(&state, 0)), (Some(HostState::Gone), None));
    assert_eq!(ours(&mut state, "a", &labelled(0, "east")), ask(0));
    assert_eq!(ours(&mut state, "a", &EventData::HostHeartbeat(inventory(0, 2, 1))), []);
    assert_eq!((is(&state, 0), runs(&state, 0)), (Some(HostState::Live), running(2, 1)));
}

#[tokio::test]
async fn holes_are_mended_by_asking() {
    let mut state = known();
    let lost = EventError::Lost { host: HOSTS[0].to_owned(), count: 3 };
    assert_eq!(state.hole(&lost), [Need::Inventory(host(0)), Need::Links]);
    for hole in [EventError::Dropped { count: 1 }, EventError::Reconnected] {
        assert_eq!(state.hole(&hole), [Need::All, Need::Links]);
    }
}

#[tokio::test]
async fn links_come_and_go() {
    let mut state = State::default();
    let (set, deleted) = (EventData::LinkdefSet(link()), EventData::LinkdefDeleted(link()));
    // Some hosts do not say who they are when they say this.
    let mut told = event(0, &set);
    told.source = "n/a".to_owned();
    assert_eq!(state.event(&told), []);
    assert!(state.take_changed());
    let providers: Vec<&ProviderKey> = state.view.links.values().map(|link| &link.provider_id).collect();
    assert_eq!(providers, [&link().provider_id]);
    state.event(&told);
    assert!(!state.take_changed());
    state.event(&event(0, &deleted));
    assert!(state.view.links.is_empty() && state.take_changed());
    state.event(&told);
    state.links(Links::default());
    assert!(state.view.links.is_empty());
}

/// What the process of the one provider does, how often it was started again, how it ended and whether it is well.
fn process(state: &State) -> Option<(ProviderState, u32, Option<String>, Option<bool>)> {
    let provider = state.view.hosts.get(&host(0))?.providers.values().next()?;
    let process = provider.process.clone()?;
    Some((process.state, process.restarts, process.last_exit, process.healthy))
}

#[tokio::test]
async fn providers_come_end_and_go() {
    let mut state = known();
    let killed = || Some("killed by signal 9".to_owned());
    // What the event does not tell is asked for.
    assert_eq!(ours(&mut state, "a", &provider_started("p")), ask(0));
    assert_eq!(process(&state), Some((ProviderState::Running, 0, None, None)));
    assert!(state.take_changed());
    assert_eq!(ours(&mut state, "a", &EventData::HealthCheckPassed(health())), []);
    assert!(state.take_changed());
    assert_eq!(ours(&mut state, "a", &EventData::HealthCheckStatus(health())), []);
    assert!(!state.take_changed());
    assert_eq!(process(&state), Some((ProviderState::Running, 0, None, Some(true))));
    assert_eq!(ours(&mut state, "a", &provider_exited(2, false)), []);
    assert_eq!(process(&state), Some((ProviderState::Restarting, 2, killed(), Some(true))));
    assert_eq!(ours(&mut state, "a", &provider_started("q")), ask(0));
    assert_eq!(process(&state), Some((ProviderState::Running, 2, killed(), None)));
    assert_eq!(ours(&mut state, "a", &EventData::HealthCheckFailed(health())), []);
    assert_eq!(ours(&mut state, "a", &provider_exited(3, true)), []);
    assert_eq!(process(&state), Some((ProviderState::CrashLoop, 3, killed(), Some(false))));
    assert!(state.take_changed());
    assert_eq!(ours(&mut state, "a", &provider_stopped()), []);
    assert!(process(&state).is_none() && state.take_changed());
    // One that was not known to run.
    assert_eq!(ours(&mut state, "a", &provider_exited(1, false)), ask(0));
}

#[tokio::test]
async fn memory_is_bounded() {
    let mut state = known();
    for number in 0..2 * OBSERVED_SETS {
        let EventData::ActorScaled(data) = scaled(1, 1) else { panic!("it is one") };
        let annotations = [("number", number.to_string())].into_iter().collect();
        let needs = ours(&mut state, "a", &EventData::ActorScaled(ActorScaled { annotations, ..data }));
        assert_eq!(needs.is_empty(), number + 1 < OBSERVED_SETS);
    }
    assert_eq!(state.view.hosts[&host(0)].sets(), OBSERVED_SETS);
    for epoch in 0..100 {
        ours(&mut state, &epoch.to_string(), &started(0));
    }
    assert_eq!(state.tracks[&host(0)].retired.len(), RETIRED_EPOCHS);
}
