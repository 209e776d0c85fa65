//! A lattice to play with: hosts that remember what they were told, behind a controller.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use lattice_guest::dispatch;
use lattice_guest::msgpack::{decode, Value};
use lattice_guest::testing::{with_host, HostCall, Record};

use crate::OPERATIONS;

pub(super) const ACTOR: &str = "M1";
pub(super) const IMAGE: &str = "r.example/echo:1";

/// A host, by default one in zone `a` that bids and has nothing.
#[derive(Clone)]
pub(super) struct Played {
    pub(super) zone: &'static str,
    pub(super) has: u16,
    pub(super) bids: bool,
    /// What it says to a command, if it refuses.
    pub(super) refuses: Option<&'static str>,
    /// Whether it accepts what never comes to run.
    pub(super) fails_to_start: bool,
    /// What the controller says instead of its inventory.
    pub(super) silent: Option<&'static str>,
    /// Whether it has not answered when hosts were asked for.
    pub(super) missing: bool,
}

impl Default for Played {
    fn default() -> Self {
        Self { zone: "a", has: 0, bids: true, refuses: None, fails_to_start: false, silent: None, missing: false }
    }
}

/// A lattice, and how it is steered.
#[derive(Clone, Default)]
pub(super) struct Lattice {
    pub(super) hosts: BTreeMap<&'static str, Played>,
    /// What the controller says to every call, if it fails.
    pub(super) fails: Option<&'static str>,
    /// What the controller says to auctions, if they fail.
    pub(super) auction_fails: Option<&'static str>,
    /// What hosts were told, in order: which one, and how many.
    pub(super) told: Vec<(String, u64)>,
}

impl Lattice {
    /// Hosts `A`, `B`, … that bid, with so many instances.
    pub(super) fn of(has: &[u16]) -> Self {
        let ids = ["A", "B", "C", "D"];
        let host = |has: &u16| Played { has: *has, ..Played::default() };
        Self { hosts: ids.into_iter().zip(has.iter().map(host)).collect(), ..Self::default() }
    }

    pub(super) fn host(&mut self, id: &str) -> &mut Played {
        self.hosts.get_mut(id).unwrap()
    }

    pub(super) fn has(&self) -> Vec<u16> {
        self.hosts.values().map(|host| host.has).collect()
    }

    /// What the hosts were told since this was asked last.
    pub(super) fn take_told(&mut self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.told)
    }

    /// Has the actor do `operation` here.
    pub(super) fn run(&mut self, operation: &str, argument: &[u8]) -> (Result<Vec<u8>, String>, Record) {
        let shared = Rc::new(RefCell::new(std::mem::take(self)));
        let host = Rc::clone(&shared);
        let ran = with_host(move |call| host.borrow_mut().answer(call), || dispatch(OPERATIONS, operation, argument));
        *self = shared.take();
        ran
    }

    fn answer(&mut self, call: &HostCall) -> Result<Vec<u8>, String> {
        if call.namespace == "wasmcloud:builtin:logging" {
            return Ok(Vec::new());
        }
        assert_eq!((call.binding.as_str(), call.namespace.as_str()), ("default", "wasmcloud:latticecontrol"));
        if let Some(text) = self.fails {
            return Err(text.into());
        }
        let argument = decode(&call.payload).unwrap();
        match call.operation.as_str() {
            "LatticeController.GetHosts" => Ok(self.list(&argument)),
            "LatticeController.GetHostInventory" => self.inventory(&argument),
            "LatticeController.AuctionActor" => self.auction(&argument),
            "LatticeController.ScaleActor" => Ok(self.scale(&argument)),
            other => Err(format!("nobody plays {}", other)),
        }
    }

    fn list(&self, lattice: &Value<'_>) -> Vec<u8> {
        assert_eq!(*lattice, Value::Str("default"));
        let (missing, there): (Vec<_>, Vec<_>) = self.hosts.iter().partition(|(_, host)| host.missing);
        let missing: Vec<_> = missing.into_iter().map(|(id, _)| Value::Str(id)).collect();
        let mut items: Vec<_> = there.into_iter().map(|(id, _)| vec![(Value::Str("id"), Value::Str(id))]).collect();
        if let Some(first) = items.first_mut().filter(|_| !missing.is_empty()) {
            first.push((Value::Str("incomplete"), Value::map([("missing", Value::Array(missing))])));
        }
        Value::Array(items.into_iter().map(Value::Map).collect()).encode()
    }

    /// Beside the keeper's instances there are those of others, which are not its business.
    fn inventory(&self, argument: &Value<'_>) -> Result<Vec<u8>, String> {
        let host = &self.hosts[argument.get("hostId").and_then(Value::as_str).unwrap()];
        if let Some(text) = host.silent {
            return Err(text.into());
        }
        let instances = |keeper, number| vec![instance(keeper); number];
        let mut all = instances(Some("keeper"), host.has.into());
        all.extend(instances(Some("another"), 2));
        all.extend(instances(None, 3));
        let actor = |id, instances| Value::map([("id", Value::Str(id)), ("instances", Value::Array(instances))]);
        let actors = vec![actor("M2", instances(Some("keeper"), 7)), actor(ACTOR, all)];
        let labels = Value::map([("zone", host.zone.into()), ("os", "linux".into())]);
        Ok(Value::map([("actors", Value::Array(actors)), ("labels", labels)]).encode())
    }

    fn auction(&self, argument: &Value<'_>) -> Result<Vec<u8>, String> {
        if let Some(text) = self.auction_fails {
            return Err(text.into());
        }
        assert_eq!(argument.get("actorRef"), Some(&Value::Str(IMAGE)));
        let zone = argument.get("constraints").unwrap().get("zone").and_then(Value::as_str);
        let bids = self.hosts.iter().filter(|(_, host)| host.bids && zone.map_or(true, |zone| zone == host.zone));
        let bid = |id| Value::map([("actorRef", Value::Str(IMAGE)), ("hostId", Value::Str(id))]);
        Ok(Value::Array(bids.map(|(id, _)| bid(id)).collect()).encode())
    }

    fn scale(&mut self, argument: &Value<'_>) -> Vec<u8> {
        let text = |key| argument.get(key).and_then(Value::as_str).unwrap();
        assert_eq!((text("actorId"), text("actorRef"), text("latticeId")), (ACTOR, IMAGE, "default"));
        let annotations = Value::map([("lattice.keeper", "keeper".into())]);
        assert_eq!(argument.get("annotations"), Some(&annotations));
        let count = argument.get("count").and_then(Value::as_u64).unwrap();
        self.told.push((text("hostId").into(), count));
        let host = self.hosts.get_mut(text("hostId")).unwrap();
        match host.refuses {
            Some(code) => {
                Value::map([("accepted", Value::Bool(false)), ("error", "no".into()), ("code", code.into())]).encode()
            }
            None => {
                if !host.fails_to_start {
                    host.has = count.try_into().unwrap();
                }
                Value::map([("accepted", Value::Bool(true)), ("error", "".into())]).encode()
            }
        }
    }
}

fn instance(keeper: Option<&'static str>) -> Value<'static> {
    let keeper = keeper.map(|name| (Value::Str("lattice.keeper"), Value::Str(name)));
    Value::map([("annotations", Value::Map(keeper.into_iter().collect())), ("instanceId", "i".into())])
}
