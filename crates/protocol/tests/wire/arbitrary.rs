//! Arbitrary values survive every format.

use std::{
    fmt::Debug,
    str::FromStr,
    time::{Duration, SystemTime},
};

use data_encoding::BASE32_NOPAD;
use lattice_protocol::{
    Ack, ActorAuction, ActorBid, ActorDescription, ActorInstance, ActorKey, Annotations, Bid, Claims, ConfigValue,
    ConfigValues, Constraints, ContractId, Count, Declined, DeleteLink, EntityKey, Host, HostInventory, HostKey,
    ImageFetch, LabelChange, Labels, LatticeName, LinkDefinition, LinkName, LinkValues, Links, Member, Members,
    OperationId, OperationPhase, OperationQuery, OperationRecord, OperationRecords, OperationsQuery, ProviderAuction,
    ProviderBid, ProviderDescription, ProviderKey, ProviderProcess, ProviderState, ReachedPhase, RefusalCode,
    Registries, RegistryCredential, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider,
    UpdateActor,
    contract::lattice_control as contract,
    event::{
        ActorUpdateFailed, ActorUpdated, ActorsStopped, CloudEvent, ConfigChange, EventData, LabelsChanged,
        LinkdefChange,
    },
};
use proptest::{collection, option, prelude::*};

use crate::golden::round_trip;

/// The text form of a key: kind byte, key bytes and checksum in base32.
fn key<T: FromStr + Debug>(kind: u8) -> impl Strategy<Value = T> {
    any::<[u8; 32]>().prop_map(move |bytes| {
        let mut raw = vec![kind << 3];
        raw.extend(bytes);
        raw.extend(checksum(&raw).to_le_bytes());
        BASE32_NOPAD.encode(&raw).parse().ok().expect("a sound key")
    })
}

/// CRC-16/XMODEM by long division, unlike the crate's own.
fn checksum(bytes: &[u8]) -> u16 {
    let bits = bytes.iter().chain(&[0, 0]).flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    let rest = bits.fold(0u32, |rest, bit| {
        let rest = rest << 1 | bit;
        if rest & 0x1_0000 == 0 { rest } else { rest ^ 0x1_1021 }
    });
    u16::try_from(rest & 0xffff).expect("16 bits")
}

fn actor() -> impl Strategy<Value = ActorKey> {
    key(12)
}

fn host() -> impl Strategy<Value = HostKey> {
    key(13)
}

fn provider() -> impl Strategy<Value = ProviderKey> {
    key(21)
}

fn name<T: FromStr + Debug>() -> impl Strategy<Value = T> {
    "[A-Za-z0-9_-]{3,20}".prop_map(|text| text.parse().ok().expect("a plain word"))
}

fn lattice() -> impl Strategy<Value = Option<LatticeName>> {
    option::of(name())
}

fn link_name() -> impl Strategy<Value = LinkName> {
    name()
}

fn contract() -> impl Strategy<Value = ContractId> {
    "[a-z]{1,8}:[a-z]{1,8}".prop_map(|text| text.parse().expect("a contract id"))
}

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

/// Text that is there; an empty one reads as nothing where it is optional.
fn some_text() -> impl Strategy<Value = Option<String>> {
    option::of(".{1,20}")
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn map<T: FromIterator<(String, String)> + Debug>() -> impl Strategy<Value = T> {
    collection::vec((text(), text()), 0..4).prop_map(|entries| entries.into_iter().collect())
}

fn notes() -> impl Strategy<Value = Annotations> {
    map()
}

fn constraints() -> impl Strategy<Value = Constraints> {
    map()
}

fn labels() -> impl Strategy<Value = Labels> {
    map()
}

fn count() -> impl Strategy<Value = Count> {
    any::<u16>().prop_map(Count::from)
}

fn list<T: Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    collection::vec(item, 0..3)
}

/// A strategy for a struct, field by field.
macro_rules! strategy {
    ($name:ident, $type:ident { $($field:ident: $values:expr),+ $(,)? }) => {
        fn $name() -> impl Strategy<Value = $type> {
            ($($values,)+).prop_map(|($($field,)+)| $type { $($field),+ })
        }
    };
}

strategy!(
    start_actor,
    StartActor {
        actor_ref: text(),
        annotations: notes(),
        count: count(),
        host_id: option::of(host()),
        lattice_id: lattice(),
    }
);
strategy!(
    scale_actor,
    ScaleActor {
        actor_id: option::of(actor()),
        actor_ref: text(),
        annotations: notes(),
        count: count(),
        host_id: option::of(host()),
        lattice_id: lattice(),
    }
);
strategy!(
    stop_actor,
    StopActor {
        actor_id: actor(),
        annotations: notes(),
        count: count(),
        host_id: option::of(host()),
        lattice_id: lattice(),
    }
);
strategy!(
    update_actor,
    UpdateActor {
        actor_id: actor(),
        annotations: notes(),
        host_id: option::of(host()),
        lattice_id: lattice(),
        new_actor_ref: text(),
    }
);
strategy!(
    start_provider,
    StartProvider {
        annotations: notes(),
        configuration: some_text(),
        host_id: option::of(host()),
        lattice_id: lattice(),
        link_name: link_name(),
        provider_ref: text(),
    }
);
strategy!(
    stop_provider,
    StopProvider {
        annotations: notes(),
        contract_id: option::of(contract()),
        host_id: option::of(host()),
        lattice_id: lattice(),
        link_name: link_name(),
        provider_id: provider(),
    }
);
strategy!(
    stop_host,
    StopHost { host_id: option::of(host()), lattice_id: lattice(), timeout: option::of(any::<u64>()) }
);
strategy!(
    actor_auction,
    ActorAuction {
        actor_ref: text(),
        annotations: notes(),
        constraints: constraints(),
        count: count(),
        explain: any::<bool>(),
        lattice_id: lattice(),
    }
);
strategy!(
    bid,
    Bid {
        actor_instances: any::<u64>(),
        cached: any::<bool>(),
        free_memory: option::of(any::<u64>()),
        friendly_name: text(),
        instances: any::<u64>(),
        token: text(),
    }
);
strategy!(
    actor_bid,
    ActorBid { actor_ref: text(), bid: option::of(bid()), constraints: constraints(), host_id: host() }
);
strategy!(
    provider_auction,
    ProviderAuction {
        constraints: constraints(),
        explain: any::<bool>(),
        lattice_id: lattice(),
        link_name: link_name(),
        provider_ref: text(),
    }
);
strategy!(
    provider_bid,
    ProviderBid {
        bid: option::of(bid()),
        constraints: constraints(),
        host_id: host(),
        link_name: link_name(),
        provider_ref: text(),
    }
);
strategy!(
    declined,
    Declined { accepted: any::<bool>(), error: text(), friendly_name: text(), host_id: host(), reasons: list(text()) }
);
strategy!(
    ack,
    Ack {
        accepted: any::<bool>(),
        code: option::of(code()),
        error: text(),
        operation_id: option::of(name::<OperationId>()),
        provider_id: option::of(provider()),
        unrecorded: any::<bool>(),
    }
);
strategy!(
    member,
    Member {
        age: option::of(any::<u64>()),
        foreign: any::<bool>(),
        friendly_name: text(),
        host_id: host(),
        incarnation: some_text(),
        interval: any::<u64>(),
        version: text(),
    }
);
strategy!(
    instance,
    ActorInstance {
        annotations: notes(),
        digest: maybe(),
        image_ref: maybe(),
        instance_id: text(),
        max_concurrent: any::<u16>(),
        max_instances: any::<u16>(),
        revision: any::<i32>(),
    }
);
strategy!(
    actor_description,
    ActorDescription {
        id: actor(),
        image_ref: maybe(),
        instances: list(instance()).prop_map(Into::into),
        name: maybe(),
        revision: any::<i32>(),
    }
);
fn provider_state() -> impl Strategy<Value = ProviderState> {
    prop_oneof![
        Just(ProviderState::Starting),
        Just(ProviderState::Running),
        Just(ProviderState::Restarting),
        Just(ProviderState::CrashLoop),
        Just(ProviderState::Restoring),
        Just(ProviderState::Stopping),
    ]
}
strategy!(
    provider_process,
    ProviderProcess {
        healthy: option::of(any::<bool>()),
        instance_id: text(),
        last_exit: some_text(),
        restarts: any::<u32>(),
        state: provider_state(),
    }
);
strategy!(
    provider_description,
    ProviderDescription {
        annotations: notes(),
        contract_id: option::of(contract()),
        digest: maybe(),
        id: provider(),
        image_ref: maybe(),
        link_name: link_name(),
        name: maybe(),
        process: option::of(provider_process()),
        revision: any::<i32>(),
    }
);
strategy!(
    inventory,
    HostInventory {
        actors: list(actor_description()).prop_map(Into::into),
        friendly_name: text(),
        host_id: host(),
        issuer: maybe(),
        labels: labels(),
        providers: list(provider_description()).prop_map(Into::into),
        uptime_human: maybe(),
        uptime_seconds: any::<u64>(),
        version: maybe(),
    }
);
strategy!(
    link,
    LinkDefinition {
        actor_id: actor(),
        provider_id: provider(),
        link_name: link_name(),
        contract_id: contract(),
        values: map::<LinkValues>(),
    }
);
strategy!(
    delete_link,
    DeleteLink { actor_id: actor(), contract_id: contract(), lattice_id: lattice(), link_name: link_name() }
);
strategy!(
    credential,
    RegistryCredential {
        password: some_text(),
        registry_type: "[a-z]{1,8}",
        token: some_text(),
        username: some_text()
    }
);
strategy!(label_change, LabelChange { key: text(), value: text() });
strategy!(config_value, ConfigValue { data: any::<Vec<u8>>(), found: any::<bool>() });
strategy!(
    query,
    OperationQuery { operation_id: name::<OperationId>(), past: option::of(known_phase()), wait: any::<u64>() }
);
strategy!(
    operations_query,
    OperationsQuery {
        actor_id: option::of(actor()),
        host_id: option::of(host()),
        lattice_id: lattice(),
        limit: any::<u32>(),
        unfinished: any::<bool>(),
    }
);
strategy!(reached, ReachedPhase { at: text(), phase: phase() });
strategy!(
    updated,
    ActorUpdated {
        annotations: notes(),
        host_id: option::of(host()),
        image_ref: text(),
        instance_id: text(),
        old_image_ref: text(),
        old_revision: any::<i32>(),
        public_key: actor(),
        revision: any::<i32>(),
    }
);
strategy!(
    update_failed,
    ActorUpdateFailed {
        annotations: notes(),
        host_id: option::of(host()),
        image_ref: text(),
        public_key: actor(),
        reason: text(),
    }
);
strategy!(config_change, ConfigChange { entity_id: entity(), key: text() });
strategy!(
    stopped,
    ActorsStopped {
        annotations: notes(),
        count: count(),
        host_id: host(),
        image_ref: text(),
        public_key: actor(),
        remaining: count(),
    }
);

fn entity() -> impl Strategy<Value = EntityKey> {
    prop_oneof![key(12), key(21)]
}

fn code() -> impl Strategy<Value = RefusalCode> {
    prop::sample::select(vec![
        RefusalCode::Invalid,
        RefusalCode::OtherLattice,
        RefusalCode::Unsupported,
        RefusalCode::NotAllowed,
        RefusalCode::NotRunning,
        RefusalCode::Conflict,
        RefusalCode::LinkConflict,
        RefusalCode::BidStale,
        RefusalCode::OperationConflict,
        RefusalCode::Full,
        RefusalCode::Stopping,
        RefusalCode::Unavailable,
        RefusalCode::NotFound,
        RefusalCode::TooLarge,
        RefusalCode::Other,
    ])
}

fn phase() -> impl Strategy<Value = OperationPhase> {
    prop_oneof![9 => known_phase(), 1 => Just(OperationPhase::Unknown)]
}

fn known_phase() -> impl Strategy<Value = OperationPhase> {
    prop::sample::select(vec![
        OperationPhase::Accepted,
        OperationPhase::Fetching,
        OperationPhase::Verifying,
        OperationPhase::Compiling,
        OperationPhase::Starting,
        OperationPhase::Swapping,
        OperationPhase::Running,
        OperationPhase::Stopped,
        OperationPhase::Done,
        OperationPhase::Failed,
        OperationPhase::Lost,
    ])
}

strategy!(
    fetch,
    ImageFetch {
        digest: maybe(),
        fetched: any::<u64>(),
        moved_from: maybe(),
        size: any::<u64>(),
        unkept: maybe(),
        version: maybe()
    }
);

/// By hand, for a tuple of strategies has at most twelve parts.
fn record() -> impl Strategy<Value = OperationRecord> {
    let about = (option::of(actor()), list(text()), option::of(code()), text(), option::of(fetch()), host(), text());
    let numbers = (some_text(), option::of(any::<u64>()), option::of(any::<u64>()));
    let state = (name::<OperationId>(), phase(), list(reached()), maybe(), maybe(), numbers);
    (about, state, any::<bool>()).prop_map(|(about, state, unrecorded)| {
        let (actor_id, causes, code, command, fetch, host_id, incarnation) = about;
        let (operation_id, phase, phases, reference, requester, (link_id, link_revision, swap_micros)) = state;
        OperationRecord {
            actor_id,
            causes,
            code,
            command,
            fetch,
            host_id,
            incarnation,
            link_id,
            link_revision,
            operation_id,
            phase,
            phases,
            reference,
            requester,
            swap_micros,
            unrecorded,
        }
    })
}

fn ping() -> impl Strategy<Value = Host> {
    let texts = [maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe()];
    (texts, text(), host(), labels(), any::<u64>()).prop_map(|(texts, friendly_name, id, labels, uptime_seconds)| {
        let [
            cluster_issuers,
            ctl_host,
            issuer,
            js_domain,
            lattice,
            lattice_prefix,
            prov_rpc_host,
            rpc_host,
            uptime_human,
        ] = texts;
        let version = issuer.clone();
        Host {
            cluster_issuers,
            ctl_host,
            friendly_name,
            id,
            issuer,
            js_domain,
            labels,
            lattice,
            lattice_prefix,
            prov_rpc_host,
            rpc_host,
            uptime_human,
            uptime_seconds,
            version,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn commands(
        start in start_actor(), scale in scale_actor(), stop in stop_actor(), update in update_actor(),
        start_provider in start_provider(), stop_provider in stop_provider(), stop_host in stop_host(),
    ) {
        round_trip(&start);
        round_trip(&scale);
        round_trip(&stop);
        round_trip(&update);
        round_trip(&start_provider);
        round_trip(&stop_provider);
        round_trip(&stop_host);
    }

    #[test]
    fn auctions_and_acks(
        actor in actor_auction(), actor_bid in actor_bid(), provider in provider_auction(),
        provider_bid in provider_bid(), ack in ack(), declined in declined(),
    ) {
        round_trip(&declined);
        round_trip(&actor);
        round_trip(&actor_bid);
        round_trip(&provider);
        round_trip(&provider_bid);
        round_trip(&ack);
        round_trip(&contract::ActorAuctionAck::from(actor_bid));
        round_trip(&contract::ProviderAuctionAck::from(provider_bid));
        round_trip(&contract::CtlOperationAck::from(ack));
    }

    #[test]
    fn hosts(inventory in inventory(), ping in ping(), members in list(member())) {
        round_trip(&Members { members: members.into() });
        round_trip(&inventory);
        round_trip(&ping);
        round_trip(&contract::HostInventory::from(inventory));
        round_trip(&contract::Host::from(ping));
    }

    #[test]
    fn links_and_credentials(
        links in list(link()), delete in delete_link(), credentials in list((text(), credential())),
        change in label_change(), value in config_value(), values in list((text(), any::<Vec<u8>>())),
    ) {
        round_trip(&Links { links: links.into() });
        round_trip(&delete);
        round_trip(&Registries(credentials.into_iter().collect()));
        round_trip(&change);
        round_trip(&value);
        round_trip(&ConfigValues(values.into_iter().collect()));
    }

    #[test]
    fn claims_and_operations(
        claims in list(collection::btree_map(text(), maybe(), 0..4)), query in query(), record in record(),
        operations_query in operations_query(), records in list(record()), more in any::<bool>(),
    ) {
        round_trip(&operations_query);
        round_trip(&OperationRecords { more, operations: records.into() });
        let claims = Claims { claims: claims.into() };
        round_trip(&claims);
        round_trip(&contract::GetClaimsResponse::from(claims));
        round_trip(&query);
        round_trip(&record);
    }

    #[test]
    fn events(
        inventory in inventory(), stopped in stopped(), updated in updated(), failed in update_failed(), link in link(),
        (host_id, labels) in (host(), labels()), config in config_change(), id in text(), source in host(),
        operation in option::of(name()), sequence in any::<u64>(), seconds in 0..4_000_000_000u64,
    ) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let kinds = [
            EventData::HostHeartbeat(inventory),
            EventData::ActorsStopped(stopped),
            EventData::ActorUpdated(updated),
            EventData::ActorUpdateFailed(failed),
            EventData::LabelsChanged(LabelsChanged { host_id, labels }),
            EventData::LinkdefSet(LinkdefChange::of(&link)),
            EventData::LinkdefDeleted(LinkdefChange { values: link.values.clone(), ..LinkdefChange::of(&link) }),
            EventData::ConfigSet(config.clone()),
            EventData::ConfigDeleted(config),
        ];
        for data in kinds {
            let event = CloudEvent::new(id.as_str(), source.as_str(), time, &data)
                .caused_by(operation.clone())
                .numbered("e", sequence);
            let read = CloudEvent::from_bytes(&event.to_bytes()).expect("an event is readable");
            prop_assert_eq!(read.known_data(), Some(data));
            prop_assert_eq!(read.sequence_number(), Some(sequence));
            prop_assert_eq!(read, event);
        }
    }
}
