use lattice_protocol::decode;

use super::*;

const N0: &str = "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN";
const N1: &str = "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U";
const N4: &str = "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII";
const M0: &str = "MB2KWBUBDYUFPKDWP6YXZ5DIVQFVN6NRT4V4BU72GIKN4NOP3Y7FJXL2";
const M1: &str = "MBCNWL6JPGDK3DWDPLAWUCDRWNBAAJRPM36GFYFNNCF4J7DB22I6P2AA";
const M2: &str = "MBON4A36Y2HQVJG73XTGWRMKZCMNXJKBESBCPARDGOAZVOT7NMYK2ZRN";
const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

fn hosts(hosts: &[(&str, &str)]) -> Gathered<Host> {
    let host = |(id, name): &(&str, &str)| {
        decode(format!(r#"{{"id":"{id}","friendly_name":"{name}","uptime_seconds":1}}"#).as_bytes()).expect("a host")
    };
    Gathered { items: hosts.iter().map(host).collect(), ..Gathered::default() }
}

fn check_host(text: &str, expect: Result<&str, &str>) {
    let hosts = hosts(&[(N0, "quiet-river-1"), (N1, "nd"), (N4, "twin"), (N0, "twin")]);
    let picked = pick_host(text, hosts).map(|host| host.to_string()).map_err(|error| error.to_string());
    assert_eq!(picked.as_ref().map(String::as_str).map_err(String::as_str), expect);
}

#[test]
fn hosts_by_friendly_name_and_prefix() {
    check_host("quiet-river-1", Ok(N0));
    check_host("ND5", Ok(N4));
    check_host("nd5uo", Ok(N4));
    check_host("ND5UO4UC…", Ok(N4));
    // A whole name counts more than the start of an id.
    check_host("nd", Ok(N1));
}

#[test]
fn ambiguous_and_unknown_hosts_list_what_there_is() {
    check_host("ND", Err("`ND` fits more than one host; it may be nd (NDADMW22…), twin (ND5UO4UC…)"));
    check_host("twin", Err("`twin` fits more than one host; it may be twin (ND5UO4UC…), twin (NA53JWFG…)"));
    let all = "quiet-river-1 (NA53JWFG…), nd (NDADMW22…), twin (ND5UO4UC…), twin (NA53JWFG…)";
    check_host("QUIET", Err(&format!("no host fits `QUIET`; there is {all}")));
    check_host("", Err(&format!("no host fits ``; there is {all}")));
}

#[test]
fn nothing_fits_in_an_empty_lattice() {
    let error = pick_host("N", Gathered::default()).expect_err("there is no host");
    assert_eq!(error.to_string(), "no host fits `N`; there is none");
}

#[test]
fn a_long_list_is_cut_in_the_text_only() {
    let many: Vec<(&str, &str)> = vec![(N0, ""); 12];
    let error = pick_host("x", hosts(&many)).expect_err("no such host");
    assert_eq!(error.to_string().matches(N0).count(), 10);
    assert!(error.to_string().ends_with(" and 2 more"), "{error}");
    assert!(matches!(error, ResolveError::NotFound { known, .. } if known.len() == 12));
}

/// One host runs M0, named `echo`; the lattice knows claims of all, in the spellings of two kinds of hosts.
fn check_actor(text: &str, expect: Result<&str, &str>) {
    let picked = pick_known_actor(text);
    assert_eq!(picked.as_ref().map(String::as_str).map_err(String::as_str), expect);
}

fn pick_known_actor(text: &str) -> Result<String, String> {
    let inventory = format!(
        r#"{{"host_id":"{N0}","actors":[{{"id":"{M0}","image_ref":"i","instances":[],"name":"echo"}}],"providers":[]}}"#
    );
    let claims = format!(
        r#"{{"claims":[
            {{"sub":"{M0}","name":"echo","call_alias":"acme/echo","iss":"A","rev":"0","version":null}},
            {{"subject":"{M1}","name":"echo","call_alias":"","issuer":"A","revision":"0"}},
            {{"sub":"{M2}","name":"greeter","call_alias":"greet"}},
            {{"sub":"{M1}","name":"greeter","call_alias":""}},
            {{"sub":"{PROVIDER}","name":"kv","contract_id":"wasmcloud:keyvalue"}}]}}"#
    );
    let inventories =
        Gathered { items: vec![decode(inventory.as_bytes()).expect("an inventory")], ..Gathered::default() };
    let claims = decode(claims.as_bytes()).expect("claims");
    pick_actor(text, inventories, &claims).map(|key| key.to_string()).map_err(|error| error.to_string())
}

#[test]
fn actors_by_name_and_alias() {
    check_actor("acme/echo", Ok(M0));
    check_actor("greet", Ok(M2));
    // M1 has that name too, but only M0 runs.
    check_actor("echo", Ok(M0));
}

#[test]
fn actors_by_the_start_of_their_key() {
    check_actor("MBON", Ok(M2));
    check_actor("mbcnwl6j…", Ok(M1));
    // Every key starts so.
    assert!(pick_known_actor("MBO").is_err());
    assert!(pick_known_actor("M").is_err());
    assert!(pick_known_actor("…").is_err());
}

#[test]
fn claims_tell_names() {
    let claims = r#"{"claims":[{"subject":"M","name":"x"},{"subject":"KEY0","name":"echo"},{"sub":"KEY1","name":""}]}"#;
    let claims = decode(claims.replace("KEY0", M0).replace("KEY1", M1).as_bytes()).expect("claims");
    let names: Vec<_> = actor_names(&claims).collect();
    assert_eq!(names, [(M0.parse().expect("a key"), "echo")]);
}

#[test]
fn ambiguous_and_unknown_actors_list_what_there_is() {
    let ambiguous = "echo or greeter (MBCNWL6J…), greet or greeter (MBON4A36…)";
    check_actor("greeter", Err(&format!("`greeter` fits more than one actor; it may be {ambiguous}")));
    let all = "acme/echo or echo (MB2KWBUB…), echo or greeter (MBCNWL6J…), greet or greeter (MBON4A36…)";
    check_actor("kv", Err(&format!("no actor fits `kv`; there is {all}")));
    check_actor("", Err(&format!("no actor fits ``; there is {all}")));
}

#[test]
fn hosts_that_could_not_be_asked_are_counted() {
    let errors = vec![RequestError::NoResponders { subject: "s".to_owned() }];
    let error = pick_actor("echo", Gathered { errors, ..Gathered::default() }, &Claims::default());
    let error = error.expect_err("no such actor");
    assert_eq!(error.to_string(), "no actor fits `echo`; there is none (1 answers missing or unreadable)");
}
