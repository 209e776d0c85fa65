use super::*;
use crate::reference::{Reference, Target};

const HERE: Machine = Machine { arch: "x86_64", os: "linux" };

/// An invoice with these tables after what every one has.
fn parsed(tables: &str) -> Invoice {
    let reference: Reference = "bindle://a/1.0.0".parse().expect("a reference");
    let Target::Bindle(reference) = reference.target() else { panic!("{reference}") };
    let text = format!("bindleVersion = \"1.0.0\"\n[bindle]\nname = \"a\"\nversion = \"1.0.0\"\n{tables}");
    Invoice::parse(text.as_bytes(), "server", reference).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A parcel with the digest of its name, and this after its label.
fn parcel(name: &str, rest: &str) -> String {
    let digest = digest(name).to_hex();
    format!("[[parcel]]\n[parcel.label]\nsha256 = \"{digest}\"\nname = \"{name}\"\nsize = 7\n{rest}\n")
}

fn of_machine(name: &str, arch: &str, os: &str) -> String {
    parcel(name, &format!("[parcel.label.feature.wasmcloud]\narch = \"{arch}\"\nos = \"{os}\""))
}

fn member(name: &str, group: &str, requires: &str) -> String {
    parcel(name, &format!("[parcel.conditions]\nmemberOf = [\"{group}\"]\nrequires = [{requires}]"))
}

fn group(name: &str, required: bool) -> String {
    format!("[[group]]\nname = \"{name}\"\nrequired = {required}\n")
}

fn part(name: &str) -> Part {
    Part { digest: digest(name), size: 7 }
}

fn provider(tables: &[String]) -> Result<Parts, BindleError> {
    parsed(&tables.concat()).parts(Kind::Provider, HERE)
}

#[track_caller]
fn is_meant(tables: &[String], executable: &str) {
    let expect =
        Parts::Provider { claims: part("claims.jwt"), executable: part(executable), target: "x86_64-linux".to_owned() };
    assert_eq!(provider(tables).expect("it is a provider's"), expect);
}

#[test]
fn modules() {
    let found = |tables: &str| parsed(tables).parts(Kind::Module, HERE);
    assert_eq!(found(&parcel("a.wasm", "")).expect("an actor's"), Parts::Module(part("a.wasm")));
    let elsewhere = of_machine("a.wasm", "riscv64", "plan9");
    assert_eq!(found(&elsewhere).expect("conditions do not count"), Parts::Module(part("a.wasm")));
    let two = [parcel("a.wasm", ""), member("b.wasm", "optional", "")].concat();
    for (tables, count) in [("", 0), (two.as_str(), 2)] {
        let error = found(tables).expect_err("no actor's");
        assert!(matches!(error, BindleError::ModuleParcels { found } if found == count), "{error}");
    }
}

#[test]
fn providers() {
    let claims = || parcel("claims.jwt", "");
    is_meant(&[claims(), of_machine("here", "x86_64", "linux"), of_machine("there", "aarch64", "linux")], "here");
    is_meant(&[of_machine("there", "x86_64", "macos"), of_machine("here", "x86_64", "linux"), claims()], "here");
    is_meant(&[claims(), parcel("for-all", "")], "for-all");
    let other_feature = parcel("other", "[parcel.label.feature.color]\narch = \"riscv64\"");
    is_meant(&[claims(), other_feature], "other");
}

/// A parcel that tells half of the machine is for none, as in the published filter.
#[test]
fn half_of_a_machine() {
    let half = parcel("half", "[parcel.label.feature.wasmcloud]\narch = \"x86_64\"");
    let error = provider(&[parcel("claims.jwt", ""), half]).expect_err("it is for no machine");
    assert!(matches!(&error, BindleError::MissingTarget { found, .. } if found.is_empty()), "{error}");
}

#[test]
fn groups() {
    let claims = || parcel("claims.jwt", "");
    let here = || of_machine("here", "x86_64", "linux");
    is_meant(&[claims(), here(), group("optional", false), member("more", "optional", "")], "here");
    is_meant(&[claims(), here(), member("more", "undeclared", "")], "here");
    is_meant(&[claims(), group("wanted", true), member("more", "wanted", "")], "more");
    let asks = parcel("claims.jwt", "[parcel.conditions]\nrequires = [\"a\"]");
    let circle = [asks, member("more", "a", "\"b\", \"a\""), group("a", false), group("b", false)];
    is_meant(&circle, "more");
    let empty = parcel("none", "[parcel.conditions]\nmemberOf = []");
    is_meant(&[claims(), empty], "none");
}

#[test]
fn what_is_no_provider() {
    let (claims, here) = (parcel("claims.jwt", ""), of_machine("here", "x86_64", "linux"));
    let check = |tables: &[String], expect: &str| {
        assert_eq!(provider(tables).expect_err("no provider's").to_string(), expect);
    };
    let no_claims =
        "the bindle has no claims: there is no parcel `claims.jwt` for this machine in it; is it a provider's?";
    check(&[], no_claims);
    check(std::slice::from_ref(&here), no_claims);
    check(&[here.clone(), of_machine("claims.jwt", "aarch64", "linux")], no_claims);
    let nothing = "the bindle has no executable for `x86_64-linux`; it has";
    check(std::slice::from_ref(&claims), &format!("{nothing} none that is for a target"));
    check(&[claims.clone(), of_machine("x", "riscv64", "plan9")], &format!("{nothing} some for `riscv64-plan9`"));
    let many: Vec<_> = (10..22).map(|number| of_machine("x", &format!("a{number}"), "b")).collect();
    let error = provider(&[vec![claims.clone()], many].concat()).expect_err("nothing for this machine").to_string();
    assert!(error.ends_with("`a19-b` and 2 more"), "{error}");
    let too_many =
        "the bindle has 3 parcels for `x86_64-linux`; that of a provider has two, `claims.jwt` and the executable";
    check(&[claims.clone(), here.clone(), parcel("readme", "")], too_many);
    check(&[claims.clone(), claims, here], too_many);
}

/// A chain of groups takes no longer than a list of them.
#[test]
fn many_groups() {
    let chain = (0..4000).map(|number| member("x", &number.to_string(), &format!("\"{}\"", number + 1)));
    let all = group("0", true) + &chain.collect::<String>();
    assert_eq!(parsed(&all).applicable(HERE).len(), 4000);
}

#[test]
fn yanked() {
    let is_yanked = |line: &str| {
        let reference: Reference = "bindle://a/1.0.0".parse().expect("a reference");
        let Target::Bindle(reference) = reference.target() else { panic!("{reference}") };
        let text = format!("{line}[bindle]\nname = \"a\"\nversion = \"1.0.0\"\n");
        Invoice::parse(text.as_bytes(), "server", reference).expect("an invoice").is_yanked()
    };
    assert_eq!(["", "yanked = false\n", "yanked = true\n"].map(is_yanked), [false, false, true]);
}
