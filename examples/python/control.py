#!/usr/bin/env python3
"""Steers a lattice with nothing but a NATS client and a MessagePack library.

Asks who is there and what runs, labels a host, holds an auction, starts an actor on the host that bids, scales it,
links it to a provider, stops it, and asks what became of a command, over the subjects of the control interface:

    python3 -m pip install --require-hashes --target packages -r requirements.txt
    export PYTHONPATH=packages
    lattice up --detach
    python3 control.py --actor file:///path/to/hello.wasm
    python3 control.py --actor file:///path/to/hello.wasm --encoding json --spelling snake

A request may be MessagePack or JSON, with its keys in camelCase or snake_case; a host answers in the form in which it
was asked.
Prints one line for each step; exits with 1 and the reason when a step fails.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid

import msgpack
import nats
import nats.errors

ANSWER_WITHIN = 5.0  # seconds for one answer
QUIET_AFTER = 0.3  # seconds without a further answer, after which everybody has answered
DONE_WITHIN = 30.0  # seconds until what was asked for can be seen; the first start compiles the module
LOOK_EVERY = 0.1  # seconds between two looks
PROVIDER = "VAG3QITQQ2ODAOWB5TTQSDJ53XK3SHBEIFNK4AYJ5RKAX2UNSCAPHA5M"  # any provider's key: a link needs none that runs
CONTRACT = "example:control"


class Failed(Exception):
    """A step did not succeed; the text says which and why."""


class Form:
    """How messages are written: their encoding and the spelling of their keys."""

    def __init__(self, encoding, spelling):
        self.encoding = encoding
        self.spelling = spelling

    def key(self, name):
        """The key as it is spelled on the wire: host_id or hostId."""
        if self.spelling == "snake":
            return name
        first, *others = name.split("_")
        return first + "".join(word.capitalize() for word in others)

    def write(self, **fields):
        body = {self.key(name): value for name, value in fields.items()}
        return json.dumps(body).encode() if self.encoding == "json" else msgpack.packb(body)

    def read(self, body):
        # No JSON text starts with a byte of 0x80 or above, and every MessagePack map does.
        encoding = "json" if body[:1] < b"\x80" else "msgpack"
        if encoding != self.encoding:
            raise Failed(f"asked in {self.encoding} and answered in {encoding}")
        return json.loads(body) if encoding == "json" else msgpack.unpackb(body)

    def get(self, answer, name):
        try:
            return answer[self.key(name)]
        except KeyError:
            raise Failed(f"the answer has no {self.key(name)}, but {', '.join(answer) or 'nothing'}") from None


class Lattice:
    """The control interface of one lattice."""

    def __init__(self, connection, name, form):
        self.connection = connection
        self.name = name
        self.form = form
        self.failures = {}

    def subject(self, rest):
        return f"wasmbus.ctl.{self.name}.{rest}"

    async def hosts(self):
        hosts = await self.gather("get.hosts", lattice_id=self.name)
        if not hosts:
            raise Failed(f"no host answers in lattice {self.name}")
        return hosts

    async def auction(self, actor, constraints, **fields):
        """The bids of hosts that have these labels and would start the actor, the one with the fewest of it first."""
        answers = await self.gather(
            "auction.actor", actor_ref=actor, constraints=constraints, explain=True, lattice_id=self.name, **fields
        )
        # Hosts that are asked to explain say why they do not bid; hosts of other projects are silent instead.
        bids = [answer for answer in answers if answer.get("accepted") is not False]
        if not bids:
            reasons = "; ".join(self.form.get(answer, "error") for answer in answers)
            raise Failed(f"no host bids: {reasons or 'nobody answers'}")
        return sorted(bids, key=self.instances)

    def instances(self, answer):
        return self.form.get(answer["bid"], "actor_instances") if "bid" in answer else 0

    async def gather(self, rest, **fields):
        """Everybody's answers: how many there will be is not known beforehand."""
        inbox = self.connection.new_inbox()
        answers = await self.connection.subscribe(inbox)
        await self.connection.publish(self.subject(rest), self.form.write(**fields), reply=inbox)
        gathered, wait = [], ANSWER_WITHIN
        while True:
            try:
                message = await answers.next_msg(timeout=wait)
            except nats.errors.TimeoutError:
                break
            if message.headers and message.headers.get("Status") == "503":
                break  # The server says that nobody listens.
            gathered.append(self.form.read(message.data))
            wait = QUIET_AFTER
        await answers.unsubscribe()
        return gathered

    async def inventory(self, host):
        return await self.ask(f"get.{host}.inv", lattice_id=self.name)

    async def command(self, host, verb, headers=None, **fields):
        """Sends a command. The host takes it on or refuses it; whether it succeeds, inventory and events tell."""
        return await self.change(f"cmd.{host}.{verb}", headers, host_id=host, **fields)

    async def change(self, rest, headers=None, **fields):
        """Has something changed. Labels and links are as they are to be when the answer comes."""
        ack = await self.ask(rest, headers, lattice_id=self.name, **fields)
        if not self.form.get(ack, "accepted"):
            raise Failed(f"{rest} was refused: {self.form.get(ack, 'error')}")
        return ack

    async def links(self, actor):
        """The links of an actor. The keys of a link are snake_case in every form, also inside camelCase answers."""
        answer = await self.ask("get.links", lattice_id=self.name)
        return [link for link in self.form.get(answer, "links") if link["actor_id"] == actor]

    async def operation(self, ack):
        """What became of a command, which any host of this project tells for a day; others keep no records."""
        return await self.ask("lattice.operation", operation_id=self.form.get(ack, "operation_id"), wait=0)

    async def ask(self, rest, headers=None, **fields):
        body = self.form.write(**fields)
        try:
            answer = await self.connection.request(self.subject(rest), body, timeout=ANSWER_WITHIN, headers=headers)
        except nats.errors.NoRespondersError:
            raise Failed(f"nobody listens on {self.subject(rest)}") from None
        except nats.errors.TimeoutError:
            raise Failed(f"no answer on {self.subject(rest)} within {ANSWER_WITHIN} s") from None
        return self.form.read(answer.data)

    async def note_failures(self):
        """Follows the events, which are JSON in any case, for commands that were accepted and failed later."""

        async def note(message):
            event = json.loads(message.data)
            run = event["data"].get("annotations", {}).get("example")
            if run and event["type"].endswith("_failed"):
                self.failures[run] = event["data"]["error"]

        await self.connection.subscribe(f"wasmbus.evt.{self.name}", cb=note)


class Run:
    """One actor on one host, told apart from all else that runs there by an annotation of its own."""

    def __init__(self, lattice, host, actor):
        self.lattice = lattice
        self.host = host
        self.actor = actor
        self.id = f"control.py-{uuid.uuid4()}"
        self.annotations = {"example": self.id}

    async def start(self, count, bid):
        """Starts it where a bid was made. The bid's token has the start refused if the host has changed since."""
        fields = {"actor_ref": self.actor, "annotations": self.annotations, "count": count}
        token = {"Lattice-Bid": self.lattice.form.get(bid["bid"], "token")} if "bid" in bid else None
        ack = await self.lattice.command(self.host, "la", token, **fields)
        return await self.wait_for(count), ack

    async def scale(self, key, count):
        fields = {"actor_id": key, "actor_ref": self.actor, "annotations": self.annotations, "count": count}
        await self.lattice.command(self.host, "scale", **fields)
        return await self.wait_for(count)

    async def stop(self, key):
        # The actor's key, not its reference. Published JSON clients send the key as actor_ref, which works as well.
        await self.lattice.command(self.host, "sa", actor_id=key, annotations=self.annotations, count=0)
        return await self.wait_for(0)

    async def wait_for(self, count):
        """Looks into the inventory until it shows so many instances; returns the actor's key."""
        end = time.monotonic() + DONE_WITHIN
        while True:
            key, seen = self.find(await self.lattice.inventory(self.host))
            if seen == count:
                return key
            if self.id in self.lattice.failures:
                raise Failed(f"the host could not do it: {self.lattice.failures[self.id]}")
            if time.monotonic() > end:
                raise Failed(f"the inventory shows {seen} instances instead of {count}, for {DONE_WITHIN:.0f} s")
            await asyncio.sleep(LOOK_EVERY)

    def find(self, inventory):
        """The key of the actor that carries this run's annotation, and how many calls it takes at once."""
        get = self.lattice.form.get
        for actor in get(inventory, "actors"):
            instances = [one for one in get(actor, "instances") if get(one, "annotations") == self.annotations]
            if instances:
                return get(actor, "id"), sum(get(one, "max_instances") for one in instances)
        return None, 0


async def steer(lattice, actor):
    get = lattice.form.get
    await lattice.note_failures()

    hosts = await lattice.hosts()
    host, name = get(hosts[0], "id"), get(hosts[0], "friendly_name")
    print(f"hosts: {len(hosts)}, the first is {name} ({host})")

    inventory = await lattice.inventory(host)
    print(f"inventory: up for {get(inventory, 'uptime_seconds')} s, actors: {len(get(inventory, 'actors'))}")

    run = Run(lattice, host, actor)
    await lattice.change(f"labels.{host}.put", key="example", value=run.id)
    try:
        print(f"labelled: {name} with example={run.id}")
        await place_and_stop(run)
    finally:
        await lattice.change(f"labels.{host}.del", key="example")


async def place_and_stop(run):
    lattice = run.lattice
    bids = await lattice.auction(run.actor, {"example": run.id}, annotations=run.annotations, count=2)
    best = bids[0]
    print(f"auction: bids: {len(bids)}, the best runs {lattice.instances(best)} instances of the actor")

    run.host = lattice.form.get(best, "host_id")
    key, ack = await run.start(2, best)
    print(f"started: {key}, 2 instances")
    await run.scale(key, 5)
    print(f"scaled: {key}, 5 instances")
    await link(lattice, key)
    await run.stop(key)
    print(f"stopped: {key}")

    record = await lattice.operation(ack)
    phases = [lattice.form.get(reached, "phase") for reached in lattice.form.get(record, "phases")]
    print(f"operation: the start went {', '.join(phases)}")


async def link(lattice, actor):
    """Sets a link, looks at it and removes it. For one actor, contract and link name there is one link."""
    name = {"actor_id": actor, "contract_id": CONTRACT, "link_name": "example"}
    await lattice.change("linkdefs.put", provider_id=PROVIDER, values={"some_key": "some value"}, **name)
    for standing in await lattice.links(actor):
        print(f"linked: for {standing['contract_id']} to {standing['provider_id']}, with {standing['values']}")
    await lattice.change("linkdefs.del", **name)
    print(f"unlinked: {len(await lattice.links(actor))} links are left")


async def connect(url):
    """Connects, or fails at once: by default this client tries again for two minutes."""
    errors = []

    async def note(error):
        errors.append(error)

    try:
        once = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.1}
        return await nats.connect(url, error_cb=note, **once)
    except (OSError, nats.errors.Error) as error:
        raise Failed(f"no connection to {url}: {errors[-1] if errors else error}") from None


async def main(arguments):
    connection = await connect(arguments.url)
    try:
        form = Form(arguments.encoding, arguments.spelling)
        await steer(Lattice(connection, arguments.lattice, form), arguments.actor)
    finally:
        await connection.close()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Places, scales, links and stops an actor over the control interface.")
    parser.add_argument("--url", default="nats://127.0.0.1:4222", help="the broker [default: %(default)s]")
    parser.add_argument("--lattice", default="default", help="the lattice [default: %(default)s]")
    parser.add_argument("--actor", required=True, help="a reference that the host takes: file:///path/to/hello.wasm")
    parser.add_argument("--encoding", choices=["msgpack", "json"], default="msgpack", help="[default: %(default)s]")
    parser.add_argument("--spelling", choices=["camel", "snake"], default="camel", help="[default: %(default)s]")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        asyncio.run(main(parse_arguments()))
    except Failed as reason:
        sys.exit(f"control.py: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
