//! Modules and components.

use serde_json::{Value, json};

use crate::{
    generations::{CAPABILITIES, Generation, Read, Seeds, TAGS, Times, V0_8, V0_11, V0_13, V0_16},
    program::Program,
    wasm,
};

/// When what is signed here is signed, 2023-11-14T22:13:20Z.
const ISSUED: u64 = 1_700_000_000;
/// A hundred years.
const LONG: u64 = 36_500 * 86_400;

macro_rules! tests {
    ($($generation:ident $module:ident: $($test:ident)+;)+) => {
        $(mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test(&super::$generation);
                }
            )+
        })+
    };
}

tests! {
    V0_8 v0_8: what_they_sign_is_verified what_of_theirs_is_changed_is_refused their_times_count keys_are_the_same;
    V0_11 v0_11: what_is_signed_is_validated what_they_sign_is_verified what_of_ours_is_changed_is_refused
        what_of_theirs_is_changed_is_refused our_times_count their_times_count signing_takes_the_place_of_older_claims
        keys_are_the_same;
    V0_13 v0_13: what_is_signed_is_validated what_they_sign_is_verified what_of_ours_is_changed_is_refused
        what_of_theirs_is_changed_is_refused our_times_count their_times_count signing_takes_the_place_of_older_claims
        keys_are_the_same;
    V0_16 v0_16: what_is_signed_is_validated what_they_sign_is_verified what_of_ours_is_changed_is_refused
        what_of_theirs_is_changed_is_refused our_times_count their_times_count signing_takes_the_place_of_older_claims
        keys_are_the_same;
}

/// A program that has made itself keys.
fn program() -> Program {
    let program = Program::new();
    program.done("keys gen account --out account.nk");
    program.done("keys gen module --out module.nk");
    program
}

/// Signs with all that can be said.
fn signed(program: &Program, module: &[u8], times: &str) -> Vec<u8> {
    program.write("in.wasm", module);
    let [one, other] = CAPABILITIES;
    let [first, second] = TAGS;
    program.done(&format!(
        "claims sign in.wasm --out out.wasm --name ours --cap {one} --cap {other} --tag {first} --tag {second} --revision 7 \
         --version 1.2.3 --call-alias acme/ours --issuer account.nk --module-key module.nk {times}"
    ));
    program.read("out.wasm")
}

#[track_caller]
fn read(generation: &Generation, module: &[u8]) -> Read {
    (generation.read)(module).expect("it is accepted").expect("it is signed")
}

/// That two documents say the same where both say something.
#[track_caller]
fn agree(ours: &Value, theirs: &Value) {
    let theirs = theirs.as_object().expect("an object");
    for (key, said) in theirs {
        assert_eq!(&ours[key], said, "{key}");
    }
}

fn what_is_signed_is_validated(generation: &Generation) {
    let program = program();
    let times = format!("--issued-at 2023-11-14T22:13:20Z --not-before 10s --expires-in {LONG}s");
    for (what, module) in wasm::all() {
        let signed = signed(&program, &module, &times);
        let found = read(generation, &signed);
        assert!(found.is_signed && !found.is_expired && !found.is_early, "{what}");
        assert_eq!(
            (found.issued_at, found.not_before, found.expires),
            (ISSUED, Some(ISSUED + 10), Some(ISSUED + LONG))
        );
        agree(&program.done("claims inspect out.wasm"), &found.said);
        assert_eq!(found.said["name"], "ours", "{what}");
        assert_eq!(found.said.get("capabilities").is_some(), generation.has_capabilities);
    }
}

fn what_they_sign_is_verified(generation: &Generation) {
    let (program, seeds) = (Program::new(), (generation.seeds)());
    let times = Times { not_before: Some(ISSUED), expires: Some(ISSUED + LONG) };
    for (what, module) in (generation.modules)() {
        let signed = (generation.sign)(&module, &seeds, times);
        program.write("theirs.wasm", &signed);
        let issuer = (generation.public_key)(&seeds.account);
        let verified = program.done(&format!("claims verify theirs.wasm --trusted-issuer {issuer}"));
        assert_eq!(verified["public_key"], (generation.public_key)(&seeds.module), "{what}: {verified}");
        let inspected = program.done("claims inspect theirs.wasm");
        agree(&inspected, &read(generation, &signed).said);
        let times = json!([inspected["not_before"], inspected["expires_at"]]);
        assert_eq!(times, json!(["2023-11-14T22:13:20Z", "2123-10-21T22:13:20Z"]), "{what}");
        let capabilities = if generation.has_capabilities { json!(CAPABILITIES) } else { json!([]) };
        assert_eq!((&inspected["capabilities"], &inspected["revision"]), (&capabilities, &json!(7)), "{what}");
    }
}

fn what_of_ours_is_changed_is_refused(generation: &Generation) {
    let program = program();
    for (what, module) in wasm::all() {
        let changed = wasm::changed(&signed(&program, &module, ""));
        program.write("changed.wasm", &changed);
        assert!((generation.read)(&changed).is_err(), "{what}");
        assert_eq!(failing(&program.refused("claims verify changed.wasm")), ["hash"], "{what}");
    }
}

fn what_of_theirs_is_changed_is_refused(generation: &Generation) {
    let (program, seeds) = (Program::new(), (generation.seeds)());
    for (what, module) in (generation.modules)() {
        let changed = wasm::changed(&(generation.sign)(&module, &seeds, Times { not_before: None, expires: None }));
        program.write("changed.wasm", &changed);
        assert!((generation.read)(&changed).is_err(), "{what}");
        assert_eq!(failing(&program.refused("claims verify changed.wasm")), ["hash"], "{what}");
    }
}

fn our_times_count(generation: &Generation) {
    let (program, module) = (program(), &wasm::modules()[0].1);
    let late = read(generation, &signed(&program, module, "--issued-at 2023-11-14T22:13:20Z --expires-in 1h"));
    assert!(late.is_signed && late.is_expired && !late.is_early);
    let early = read(generation, &signed(&program, module, "--not-before 9999-01-01T00:00:00Z"));
    assert!(early.is_signed && !early.is_expired && early.is_early);
}

fn their_times_count(generation: &Generation) {
    let (program, seeds, module) = (Program::new(), (generation.seeds)(), &wasm::modules()[0].1);
    let check = |times, expect: &str| {
        program.write("theirs.wasm", &(generation.sign)(module, &seeds, times));
        assert_eq!(failing(&program.refused("claims verify theirs.wasm")), [expect]);
    };
    check(Times { not_before: None, expires: Some(ISSUED) }, "expiry");
    check(Times { not_before: Some(ISSUED + LONG), expires: None }, "not_before");
}

/// One signature is left, the last, whoever signed before: both ways.
fn signing_takes_the_place_of_older_claims(generation: &Generation) {
    let (program, seeds) = (program(), (generation.seeds)());
    for (what, module) in wasm::all() {
        let ours = signed(&program, &module, "");
        let hash = read(generation, &ours).said["hash"].clone();
        let theirs = (generation.sign)(&ours, &seeds, Times { not_before: None, expires: None });
        let found = read(generation, &theirs).said;
        assert_eq!((&found["name"], &found["hash"]), (&json!("theirs"), &hash), "{what}");
        let again = read(generation, &signed(&program, &theirs, "")).said;
        assert_eq!((&again["name"], &again["hash"]), (&json!("ours"), &hash), "{what}");
    }
}

/// Seeds of either are read by the other, as the same key.
fn keys_are_the_same(generation: &Generation) {
    let program = Program::new();
    for kind in ["account", "module"] {
        let made = program.done(&format!("keys gen {kind}"));
        let seed = made["seed"].as_str().expect("a seed is told");
        assert_eq!(made["public_key"], (generation.public_key)(seed), "{kind}");
    }
    let Seeds { account, module } = (generation.seeds)();
    program.write_seed("account.nk", &account);
    program.write_seed("module.nk", &module);
    signed(&program, &wasm::modules()[0].1, "");
    let inspected = program.done("claims inspect out.wasm");
    assert_eq!(inspected["issuer"], (generation.public_key)(&account));
    assert_eq!(inspected["public_key"], (generation.public_key)(&module));
}

/// The checks that fail.
fn failing(verified: &Value) -> Vec<&str> {
    let checks = verified["checks"].as_array().unwrap_or_else(|| panic!("no checks: {verified}"));
    let failing = checks.iter().filter(|check| check["verdict"] == "fails");
    failing.map(|check| check["check"].as_str().expect("a name")).collect()
}
