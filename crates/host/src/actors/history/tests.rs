use super::{super::groups::share_of_stop, *};
use proptest::prelude::*;

fn blue() -> Annotations {
    [("color", "blue")].into_iter().collect()
}

fn red() -> Annotations {
    [("color", "red")].into_iter().collect()
}

#[test]
fn a_later_stop_cancels_an_earlier_start_but_not_a_later_one() {
    let mut history = History::<u8>::default();
    history.stopped_all(5, Annotations::new());
    assert_eq!(history.start(3, &blue(), 2), 0);
    assert_eq!(history.start(7, &blue(), 2), 2);
}

#[test]
fn a_stop_cancels_only_what_it_matches() {
    let mut history = History::<u8>::default();
    history.stopped_all(5, blue());
    assert_eq!(history.start(2, &Annotations::new(), 2), 2);
    assert_eq!(history.start(3, &blue(), 2), 0);
}

#[test]
fn what_a_stop_could_not_find_is_taken_off_once() {
    let mut history = History::<u8>::default();
    history.stopped_some(5, Annotations::new(), Vec::new(), 3);
    assert_eq!(history.start(1, &blue(), 2), 0);
    assert_eq!(history.start(2, &blue(), 2), 1);
    assert_eq!(history.start(3, &blue(), 2), 2);
}

#[test]
fn a_later_scale_decides() {
    let mut history = History::<u8>::default();
    assert_eq!(history.scale(5, &blue(), 4), Some(4));
    assert_eq!(history.start(3, &blue(), 2), 0);
    assert_eq!(history.start(2, &Annotations::new(), 2), 2);
    assert_eq!(history.scale(4, &blue(), 9), None);
    assert_eq!(history.scale(6, &blue(), 9), Some(9));
}

#[test]
fn a_late_scale_keeps_what_later_commands_added_and_stopped() {
    let mut history = History::<u8>::default();
    assert_eq!(history.start(2, &blue(), 3), 3);
    history.stopped_some(3, blue(), vec![(blue(), 1)], 0);
    assert_eq!(history.scale(1, &blue(), 5), Some(7));
    let mut history = History::<u8>::default();
    history.stopped_some(3, blue(), vec![(blue(), 4)], 0);
    assert_eq!(history.scale(1, &blue(), 3), Some(0));
}

#[test]
fn the_last_update_decides_what_earlier_commands_start() {
    let mut history = History::<u8>::default();
    history.updated(5, blue(), 1);
    history.updated(7, Annotations::new(), 2);
    history.updated(9, red(), 3);
    assert_eq!(history.version_after(4, &blue()), Some((7, &2)));
    assert_eq!(history.version_after(4, &red()), Some((9, &3)));
    assert_eq!(history.version_after(4, &Annotations::new()), Some((7, &2)));
    assert_eq!(history.version_after(7, &blue()), None);
    history.forget_before(7);
    assert_eq!(history.version_after(4, &blue()), None);
}

#[test]
fn an_update_is_superseded_by_what_later_commands_took() {
    fn took<T>(command: fn(&mut History<u8>) -> T, part: Annotations) -> (bool, bool) {
        let mut history = History::default();
        command(&mut history);
        (history.took_after(4, &part), history.took_after(5, &part))
    }
    assert_eq!(took(|history| history.stopped_all(5, Annotations::new()), blue()), (true, false));
    assert_eq!(took(|history| history.stopped_all(5, red()), blue()), (false, false));
    assert_eq!(took(|history| history.stopped_all(5, blue()), Annotations::new()), (true, false));
    assert_eq!(took(|history| history.stopped_some(5, blue(), vec![(blue(), 1)], 0), blue()), (true, false));
    assert_eq!(took(|history| history.scale(5, &blue(), 0), blue()), (true, false));
    assert_eq!(took(|history| history.scale(5, &red(), 0), blue()), (false, false));
    assert_eq!(took(|history| history.start(5, &blue(), 1), blue()), (false, false));
    assert_eq!(took(|history| history.updated(5, blue(), 1), blue()), (false, false));
}

#[test]
fn what_nobody_needs_is_forgotten() {
    let mut history = History::<u8>::default();
    history.stopped_all(5, Annotations::new());
    history.forget_before(4);
    assert_eq!(history.effects.len(), 1);
    history.forget_before(5);
    assert!(history.effects.is_empty());
}

#[derive(Clone, Debug)]
enum Command {
    Start(Annotations, u16),
    Scale(Annotations, u16),
    /// With at least these annotations; 0 means all.
    Stop(Annotations, u16),
}

/// A command, and how many others are taken on before its actor is known.
#[derive(Clone, Debug)]
struct Late {
    command: Command,
    by: u64,
}

fn late() -> impl Strategy<Value = Late> {
    let exact = || prop_oneof![Just(blue()), Just(red())];
    let part = prop_oneof![Just((blue(), None)), Just((red(), None)), Just((Annotations::new(), Some(0)))];
    prop_oneof![
        (exact(), 1_u16..6).prop_map(|(annotations, count)| Command::Start(annotations, count)),
        (exact(), 0_u16..6).prop_map(|(annotations, count)| Command::Scale(annotations, count)),
        // A stop of some names one set, for of several sets it is the host's choice from which it takes.
        (part, 0_u16..6).prop_map(|((part, all), count)| Command::Stop(part, all.unwrap_or(count))),
    ]
    .prop_flat_map(|command| {
        let by = if matches!(command, Command::Stop(..)) { 0..1_u64 } else { 0..8 };
        by.prop_map(move |by| Late { command: command.clone(), by })
    })
}

type Counts = BTreeMap<Annotations, u16>;

fn stop(counts: &mut Counts, part: &Annotations, count: u16) -> (Vec<(Annotations, u16)>, u16) {
    let groups: Vec<_> = counts.iter().map(|(annotations, count)| (annotations, *count)).collect();
    let (takes, missing) = share_of_stop(&groups, part, count);
    let taken: Vec<_> = counts.keys().cloned().zip(takes).collect();
    for (annotations, take) in &taken {
        *counts.entry(annotations.clone()).or_default() -= take;
    }
    (taken, missing)
}

/// What a worker does that gets the commands in the order in which they become known.
fn carry_out(history: &mut History<u8>, counts: &mut Counts, number: u64, command: &Command) {
    match command {
        Command::Start(annotations, count) => {
            *counts.entry(annotations.clone()).or_default() += history.start(number, annotations, *count);
        }
        Command::Scale(annotations, count) => {
            if let Some(now) = history.scale(number, annotations, *count) {
                counts.insert(annotations.clone(), now);
            }
        }
        Command::Stop(part, count) => {
            let (taken, missing) = stop(counts, part, *count);
            match count {
                0 => history.stopped_all(number, part.clone()),
                _ => history.stopped_some(number, part.clone(), taken, missing),
            }
        }
    }
}

fn in_order(commands: &[Late]) -> Counts {
    let mut counts = Counts::new();
    for Late { command, .. } in commands {
        match command {
            Command::Start(annotations, count) => *counts.entry(annotations.clone()).or_default() += count,
            Command::Scale(annotations, count) => drop(counts.insert(annotations.clone(), *count)),
            Command::Stop(part, count) => drop(stop(&mut counts, part, *count)),
        }
    }
    counts
}

fn as_they_become_known(commands: &[Late]) -> Counts {
    let numbered = || commands.iter().zip(1_u64..);
    let mut known: Vec<_> = numbered().map(|(late, number)| (number + late.by, number, &late.command)).collect();
    known.sort_by_key(|(when, number, _)| (*when, *number));
    let (mut history, mut counts) = (History::<u8>::default(), Counts::new());
    for (position, (_, number, command)) in known.iter().enumerate() {
        let horizon = known[position..].iter().map(|(_, number, _)| *number).min().expect("not empty");
        history.forget_before(horizon);
        carry_out(&mut history, &mut counts, *number, command);
    }
    counts
}

fn without_zeros(mut counts: Counts) -> Counts {
    counts.retain(|_, count| *count > 0);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn late_commands_make_the_same_counts_as_commands_in_order(commands in proptest::collection::vec(late(), 0..12)) {
        prop_assert_eq!(without_zeros(as_they_become_known(&commands)), without_zeros(in_order(&commands)));
    }
}
