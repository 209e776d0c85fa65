use super::*;

/// How the hosts of a test stand: `A`, `B`, … in order.
#[derive(Clone, Copy)]
enum Is {
    /// It bids, and has so many.
    Open(u32),
    /// It has so many and the labels, and does not bid.
    Closed(u32),
    /// It has so many, and not the labels.
    Strange(u32),
}
use Is::{Closed, Open, Strange};

fn hosts(hosts: &[Is]) -> Vec<Host> {
    let ids = ('A'..='Z').map(String::from);
    ids.zip(hosts)
        .map(|(id, host)| match *host {
            Open(has) => Host { id, has, bids: true, fits: true },
            Closed(has) => Host { id, has, bids: false, fits: true },
            Strange(has) => Host { id, has, bids: false, fits: false },
        })
        .collect()
}

/// The plan is `expected`, in whatever order the hosts come, and makes itself again once it is carried out.
fn check(wanted: u16, stand: &[Is], expected: &[u32]) {
    let mut hosts = hosts(stand);
    assert_eq!(targets(&hosts, wanted), Ok(expected.to_vec()));
    let reversed: Vec<_> = hosts.iter().rev().cloned().collect();
    assert_eq!(targets(&reversed, wanted), Ok(expected.iter().rev().copied().collect()), "reversed");
    for (host, target) in hosts.iter_mut().zip(expected) {
        host.has = *target;
    }
    assert_eq!(targets(&hosts, wanted), Ok(expected.to_vec()), "again");
}

fn check_nobody_bids(wanted: u16, stand: &[Is], running: u32) {
    assert_eq!(targets(&hosts(stand), wanted), Err(NoBidder { running }));
}

#[test]
fn from_nothing_they_are_spread_evenly() {
    check(6, &[Open(0), Open(0), Open(0)], &[2, 2, 2]);
    check(5, &[Open(0), Open(0), Open(0)], &[2, 2, 1]);
    check(1, &[Open(0), Open(0)], &[1, 0]);
    check(3, &[Open(0)], &[3]);
}

#[test]
fn what_stands_well_is_left_alone() {
    check(6, &[Open(2), Open(2), Open(2)], &[2, 2, 2]);
    check(5, &[Open(1), Open(2), Open(2)], &[1, 2, 2]);
    check(6, &[Closed(2), Closed(2), Closed(2)], &[2, 2, 2]);
    check(0, &[Open(0), Closed(0), Strange(0)], &[0, 0, 0]);
}

#[test]
fn a_lost_host_is_made_up_for() {
    check(6, &[Open(2), Open(2)], &[3, 3]);
    check(6, &[Open(2), Closed(2)], &[4, 2]);
    check(7, &[Open(3), Open(2)], &[4, 3]);
}

#[test]
fn a_host_that_comes_back_gets_its_share() {
    check(6, &[Open(3), Open(3), Open(0)], &[2, 2, 2]);
    check(7, &[Open(4), Open(3), Open(0)], &[3, 2, 2]);
    // With what it had when it went.
    check(6, &[Open(3), Open(3), Open(2)], &[2, 2, 2]);
}

#[test]
fn more_go_to_those_with_the_fewest() {
    check(9, &[Open(2), Open(2), Open(2)], &[3, 3, 3]);
    check(5, &[Open(2), Open(1), Open(0)], &[2, 2, 1]);
    check(6, &[Open(4), Open(0)], &[3, 3]);
}

#[test]
fn fewer_leave_those_with_the_most() {
    check(3, &[Open(2), Open(2), Open(2)], &[1, 1, 1]);
    check(4, &[Open(2), Open(2), Open(2)], &[2, 1, 1]);
    check(4, &[Open(1), Open(5)], &[2, 2]);
    check(0, &[Open(2), Closed(3), Strange(1)], &[0, 0, 0]);
}

#[test]
fn only_those_that_bid_get_more_than_they_have() {
    check(6, &[Open(6), Closed(0)], &[6, 0]);
    check(7, &[Open(6), Closed(1)], &[6, 1]);
    check(4, &[Open(6), Closed(1)], &[3, 1]);
    check(6, &[Closed(2), Open(2)], &[2, 4]);
    check(8, &[Closed(6), Closed(1), Open(1)], &[4, 1, 3]);
}

#[test]
fn a_host_with_other_labels_gives_up_what_it_has() {
    check(6, &[Strange(3), Open(3)], &[0, 6]);
    check(6, &[Strange(3), Open(3), Open(0)], &[0, 3, 3]);
    check(2, &[Strange(3), Closed(2)], &[0, 2]);
}

#[test]
fn where_nobody_bids_nothing_can_be_added() {
    check_nobody_bids(6, &[], 0);
    check_nobody_bids(1, &[Closed(0), Strange(0)], 0);
    check_nobody_bids(6, &[Closed(2), Closed(3)], 5);
    // Who has what the others do not take keeps it, for there is no plan.
    check_nobody_bids(6, &[Strange(4), Closed(2)], 2);
}

#[test]
fn many_are_no_matter() {
    check(u16::MAX, &[Open(0), Open(0)], &[32_768, 32_767]);
    check(3, &[Open(u32::MAX), Closed(u32::MAX), Strange(u32::MAX)], &[2, 1, 0]);
}

/// Every way in which up to three hosts can stand, against what holds for all plans.
#[test]
fn whatever_stands_there_as_many_run_as_are_wanted() {
    let stands: Vec<Is> = (0..5).flat_map(|has| [Open(has), Closed(has), Strange(has)]).collect();
    for first in &stands {
        for second in &stands {
            for third in &stands {
                for wanted in 0..8 {
                    check_what_holds(wanted, &hosts(&[*first, *second, *third]));
                }
            }
        }
    }
}

fn check_what_holds(wanted: u16, hosts: &[Host]) {
    let about = || format!("{} wanted, {:?}", wanted, hosts);
    let eligible = || hosts.iter().filter(|host| host.is_eligible());
    let targets = match targets(hosts, wanted) {
        Ok(targets) => targets,
        Err(lack) => {
            assert!(!hosts.iter().any(|host| host.bids), "{}", about());
            assert_eq!(lack.running, eligible().map(|host| host.has).sum(), "{}", about());
            assert!(lack.running < wanted.into(), "{}", about());
            return;
        }
    };
    assert_eq!(targets.iter().sum::<u32>(), wanted.into(), "{}", about());
    let pairs = || hosts.iter().zip(&targets);
    assert!(pairs().all(|(host, target)| host.bids || *target <= host.has), "{}", about());
    assert!(pairs().all(|(host, target)| host.is_eligible() || *target == 0), "{}", about());
    // Nobody who could get one more has two fewer than somebody else.
    let most = targets.iter().copied().max().unwrap_or(0);
    let mut could_get_more = pairs().filter(|(host, target)| host.is_eligible() && (host.bids || **target < host.has));
    assert!(could_get_more.all(|(_, target)| most < target + 2), "{}", about());
}
