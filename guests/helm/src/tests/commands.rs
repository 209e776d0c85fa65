//! Operations that command: what they send, and what is answered.

use super::*;

/// The argument `told` beside a lattice, and what is `sent` beside that: both without the annotations, which are added.
fn check_noted<const N: usize, const M: usize>(
    operation: &str,
    told: [(&str, Value<'_>); N],
    sent: [(&str, Value<'_>); M],
) {
    let mut argument = vec![(Value::Str("lattice"), Value::Str("prod"))];
    argument.extend(told.into_iter().map(|(key, value)| (Value::Str(key), value)));
    argument.push((Value::Str("annotations"), texts([("a", "b")])));
    let mut expected: Vec<_> = sent.into_iter().map(|(key, value)| (Value::Str(key), value)).collect();
    expected.push((Value::Str("annotations"), texts([("a", "b")])));
    expected.push((Value::Str("latticeId"), Value::Str("prod")));
    // The order is that of the contract: by name.
    expected.sort_by_key(|(key, _)| key.as_str());
    check_command(operation, Value::Map(argument), Value::Map(expected));
}

#[test]
fn actors_are_started_updated_and_stopped() {
    check_noted(
        "Helm.StartActor",
        [("host", "N".into()), ("actor_ref", "i".into()), ("count", Value::Uint(3))],
        [("hostId", "N".into()), ("actorRef", "i".into()), ("count", Value::Uint(3))],
    );
    check_noted(
        "Helm.UpdateActor",
        [("host", "N".into()), ("actor_id", "M".into()), ("new_actor_ref", "j".into())],
        [("hostId", "N".into()), ("actorId", "M".into()), ("newActorRef", "j".into())],
    );
    check_noted(
        "Helm.StopActor",
        [("host", "N".into()), ("actor_id", "M".into()), ("count", Value::Uint(0))],
        [("hostId", "N".into()), ("actorId", "M".into()), ("count", Value::Uint(0))],
    );
}

#[test]
fn providers_are_started_and_stopped() {
    check_noted(
        "Helm.StartProvider",
        [("host", "N".into()), ("provider_ref", "i".into()), ("link_name", "l".into()), ("configuration", "{}".into())],
        [("hostId", "N".into()), ("providerRef", "i".into()), ("linkName", "l".into()), ("configuration", "{}".into())],
    );
    check_noted(
        "Helm.StopProvider",
        [("host", "N".into()), ("provider_id", "V".into()), ("contract_id", "c".into())],
        [
            ("hostId", "N".into()),
            ("providerId", "V".into()),
            ("contractId", "c".into()),
            ("linkName", "default".into()),
        ],
    );
}

#[test]
fn a_link_is_removed_and_a_host_stopped() {
    check_command(
        "Helm.RemoveLink",
        texts([("actor_id", "M"), ("contract_id", "c"), ("link_name", "l")]),
        texts([("actorId", "M"), ("contractId", "c"), ("latticeId", "default"), ("linkName", "l")]),
    );
    check_command(
        "Helm.StopHost",
        Value::map([("host", "N".into()), ("timeout", Value::Uint(5))]),
        Value::map([("hostId", "N".into()), ("latticeId", "default".into()), ("timeout", Value::Uint(5))]),
    );
}

#[test]
fn an_actor_is_scaled() {
    let argument = Value::map([
        ("lattice", "prod".into()),
        ("host", "N".into()),
        ("actor_id", "M".into()),
        ("actor_ref", "i".into()),
        ("count", Value::Uint(2)),
        ("annotations", texts([("a", "b")])),
    ]);
    let sent = Value::map([
        ("actorId", "M".into()),
        ("actorRef", "i".into()),
        ("annotations", texts([("a", "b")])),
        ("count", Value::Uint(2)),
        ("hostId", "N".into()),
        ("latticeId", "prod".into()),
    ]);
    check_command("Helm.ScaleActor", argument, sent);
    check_invalid("Helm.ScaleActor", Value::Nil, "`count` must be a whole number from 0 to 65535");
    let argument = Value::map([("count", Value::Uint(65_536))]);
    check_invalid("Helm.StopActor", argument, "`count` must be a whole number from 0 to 65535");
}

#[test]
fn a_link_is_set() {
    let values = [("actor_id", "M"), ("provider_id", "V"), ("contract_id", "c")];
    let argument = Value::map([("link", texts(values))]);
    let link = Value::map([
        ("actor_id", "M".into()),
        ("provider_id", "V".into()),
        ("link_name", "default".into()),
        ("contract_id", "c".into()),
        ("values", Value::map([])),
    ]);
    check_command("Helm.AdvertiseLink", argument, Value::map([("latticeId", "default".into()), ("link", link)]));
    check_invalid("Helm.AdvertiseLink", Value::map([]), "`link` must be a map, not nil");
}

#[test]
fn credentials_are_set() {
    let argument = texts([("nats_url", "u"), ("jwt", "j"), ("seed", "s"), ("js_domain", "d")]);
    let sent =
        texts([("jsDomain", "d"), ("latticeId", "default"), ("natsUrl", "u"), ("userJwt", "j"), ("userSeed", "s")]);
    check_command("Helm.SetLatticeCredentials", argument, sent);
    let argument = Value::map([("r", texts([("username", "me"), ("password", "pw")]))]);
    let sent = Value::map([("r", texts([("password", "pw"), ("registryType", "oci"), ("username", "me")]))]);
    check_command(
        "Helm.SetRegistryCredentials",
        Value::map([("credentials", argument)]),
        Value::map([("credentials", sent), ("latticeId", "default".into())]),
    );
}
