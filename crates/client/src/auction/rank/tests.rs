use super::*;

const HOSTS: [&str; 4] = [
    "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN",
    "NB34G6FPZKL2ZXE2HYB4E7ZBGTO7CMPPAQCN4EGLPUX4Y6C3P7EIUPC6",
    "NCQPU6XNCH4EN523CE7FRVJC5P3FPPRRI2NBET464LURBGDHIAFL6SJ5",
    "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U",
];

/// A bid with so many instances of the actor, cached or not, so many of all, and so many GiB free.
fn bid(actor_instances: u64, cached: bool, instances: u64, memory: u64) -> Option<Bid> {
    let free_memory = Some(memory << 30);
    Some(Bid { actor_instances, cached, free_memory, instances, ..Bid::default() })
}

/// Ranks bids of the hosts in turn; each host is called by its number.
fn ranked(bids: &[Option<Bid>], rule: Rule) -> Vec<RankedBid> {
    let bidder = |(index, bid): (usize, &Option<Bid>)| Bidder {
        host_id: HOSTS[index].parse().expect("a host key"),
        bid: bid.clone().map(|bid| Bid { friendly_name: index.to_string(), ..bid }),
    };
    rank(bids.iter().enumerate().map(bidder).collect(), rule)
}

fn check(bids: &[Option<Bid>], spread: &[usize], pack: &[usize]) {
    for (rule, expect) in [(Rule::Spread, spread), (Rule::Pack, pack)] {
        let ranked = ranked(bids, rule);
        let hosts: Vec<&str> = ranked.iter().map(|bid| bid.host_id.as_str()).collect();
        assert_eq!(hosts, expect.iter().map(|index| HOSTS[*index]).collect::<Vec<_>>(), "{rule}");
        assert!(ranked.iter().map(|bid| bid.rank).eq(1..=bids.len()));
    }
}

#[test]
fn each_measure_counts_where_those_before_it_are_equal() {
    check(&[bid(1, true, 1, 9), bid(0, false, 9, 1)], &[1, 0], &[0, 1]);
    // An image that is there speaks for a host under either rule.
    check(&[bid(0, false, 1, 9), bid(0, true, 9, 1)], &[1, 0], &[1, 0]);
    check(&[bid(0, true, 9, 9), bid(0, true, 1, 1)], &[1, 0], &[0, 1]);
    check(&[bid(0, true, 1, 1), bid(0, true, 1, 9)], &[1, 0], &[0, 1]);
    check(&[bid(0, true, 1, 1), bid(0, true, 1, 1)], &[0, 1], &[0, 1]);
}

#[test]
fn hosts_that_tell_nothing_come_last() {
    check(&[None, bid(7, false, 9, 0), None, bid(9, false, 9, 0)], &[1, 3, 0, 2], &[3, 1, 0, 2]);
    check(&[], &[], &[]);
    let unknown = Bid { free_memory: None, ..bid(0, true, 1, 0).expect("a bid") };
    check(&[Some(unknown), bid(0, true, 1, 1)], &[1, 0], &[1, 0]);
}

fn check_reasons(bids: &[Option<Bid>], expect: &[&str]) {
    let ranked = ranked(bids, Rule::Spread);
    assert_eq!(ranked.iter().map(RankedBid::reason).collect::<Vec<_>>(), expect);
}

#[test]
fn every_rank_is_explained() {
    check_reasons(
        &[bid(0, true, 3, 2), bid(1, true, 1, 2), None],
        &[
            "runs 0 instances of it, has the image, runs 3 of all, 2.0 GiB of memory free",
            "after 0: runs 1 instance of it, not 0",
            "a host of another project, which tells nothing to choose by",
        ],
    );
    check_reasons(
        &[bid(0, true, 3, 2), bid(0, true, 4, 2), bid(0, true, 4, 1), bid(0, false, 0, 9)],
        &[
            "runs 0 instances of it, has the image, runs 3 of all, 2.0 GiB of memory free",
            "after 0: runs 4 instances of all, not 3",
            "after 1: has 1.0 GiB of memory free, not 2.0 GiB",
            "after 2: has to fetch the image",
        ],
    );
    let same = "after 0: the same in all that counts, and its key is the later one";
    assert_eq!(ranked(&[bid(0, true, 1, 1), bid(0, true, 1, 1)], Rule::Spread)[1].reason(), same);
    check_reasons(&[None], &["a host of another project, which tells nothing to choose by"]);
}

#[test]
fn a_hundred_starts_on_equal_hosts_are_spread_evenly() {
    let mut instances = [0; 4];
    for _ in 0..100 {
        let bids: Vec<_> = instances.iter().map(|count| bid(*count, true, *count, 1)).collect();
        let first = ranked(&bids, Rule::Spread).swap_remove(0).host_id;
        instances[HOSTS.iter().position(|host| *host == first.as_str()).expect("one of them")] += 1;
    }
    assert_eq!(instances, [25; 4]);
}

#[test]
fn rules_are_read_back() {
    assert_eq!("pack".parse(), Ok(Rule::Pack));
    assert_eq!(Rule::default().to_string().parse(), Ok(Rule::Spread));
    assert!("random".parse::<Rule>().is_err());
}
