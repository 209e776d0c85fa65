use super::*;

const HOST: &str = "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN";
const OTHER_HOST: &str = "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U";
const ACTOR: &str = "MB2KWBUBDYUFPKDWP6YXZ5DIVQFVN6NRT4V4BU72GIKN4NOP3Y7FJXL2";
const IMAGE: &str = "localhost:5000/echo:0.3.8";

fn event(source: &str, name: &str, data: &str) -> CloudEvent {
    let text = format!(
        r#"{{"specversion":"1.0","id":"1","type":"com.wasmcloud.lattice.{name}","source":"{source}","data":{data}}}"#
    );
    CloudEvent::from_bytes(text.as_bytes()).expect("an event")
}

fn started(annotations: Annotations) -> Expected {
    Expected::Started { actor_ref: IMAGE.to_owned(), annotations }
}

fn scaled(actor_ref: &str) -> Expected {
    let actor = Some(ACTOR.parse().expect("an actor key"));
    Expected::Scaled { actor, actor_ref: actor_ref.to_owned(), annotations: Annotations::new() }
}

fn stopped(annotations: Annotations) -> Expected {
    Expected::Stopped { actor: ACTOR.parse().expect("an actor key"), annotations }
}

fn blue() -> Annotations {
    [("color", "blue")].into_iter().collect()
}

fn check(expected: &Expected, event: &CloudEvent, met: Met) {
    assert_eq!(expected.meets(Some(&HOST.parse().expect("a host key")), event), met, "{expected:?} {event:?}");
}

/// As wasmCloud 0.82 and wasmcloud-otp publish it.
fn actors_started(host: &str, image: &str, annotations: &str) -> CloudEvent {
    let data = format!(
        r#"{{"public_key":"{ACTOR}","image_ref":"{image}","annotations":{annotations},"host_id":"{host}",
        "claims":{{"call_alias":null,"caps":null,"issuer":"A","tags":null,"name":"echo","version":null,"revision":4,
        "not_before_human":"TODO","expires_human":"TODO"}},"count":1}}"#
    );
    event(host, "actors_started", &data)
}

#[test]
fn a_start_is_done_when_this_host_started_this_image_with_these_annotations() {
    check(&started(Annotations::new()), &actors_started(HOST, IMAGE, "{}"), Met::Done);
    check(&started(blue()), &actors_started(HOST, IMAGE, r#"{"color":"blue"}"#), Met::Done);
    check(&started(blue()), &actors_started(HOST, IMAGE, "{}"), Met::Not);
    check(&started(Annotations::new()), &actors_started(HOST, IMAGE, r#"{"color":"blue"}"#), Met::Not);
    check(&started(Annotations::new()), &actors_started(OTHER_HOST, IMAGE, "{}"), Met::Not);
    check(&started(Annotations::new()), &actors_started(HOST, "localhost:5000/other:1", "{}"), Met::Not);
}

#[test]
fn both_kinds_of_failed_start_are_understood() {
    let failed = format!(
        r#"{{"public_key":"N/A","image_ref":"{IMAGE}","annotations":{{}},"host_id":"{HOST}","error":"no \"such\" image"}}"#
    );
    let reason = || Met::Failed("no \"such\" image".to_owned());
    check(&started(Annotations::new()), &event(HOST, "actors_start_failed", &failed), reason());
    // wasmcloud-otp says only this when the image cannot be fetched, and does not repeat the host.
    let legacy = format!(r#"{{"actor_ref":"{IMAGE}","error":"no \"such\" image"}}"#);
    check(&started(Annotations::new()), &event(HOST, "actor_start_failed", &legacy), reason());
    check(&started(Annotations::new()), &event(OTHER_HOST, "actor_start_failed", &legacy), Met::Not);
    check(&stopped(Annotations::new()), &event(HOST, "actors_start_failed", &failed), Met::Not);
}

#[test]
fn a_scale_is_known_by_key_or_image() {
    let data = |annotations: &str| {
        format!(
            r#"{{"public_key":"{ACTOR}","image_ref":"{IMAGE}","annotations":{annotations},"host_id":"{HOST}",
            "claims":{{}},"max_instances":3}}"#
        )
    };
    check(&scaled(""), &event(HOST, "actor_scaled", &data("{}")), Met::Done);
    check(&scaled(IMAGE), &event(HOST, "actor_scaled", &data("{}")), Met::Done);
    check(&scaled(IMAGE), &event(HOST, "actor_scaled", &data(r#"{"color":"blue"}"#)), Met::Not);
    // Hosts that scale without saying `actor_scaled` say what they started or stopped.
    check(&scaled(""), &event(HOST, "actors_stopped", &data("{}")), Met::Done);
    check(&scaled("another"), &event(HOST, "actor_scaled", r#"{"image_ref":""}"#), Met::Not);

    let failed = format!(r#"{{"public_key":"{ACTOR}","host_id":"{HOST}","image_ref":"{IMAGE}","error":"no"}}"#);
    check(&scaled(""), &event(HOST, "actor_scale_failed", &failed), Met::Failed("no".to_owned()));
}

#[test]
fn a_stop_meets_instances_that_have_more_annotations() {
    let data = |annotations: &str| format!(r#"{{"public_key":"{ACTOR}","annotations":{annotations},"count":2}}"#);
    let both = data(r#"{"color":"blue","size":"small"}"#);
    check(&stopped(Annotations::new()), &event(HOST, "actors_stopped", &both), Met::Done);
    check(&stopped(blue()), &event(HOST, "actors_stopped", &both), Met::Done);
    check(&stopped(blue()), &event(HOST, "actors_stopped", &data("{}")), Met::Not);
    // wasmcloud-otp says nothing else when all instances are stopped.
    let one = format!(r#"{{"public_key":"{ACTOR}","instance_id":"i","annotations":{{}}}}"#);
    check(&stopped(Annotations::new()), &event(HOST, "actor_stopped", &one), Met::Done);
    check(&stopped(Annotations::new()), &event(HOST, "host_stopped", "{}"), Met::Not);
}

#[test]
fn a_host_stops_itself() {
    check(&Expected::HostStopped, &event(HOST, "host_stopped", r#"{"labels":{}}"#), Met::Done);
    check(&Expected::HostStopped, &event(OTHER_HOST, "host_stopped", r#"{"labels":{}}"#), Met::Not);
    check(&Expected::HostStopped, &event(HOST, "host_started", r#"{"labels":{}}"#), Met::Not);
}

#[test]
fn an_update_is_told_by_one_of_three_events() {
    let update = Expected::update(&UpdateActor {
        actor_id: ACTOR.parse().expect("an actor key"),
        annotations: blue(),
        host_id: None,
        lattice_id: None,
        new_actor_ref: IMAGE.to_owned(),
    });
    // wasmcloud-otp names neither image nor annotations.
    let updated = format!(r#"{{"public_key":"{ACTOR}","revision":5,"instance_id":"i"}}"#);
    check(&update, &event(HOST, "actor_updated", &updated), Met::Done);
    check(&update, &event(OTHER_HOST, "actor_updated", &updated), Met::Not);
    check(&update, &actors_started(HOST, IMAGE, r#"{"color":"blue"}"#), Met::Done);
    check(&update, &actors_started(HOST, IMAGE, "{}"), Met::Not);
    check(&update, &actors_started(HOST, "localhost:5000/other:1", r#"{"color":"blue"}"#), Met::Not);
    let failed = format!(r#"{{"public_key":"{ACTOR}","revision":5,"instance_id":"i","reason":"no"}}"#);
    check(&update, &event(HOST, "actor_update_failed", &failed), Met::Failed("no".to_owned()));
}

const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";

#[test]
fn providers_are_told_by_image_or_key_and_link_name() {
    let link = || "default".parse().expect("a link name");
    let started = |annotations| Expected::ProviderStarted { provider_ref: IMAGE.to_owned(), link: link(), annotations };
    let (with_blue, started) = (started(blue()), started(Annotations::new()));
    let data = |link: &str| {
        format!(r#"{{"public_key":"{PROVIDER}","image_ref":"{IMAGE}","link_name":"{link}","annotations":{{}}}}"#)
    };
    check(&started, &event(HOST, "provider_started", &data("default")), Met::Done);
    check(&started, &event(HOST, "provider_started", &data("")), Met::Done);
    check(&started, &event(HOST, "provider_started", &data("other")), Met::Not);
    check(&started, &event(OTHER_HOST, "provider_started", &data("default")), Met::Not);
    check(&with_blue, &event(HOST, "provider_started", &data("default")), Met::Not);
    let failed = format!(r#"{{"provider_ref":"{IMAGE}","link_name":"default","error":"no"}}"#);
    check(&started, &event(HOST, "provider_start_failed", &failed), Met::Failed("no".to_owned()));
    check(&with_blue, &event(HOST, "provider_start_failed", &failed), Met::Failed("no".to_owned()));

    let provider = || PROVIDER.parse().expect("a provider key");
    let stopped = |annotations| Expected::ProviderStopped { provider: provider(), link: link(), annotations };
    let (with_blue, stopped) = (stopped(blue()), stopped(Annotations::new()));
    check(&with_blue, &event(HOST, "provider_stopped", &data("default")), Met::Not);
    check(&stopped, &event(HOST, "provider_stopped", &data("default")), Met::Done);
    check(&stopped, &event(HOST, "provider_stopped", &data("other")), Met::Not);
    check(&stopped, &event(HOST, "provider_started", &data("default")), Met::Not);
}

#[test]
fn links_are_told_by_whichever_host() {
    let place = || LinkPlace {
        actor: ACTOR.parse().expect("an actor key"),
        contract: "wasmcloud:keyvalue".parse().expect("a contract"),
        link: "default".parse().expect("a link name"),
    };
    let data = |contract: &str| {
        format!(
            r#"{{"id":"X","actor_id":"{ACTOR}","provider_id":"{PROVIDER}","link_name":"default","contract_id":"{contract}",
            "values":{{}}}}"#
        )
    };
    let met = |expected: &Expected, source: &str, name: &str, contract: &str| {
        expected.meets(None, &event(source, name, &data(contract)))
    };
    let (set, deleted) = (Expected::LinkSet(place()), Expected::LinkDeleted(place()));
    assert_eq!(met(&set, "n/a", "linkdef_set", "wasmcloud:keyvalue"), Met::Done);
    assert_eq!(met(&set, HOST, "linkdef_set", "wasmcloud:messaging"), Met::Not);
    assert_eq!(met(&set, HOST, "linkdef_deleted", "wasmcloud:keyvalue"), Met::Not);
    assert_eq!(met(&deleted, HOST, "linkdef_deleted", "wasmcloud:keyvalue"), Met::Done);
    assert_eq!(met(&Expected::Nothing, HOST, "linkdef_set", "wasmcloud:keyvalue"), Met::Not);
}
