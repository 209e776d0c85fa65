//! Answers that say more, less or something else than the golden ones: other providers, gaps, damage.

use super::golden::{golden, names};
use super::*;

/// An auction's answer: the entries of one bid behind its host and image.
fn bids(more: &[u8]) -> Result<Gathered<ActorBid>, ControlError> {
    let entries = 2 + u8::from(!more.is_empty());
    let bid = [&[0x91, 0x80 | entries][..], b"\xa8actorRef\xa1i\xa6hostId\xa1N", more].concat();
    answered(&bid, |control| control.auction_actor(&ActorAuction::default()))
}

fn links(answer: &[u8]) -> Result<Vec<LinkDefinition>, ControlError> {
    answered(answer, |control| control.get_links("default"))
}

fn inventory(answer: &[u8]) -> Result<HostInventory, ControlError> {
    answered(answer, |control| control.get_host_inventory(&GetHostInventory::default()))
}

#[test]
fn the_first_item_says_what_is_missing() {
    let complete = bids(b"").unwrap();
    assert_eq!((complete.is_complete(), complete.items.len()), (true, 1));
    let auction = |control: LatticeControl<'_>| control.auction_actor(&ActorAuction::default());
    let incomplete = answered(&golden("auction_actor_result_incomplete"), auction).unwrap();
    assert_eq!((incomplete.is_complete(), incomplete.items[0].host_id.as_str()), (false, HOST));
    let missing = "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII";
    assert_eq!((incomplete.missing, incomplete.unreadable), (vec![missing.into()], 1));
    let gaps = b"\xaaincomplete\x82\xa7missing\x92\xa2N2\xa2N3\xaaunreadable\x05";
    let incomplete = bids(gaps).unwrap();
    assert!(!incomplete.is_complete());
    assert_eq!(incomplete.items, complete.items);
    assert_eq!((incomplete.missing, incomplete.unreadable), (vec!["N2".into(), "N3".into()], 5));
    assert!(!bids(b"\xaaincomplete\x81\xaaunreadable\x01").unwrap().is_complete());
    assert!(!bids(b"\xaaincomplete\x81\xa7missing\x91\xa2N2").unwrap().is_complete());
    assert!(bids(b"\xaaincomplete\xc0").unwrap().is_complete());
}

#[test]
fn what_is_missing_may_be_unknown() {
    for gaps in [&b"\xaaincomplete\x80"[..], b"\xaaincomplete\x82\xa7missing\x90\xaaunreadable\x00"] {
        let gathered = bids(gaps).unwrap();
        assert!(!gathered.is_complete(), "{:02x?}", gaps);
        assert_eq!((gathered.items.len(), gathered.missing.len(), gathered.unreadable), (1, 0, 0));
    }
    // Gaps that cannot be read are gaps.
    for gaps in
        [&b"\xaaincomplete\xc3"[..], b"\xaaincomplete\x81\xa7missing\x05", b"\xaaincomplete\x81\xa7missing\x91\x05"]
    {
        assert!(!bids(gaps).unwrap().is_complete(), "{:02x?}", gaps);
    }
}

#[test]
fn an_item_that_cannot_be_read_does_not_lose_the_list() {
    let hosts = b"\x94\x81\xa2id\xa1A\x81\xa2id\x05\x80\x82\xa2id\xa1B\xa6labels\xc0";
    let hosts = answered(hosts, |control| control.get_hosts("default")).unwrap();
    let ids: Vec<_> = hosts.items.iter().map(|host| host.id.as_str()).collect();
    assert_eq!((ids, hosts.unreadable, hosts.is_complete()), (vec!["A", "B"], 2, false));
    let none = answered(b"\x90", |control| control.get_hosts("default")).unwrap();
    assert_eq!((none.items.len(), none.is_complete()), (0, true));
}

#[test]
fn what_other_writers_leave_out_or_empty_is_none() {
    for host in [
        &b"\x91\x81\xa2id\xa1A"[..],
        b"\x91\x84\xa2id\xa1A\xa6labels\xc0\xa7version\xa0\xaaunknownKey\x01",
        b"\x91\x83\xa2id\xa1A\xa8jsDomain\xc0\xa7ctlHost\xa0",
    ] {
        let hosts = answered(host, |control| control.get_hosts("default")).unwrap();
        assert_eq!(hosts.items, [Host { id: "A".into(), ..Host::default() }]);
    }
    assert_eq!(inventory(b"\x80"), Ok(HostInventory::default()));
    assert_eq!(inventory(b"\x83\xa6actors\xc0\xa6labels\xc0\xa9providers\x90"), Ok(HostInventory::default()));
    let claims = answered(b"\x81\xa6claims\x91\x81\xa4name\xc0", |control| control.get_claims("default"));
    assert_eq!(claims, Ok(vec![map(&[("name", "")])]));
}

#[test]
fn links_come_in_two_spellings_and_two_shapes() {
    let snake =
        b"\x85\xa8actor_id\xa1M\xabprovider_id\xa1V\xa9link_name\xa1l\xabcontract_id\xa1c\xa6values\x81\xa1k\xa1v";
    let camel = b"\x85\xa7actorId\xa1M\xaaproviderId\xa1V\xa8linkName\xa1l\xaacontractId\xa1c\xa6values\x81\xa1k\xa1v";
    let link = LinkDefinition {
        actor_id: "M".into(),
        provider_id: "V".into(),
        link_name: "l".into(),
        contract_id: "c".into(),
        values: map(&[("k", "v")]),
    };
    for bytes in [&snake[..], camel] {
        assert_eq!(links(&[b"\x91", bytes].concat()), Ok(vec![link.clone()]));
        assert_eq!(links(&[b"\x81\xa5links\x91", bytes].concat()), Ok(vec![link.clone()]));
    }
    assert_eq!(links(b"\x81\xa5links\xc0"), Ok(Vec::new()));
    assert!(links(b"\x91\x80").is_err());
}

#[test]
fn an_entry_may_stand_for_several_instances() {
    let counts = |entry: &[u8]| {
        let actors = [&b"\x81\xa6actors\x91\x82\xa2id\xa1M\xa9instances\x91"[..], entry].concat();
        inventory(&actors).map(|inventory| inventory.actors[0].instances[0].count)
    };
    assert_eq!(counts(b"\x80"), Ok(1));
    assert_eq!(counts(b"\x81\xacmaxInstances\x00"), Ok(1));
    assert_eq!(counts(b"\x81\xacmaxInstances\xcd\x01\x2c"), Ok(300));
    assert!(counts(b"\x81\xacmaxInstances\xff").is_err());
    assert!(counts(b"\x05").is_err());
}

/// An instance that is passed over would look like one that does not run.
#[test]
fn an_inventory_that_is_readable_in_part_is_unreadable() {
    for answer in [
        &b"\x81\xa6actors\x91\x80"[..],
        b"\x81\xa6actors\x91\x82\xa2id\xa1M\xa9instances\x91\xc0",
        b"\x81\xa9providers\x91\x81\xa2id\xa0",
        b"\x81\xa9providers\x91\x82\xa2id\xa1V\xa8revision\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x81\xa6labels\x81\xa1k\x05",
    ] {
        assert_eq!(inventory(answer).map_err(|error| error.code), Err(Code::Unreadable), "{:02x?}", answer);
    }
}

#[test]
fn damaged_bytes_never_panic() {
    for name in names().into_iter().filter(|name| name.contains("_result") || name.starts_with("ack")) {
        let bytes = golden(name);
        for index in 0..bytes.len() {
            for byte in [0x00, 0x7f, 0x80, 0x91, 0xa1, 0xc0, 0xc1, 0xc3, 0xcf, 0xdb, 0xdd, 0xff, bytes[index] ^ 1] {
                let mut damaged = bytes.clone();
                damaged[index] = byte;
                read_as_everything(&damaged);
            }
            read_as_everything(&bytes[..index]);
        }
    }
}

fn read_as_everything(bytes: &[u8]) {
    answered(bytes, |control| {
        let _ = control.auction_provider(&ProviderAuction::default());
        let _ = control.auction_actor(&ActorAuction::default());
        let _ = control.get_hosts("default");
        let _ = control.get_host_inventory(&GetHostInventory::default());
        let _ = control.get_claims("default");
        let _ = control.get_links("default");
        let _ = control.stop_host(&StopHost::default());
        let _ = control.set_registry_credentials(&SetRegistryCredentials::default());
    });
}
