"""What is broken, and how it is mended when nobody but an operator would."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.rehearsal.installations import Installations
from bench.rehearsal.network import NETWORKS, Network
from bench.rehearsal.servers import STORE, VOTERS, Bases, Etcd


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Args:
        name: What the table calls it.
        begin: Breaks it.
        end: What an operator does; nothing for what mends itself.
        lasts_s: How long before that.
    """

    name: str
    begin: Callable[[], None]
    end: Callable[[], None] = field(default=lambda: None)
    lasts_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that can be broken."""

    network: Network
    etcd: Etcd
    bases: Bases
    installations: Installations


def list_faults(stage: Stage) -> list[Fault]:
    """Return the faults in the order they are played."""
    return [
        *_list_processes(stage.installations),
        *_list_machines(stage),
        *_list_bases(stage),
        *_list_cuts(stage),
    ]


def _list_processes(installations: Installations) -> list[Fault]:
    parts = [("m1", "gateway"), ("m2", "gateway"), ("m1", "worker"), ("m1", "portals")]
    return [
        Fault(
            name=f"{part} on {name}: killed",
            begin=functools.partial(installations.kill_part, name, part),
        )
        for name, part in [*parts, ("m1", "front")]
    ]


def _list_machines(stage: Stage) -> list[Fault]:
    network = stage.network

    def cut_power() -> None:
        for side in NETWORKS:
            network.cut("m1", side)
        network.kill_machine("m1")

    def restore_power() -> None:
        for side in NETWORKS:
            network.mend("m1", side)
        stage.installations.processes["m1"].start()

    return [
        Fault(
            name="machine m1 (all of Rempart): power cut, 20 s",
            begin=cut_power,
            end=restore_power,
            lasts_s=20,
        )
    ]


def _list_bases(stage: Stage) -> list[Fault]:
    """Return what happens to the database; who leads is found at the last moment."""
    network, bases, etcd = stage.network, stage.bases, stage.etcd
    down: list[str] = []

    def leader() -> str:
        found = bases.find_primary()
        if found is None:
            raise RuntimeError("nobody leads")
        return found

    def follower() -> str:
        return next(name for name in bases.processes if name != leader())

    def cut_power(name: str) -> None:
        down.append(name)
        network.cut(name, "back")  # a machine without power refuses nothing: it is silent
        network.kill_machine(name)

    def restore_power() -> None:
        name = down.pop()
        network.mend(name, "back")
        etcd.processes[name].start()
        bases.processes[name].start()

    def kill_patroni() -> None:
        down.append(leader())
        bases.processes[down[-1]].kill()

    return [
        Fault(name="PostgreSQL primary: killed", begin=lambda: bases.kill_server(leader())),
        Fault(name="PostgreSQL standby: killed", begin=lambda: bases.kill_server(follower())),
        Fault(
            name="machine of the primary (with its etcd): power cut, 40 s",
            begin=lambda: cut_power(leader()),
            end=restore_power,
            lasts_s=40,
        ),
        Fault(
            name="machine of the standby (with its etcd): power cut, 30 s",
            begin=lambda: cut_power(follower()),
            end=restore_power,
            lasts_s=30,
        ),
        Fault(
            name="Patroni of the primary: killed, its server lives on, 45 s",
            begin=kill_patroni,
            end=restore_power,
            lasts_s=45,
        ),
        Fault(
            name="etcd, one of three: killed",
            begin=etcd.processes[VOTERS[2]].kill,
            end=etcd.processes[VOTERS[2]].start,
        ),
        Fault(
            name="etcd, all three: killed, 40 s",
            begin=etcd.kill,
            end=etcd.start,
            lasts_s=40,
        ),
    ]


def _list_cuts(stage: Stage) -> list[Fault]:
    network, bases = stage.network, stage.bases
    cut: list[str] = []

    def cut_leader() -> None:
        found = bases.find_primary()
        if found is None:
            raise RuntimeError("nobody leads")
        cut.append(found)
        network.cut(found, "back")

    return [
        Fault(
            name="network between m1 and the database: cut, 20 s",
            begin=lambda: network.cut("m1", "back"),
            end=lambda: network.mend("m1", "back"),
            lasts_s=20,
        ),
        Fault(
            name="network of the primary: cut, 60 s",
            begin=cut_leader,
            end=lambda: network.mend(cut.pop(), "back"),
            lasts_s=60,
        ),
        Fault(
            name="object storage (with one etcd): cut, 30 s",
            begin=lambda: network.cut(STORE, "back"),
            end=lambda: network.mend(STORE, "back"),
            lasts_s=30,
        ),
    ]
