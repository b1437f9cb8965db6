"""Who can be measured, by the name `--engines` takes: our engines, and peers where their packages are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec

from benchmarks.incumbents import Incumbents
from optimizer.domain import Fault, InvalidProblem, Limits, Problem, Result
from optimizer.engines import Orders
from optimizer.planner import AUTO, ENGINES, plan_day
from optimizer.stop import StopAt

Answer = Result | Orders
"""What a planner answers: ours a checked result; a peer orders of visits, which are judged after its clock stopped."""

Planner = Callable[[Problem, Limits, StopAt, Incumbents], Answer | None]
"""Plans a day within limits, tells of its plans while it runs, None when stopped before there was one."""

OURS = (*ENGINES, AUTO)
GROUPS: Mapping[str, tuple[str, ...]] = {
    "ours": OURS,
    "peers": ("ortools-plain", "pyvrp", "vroom"),
}

PEERS: Mapping[str, tuple[str, str]] = {
    "ortools-plain": ("benchmarks.peers.ortools_plain:plan", "ortools"),
    "ortools-full": ("benchmarks.peers.ortools_full:plan", "ortools"),
    "pyvrp": ("benchmarks.peers.pyvrp_peer:plan", "pyvrp"),
    "vroom": ("benchmarks.peers.vroom_peer:plan", "vroom"),
    "vroom-own-time": ("benchmarks.peers.vroom_peer:plan_in_its_own_time", "vroom"),
}
"""Peers by name: where their function is, and the package it imports. Nothing is imported before it is asked for."""

NAMES = (*OURS, *PEERS)


def planner(name: str) -> Planner:
    """The planner of this name. Raises ImportError where the package of a peer is missing."""
    if name in PEERS:
        module, function = PEERS[name][0].split(":")
        peer: Planner = getattr(import_module(module), function)
        return peer

    def ours(problem: Problem, limits: Limits, stop: StopAt, incumbents: Incumbents) -> Result | None:
        return plan_day(problem, limits, engine=name, stop=stop, on_progress=incumbents.progressed)

    return ours


def named(words: Sequence[str]) -> list[str]:
    """Names of planners, `ours` and `peers` spelled out. Raises InvalidProblem with all that cannot be measured."""
    faults = []
    names: list[str] = []
    for row, word in enumerate(words):
        for name in GROUPS.get(word, (word,)):
            if name not in NAMES:
                rule = f"one of {', '.join((*GROUPS, *NAMES))}"
                faults.append(Fault(("engines", row), "unknown_engine", word, rule))
            elif name in PEERS and find_spec(PEERS[name][1]) is None:
                faults.append(
                    Fault(("engines", row), "not_installed", name, "`pip install '.[bench]'` brings the peers")
                )
            else:
                names.append(name)
    if faults:
        raise InvalidProblem(faults)
    return list(dict.fromkeys(names))
