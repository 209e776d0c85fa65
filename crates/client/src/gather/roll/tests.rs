use super::*;

const HOSTS: [&str; 4] = [
    "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN",
    "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U",
    "NCQPU6XNCH4EN523CE7FRVJC5P3FPPRRI2NBET464LURBGDHIAFL6SJ5",
    "NB34G6FPZKL2ZXE2HYB4E7ZBGTO7CMPPAQCN4EGLPUX4Y6C3P7EIUPC6",
];
const END: u64 = 2000;
const QUIET: u64 = 50;
const GRACE: u64 = 20;
const AGAIN: u64 = 500;

/// What happens, after so many milliseconds.
#[derive(Clone, Copy)]
enum Told {
    /// This host answers.
    Answer(usize),
    /// Somebody answers and does not say who.
    Unnamed,
    Nobody,
    /// These are the members; the numbers from 4 on are hosts of another project.
    Known(&'static [usize]),
    NoMembers,
    There(usize),
    Gone(usize),
}

use Told::*;

/// How a gather went.
#[derive(Debug, PartialEq)]
struct Ran {
    /// After how many milliseconds it was over.
    over: u64,
    /// Who was asked directly, when.
    asked: Vec<(u64, Vec<usize>)>,
    missing: Vec<usize>,
    complete: bool,
}

fn ran(over: u64, complete: bool) -> Ran {
    Ran { over, asked: Vec::new(), missing: Vec::new(), complete }
}

fn host(index: usize) -> HostKey {
    HOSTS[index % 4].parse().expect("a host key")
}

fn index(host: &HostKey) -> usize {
    HOSTS.iter().position(|text| *text == host.as_str()).expect("one of them")
}

fn member(index: usize) -> Member {
    Member {
        age: None,
        foreign: index >= 4,
        friendly_name: format!("host-{index}"),
        host_id: host(index),
        incarnation: None,
        interval: 5000,
        version: String::new(),
    }
}

fn run_with(silence_is_an_answer: bool, told: &[(u64, Told)]) -> Ran {
    let start = Instant::now();
    let at = |millis: u64| start + Duration::from_millis(millis);
    let rules = Rules {
        end: at(END),
        quiet: Duration::from_millis(QUIET),
        grace: Duration::from_millis(GRACE),
        again: Duration::from_millis(AGAIN),
        silence_is_an_answer,
    };
    let mut roll = Roll::new(rules, start);
    let (mut now, mut told, mut asked) = (0, told.iter().peekable(), Vec::new());
    loop {
        let until = match roll.next(at(now)) {
            Next::Done => break,
            Next::Ask(members) => {
                asked.push((now, members.iter().map(|member| index(&member.host_id)).collect()));
                continue;
            }
            Next::Wait(until) => u64::try_from((until - start).as_millis()).expect("not long"),
        };
        assert!(until > now, "it waits for a time that is over");
        match told.next_if(|(millis, _)| *millis <= until) {
            Some((millis, told)) => {
                now = *millis;
                tell(&mut roll, *told, at(now));
            }
            None => now = until,
        }
    }
    let Summary { missing, complete } = roll.summary();
    Ran { over: now, asked, missing: missing.iter().map(|missing| index(&missing.host_id)).collect(), complete }
}

fn tell(roll: &mut Roll, told: Told, now: Instant) {
    match told {
        Answer(index) => roll.answered(Some(host(index)), now),
        Unnamed => roll.answered(None, now),
        Nobody => roll.nobody(),
        Known(indexes) => {
            let members = indexes.iter().map(|index| member(*index)).collect();
            roll.members(Some(Members { members }), now);
        }
        NoMembers => roll.members(None, now),
        There(index) => roll.asked(&host(index), Presence::There),
        Gone(index) => roll.asked(&host(index), Presence::Gone),
    }
}

fn check(told: &[(u64, Told)], expect: Ran) {
    assert_eq!(run_with(false, told), expect);
}

#[test]
fn it_is_over_as_soon_as_every_member_has_answered() {
    check(
        &[(1, Known(&[0, 1])), (2, Answer(0)), (300, Answer(1))],
        Ran { asked: vec![(22, vec![1])], ..ran(300, true) },
    );
    check(&[(1, Answer(0)), (2, Answer(1)), (3, Known(&[0, 1]))], ran(3, true));
    // The same host again is nobody else.
    check(&[(1, Answer(0)), (1, Answer(0)), (2, Known(&[0, 1])), (9, Answer(1))], ran(9, true));
}

#[test]
fn a_member_that_is_gone_is_not_waited_for() {
    let told = [(1, Known(&[0, 1])), (2, Answer(0)), (23, Gone(1))];
    check(&told, Ran { asked: vec![(22, vec![1])], ..ran(23, true) });
    // Not even one that was there when it was first asked.
    let told = [(1, Known(&[0, 1])), (2, Answer(0)), (23, There(1)), (523, Gone(1))];
    check(&told, Ran { asked: vec![(22, vec![1]), (522, vec![1])], ..ran(523, true) });
    // Nor does it come back by what it said earlier.
    let told = [(1, Known(&[0, 1, 2])), (2, Answer(0)), (23, Gone(1)), (24, There(1)), (40, Answer(2))];
    check(&told, Ran { asked: vec![(22, vec![2, 1])], ..ran(40, true) });
}

#[test]
fn a_member_that_is_silent_is_waited_for_and_named() {
    let asked = vec![(22, vec![1]), (522, vec![1]), (1022, vec![1]), (1522, vec![1])];
    let missing = vec![1];
    let silent = [(1, Known(&[0, 1])), (2, Answer(0))];
    check(&silent, Ran { asked: asked.clone(), missing: missing.clone(), ..ran(END, false) });
    // One that answers directly is there, and its answer may still come.
    let slow = [(1, Known(&[0, 1])), (2, Answer(0)), (23, There(1))];
    check(&slow, Ran { asked, missing, ..ran(END, false) });
}

#[test]
fn nobody_is_asked_while_answers_come() {
    let told = [(1, Known(&[0, 1, 2])), (15, Answer(0)), (30, Answer(1)), (45, Answer(2))];
    check(&told, ran(45, true));
    // Without any answer the grace counts from when the members are known.
    let told = [(100, Known(&[0])), (125, Answer(0))];
    check(&told, Ran { asked: vec![(120, vec![0])], ..ran(125, true) });
}

#[test]
fn an_answer_that_does_not_say_whose_it_is_stands_for_one_who_is_there() {
    let told = [(1, Known(&[0, 1])), (2, Answer(0)), (3, Unnamed), (24, There(1))];
    check(&told, Ran { asked: vec![(23, vec![1])], ..ran(24, true) });
    // One of the two is mute, and says so by not answering directly either.
    let told = [(1, Known(&[0, 1, 2])), (2, Answer(0)), (3, Unnamed), (24, There(1))];
    let asked = [23, 523, 1023, 1523].map(|millis| (millis, vec![2, 1]));
    check(&told, Ran { asked: asked.to_vec(), missing: vec![2], ..ran(END, false) });
    // Which of the two is slow cannot be told.
    let told = [(1, Known(&[0, 1, 2])), (2, Answer(0)), (3, Unnamed), (24, There(1)), (24, There(2))];
    check(&told, Ran { asked: asked.to_vec(), missing: vec![2, 1], ..ran(END, false) });
}

#[test]
fn where_hosts_of_other_projects_are_about_it_goes_on_until_it_is_quiet() {
    check(&[(1, Known(&[0, 5])), (2, Answer(0)), (15, Answer(1))], ran(15 + QUIET, true));
    // A host that is no member.
    check(&[(1, Known(&[0])), (2, Answer(0))], ran(2, true));
    check(&[(1, Answer(3)), (2, Known(&[0])), (3, Answer(0)), (40, Answer(2))], ran(40 + QUIET, true));
    // One that has gone is about no more.
    let told = [(1, Known(&[0, 5])), (2, Answer(0)), (30, Gone(1))];
    check(&told, Ran { asked: vec![(22, vec![1])], ..ran(30, true) });
}

#[test]
fn without_members_it_is_never_complete() {
    check(&[(1, NoMembers), (300, Answer(0)), (349, Answer(1)), (398, Answer(2))], ran(398 + QUIET, false));
    check(&[(1, NoMembers)], ran(END, false));
    check(&[(1, Answer(0))], ran(END, false));
    // Whoever knows of no member does not know.
    check(&[(1, Known(&[])), (2, Answer(0))], ran(2 + QUIET, false));
}

#[test]
fn nobody_listens() {
    check(&[(1, Nobody)], ran(1, true));
    check(&[(1, Known(&[0])), (2, Nobody)], ran(2, true));
    // The server says so only of one of several questions.
    check(&[(1, Answer(0)), (2, Nobody), (3, Known(&[0]))], ran(3, true));
}

#[test]
fn hosts_of_other_projects_need_not_bid() {
    let told = [(1, Known(&[0, 5])), (2, Answer(0))];
    assert_eq!(run_with(true, &told), ran(2 + QUIET, true));
    assert_eq!(run_with(true, &[(1, Known(&[0, 1]))]).missing, [0, 1]);
}

#[test]
fn silence_is_no_result_unless_it_means_something() {
    let now = Instant::now();
    let rules = |silence_is_an_answer| Rules {
        end: now,
        quiet: Duration::ZERO,
        grace: Duration::ZERO,
        again: Duration::ZERO,
        silence_is_an_answer,
    };
    assert!(Roll::new(rules(false), now).is_blank());
    assert!(!Roll::new(rules(true), now).is_blank());
    let mut roll = Roll::new(rules(false), now);
    roll.members(Some(Members { members: [member(0)].into_iter().collect() }), now);
    assert!(!roll.is_blank(), "it is known who is missing");
}
