"""Why a visit is on no route: coded reasons that are true, each marked proved or heuristic.

First who could serve it at all, by what each executive could do alone at best (`alone`). If nobody, that
is proved, executive by executive. An appointment that somebody could serve may still be one too many for
its slot: an executive takes at most one appointment in a slot, so appointments that only fewer executives
could serve cannot all be served (Hall, "On representatives of subsets", 1935). Such a set is found by
looking for an alternating path from the visit to an executive with a free slot; where there is none, the
visits met on the way are the set. Everything else is said of this plan only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from optimizer.domain import Appointment, DayPlan, Delivery, Problem, Proof, Slot, Status, Visit
from optimizer.engines.insertion import insertion_cost
from optimizer.engines.routes import Routes, routes_of
from optimizer.report.alone import Alone, Barrier
from optimizer.report.nouns import Reason, ReasonCode, counted, lasting, listed
from optimizer.units import hhmm

_FURTHEST_FIRST = (
    ReasonCode.BREAK_IN_THE_WAY,
    ReasonCode.UNREACHABLE_IN_TIME,
    ReasonCode.OUTSIDE_SHIFT,
    ReasonCode.ENVELOPE_ELSEWHERE,
    ReasonCode.PINNED_ELSEWHERE,
    ReasonCode.SKILL_MISSING,
    ReasonCode.FIXED_ELSEWHERE,
)
"""The executives who came closest to serving a visit are named first: what stops them is what to change."""


def reasons(problem: Problem, plan: DayPlan, status: Status) -> dict[str, tuple[Reason, ...]]:
    """For each unassigned visit, by id, its reasons, the most telling first; never none.

    The plan has no violations but broken promises. `status` is what is proven about it: what is
    cheaper left for later in an optimal plan is proved to be.
    """
    told = _Reasons(problem, plan, status)
    return {visit_id: tuple(told.why(problem.visit_by_id[visit_id])) for visit_id in plan.unassigned}


class _Reasons:
    """Everything asked of a plan more than once, kept."""

    def __init__(self, problem: Problem, plan: DayPlan, status: Status) -> None:
        self._problem = problem
        self._status = status
        self._alone = Alone(problem)
        self._routes: Routes = routes_of(problem, {route.executive_id: route.visit_ids for route in plan.routes})
        self._in_slot: dict[Slot, dict[str, Appointment]] = defaultdict(dict)
        for route, stop in plan.stops():
            visit = problem.visit_by_id[stop.visit_id]
            if isinstance(visit, Appointment):
                self._in_slot[visit.slot][route.executive_id] = visit
        self._fixed_in_slot: dict[Slot, dict[str, str]] = defaultdict(dict)
        for executive in problem.executives:
            for visit_id in executive.fixed_prefix:
                visit = problem.visit_by_id[visit_id]
                if isinstance(visit, Appointment):
                    self._fixed_in_slot[visit.slot][executive.executive_id] = visit_id

    def why(self, visit: Visit) -> Iterator[Reason]:
        """Reasons of one visit on no route, the most telling first."""
        if not self._problem.executives:
            text = f"nobody works on this day, so nobody can serve {visit.visit_id}"
            yield Reason(ReasonCode.NO_EXECUTIVE, Proof.PROVED, 0, "executives", text)
            return
        able = self._alone.able(visit)
        if not able:
            yield from self._nobody(visit)
        elif isinstance(visit, Appointment):
            yield self._promise(visit, able)
        else:
            yield self._delivery(visit, able)

    # ------------------------------------------------------------------------ nobody could

    def _nobody(self, visit: Visit) -> Iterator[Reason]:
        """One reason for each kind of barrier; together they rule out every executive."""
        barred: dict[ReasonCode, dict[str, Barrier]] = defaultdict(dict)
        for executive in self._problem.executives:
            barrier = self._alone.barrier(executive, visit)
            if barrier is not None:
                barred[barrier.code][executive.executive_id] = barrier
        for code in _FURTHEST_FIRST:
            if code in barred:
                yield _barred(self._problem, visit, code, barred[code])

    # --------------------------------------------------------------------- promises and slots

    def _promise(self, visit: Appointment, able: tuple[str, ...]) -> Reason:
        """Why an appointment is not served though somebody could serve it."""
        when = f"{hhmm(visit.slot.open_s)}-{hhmm(visit.slot.close_s)}"
        crowd = self._too_many(visit)
        if crowd is not None:
            visits, executives = crowd
            who = f"only {listed(executives)} could serve any of them" if executives else "all who could have it fixed"
            text = (
                f"slot {when} is full, at one service for each executive: "
                f"{counted(len(visits), 'appointment')} ({listed(visits)}), but {who}"
            )
            return Reason(ReasonCode.SLOT_FULL, Proof.PROVED, len(visits), "appointments", text, executives, visits)
        offer = self._cheapest(visit)
        if offer is not None:
            return _room_left(visit, *offer)
        taken = tuple(e for e in able if e in self._in_slot[visit.slot])
        if len(taken) == len(able):
            text = (
                f"slot {when} is full in this plan: {listed(taken)}, who could serve {visit.visit_id}, "
                f"{'has' if len(taken) == 1 else 'have'} another appointment in it"
            )
            return Reason(ReasonCode.SLOT_FULL, Proof.HEURISTIC, len(taken), "executives", text, taken)
        return _no_room(visit, tuple(e for e in able if e not in self._in_slot[visit.slot]))

    def _too_many(self, visit: Appointment) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Appointments of the slot, this one among them, and all executives, fewer, who could serve any of them."""
        met, crowd, executives = [visit], {visit.visit_id}, set[str]()
        while met:
            for executive_id in self._could_take(met.pop()):
                if executive_id in executives:
                    continue
                holds = self._in_slot[visit.slot].get(executive_id)
                if holds is None:
                    return None  # a free one at the end of an alternating path: the slot has room for one more
                executives.add(executive_id)
                if holds.visit_id not in crowd:
                    crowd.add(holds.visit_id)
                    met.append(holds)
        return tuple(sorted(crowd)), tuple(sorted(executives))

    def _could_take(self, visit: Appointment) -> Iterator[str]:
        """Executives who could serve an appointment and whose prefix has no other one in its slot."""
        fixed = self._fixed_in_slot[visit.slot]
        for executive_id in self._alone.able(visit):
            if fixed.get(executive_id, visit.visit_id) == visit.visit_id:
                yield executive_id

    # ---------------------------------------------------------------------------- deliveries

    def _delivery(self, visit: Delivery, able: tuple[str, ...]) -> Reason:
        """Why a delivery waits though somebody could make it."""
        offer = self._cheapest(visit)
        if offer is None:
            return _no_room(visit, able)
        executive_id, extra_s = offer
        price_s = self._problem.waiting_price_s(visit)
        if extra_s < price_s:
            return _room_left(visit, executive_id, extra_s)
        proof = Proof.PROVED if self._status is Status.OPTIMAL else Proof.HEURISTIC
        dearer = f"{extra_s - price_s} more than" if extra_s > price_s else "as much as"
        text = (
            f"cheaper later: the cheapest place for {visit.visit_id}, with {executive_id}, costs {extra_s} "
            f"cost seconds, {dearer} waiting for another day ({price_s})"
        )
        return Reason(ReasonCode.CHEAPER_LATER, proof, extra_s - price_s, "cost seconds", text, (executive_id,))

    def _cheapest(self, visit: Visit) -> tuple[str, int] | None:
        """Who could take the visit into their route as it is for the least cost seconds, and for how many."""
        costs = insertion_cost(self._problem, self._routes, visit)
        return min(costs.items(), key=lambda offer: (offer[1], offer[0])) if costs else None


# --------------------------------------------------------------------------------- reasons in words


def _barred(problem: Problem, visit: Visit, code: ReasonCode, barred: dict[str, Barrier]) -> Reason:
    """The reason why these executives serve the visit in no plan."""
    executives = tuple(sorted(barred))
    who, everyone = listed(executives), len(executives) == len(problem.executives)
    short_s = min(barrier.short_s for barrier in barred.values())
    amount, unit = len(executives), "executives"
    if code in (ReasonCode.OUTSIDE_SHIFT, ReasonCode.UNREACHABLE_IN_TIME, ReasonCode.BREAK_IN_THE_WAY):
        amount, unit = short_s, "s"
    text = {
        ReasonCode.BREAK_IN_THE_WAY: (
            f"{who} could reach {visit.visit_id} in time, but not with the break that is due: {lasting(short_s)} short"
        ),
        ReasonCode.UNREACHABLE_IN_TIME: (
            f"{who} cannot get to {visit.visit_id} and back in time, even with nothing else to do: "
            f"{lasting(short_s)} short"
        ),
        ReasonCode.OUTSIDE_SHIFT: (f"{visit.visit_id} lies outside the shift of {who}, by {lasting(short_s)} at least"),
        ReasonCode.ENVELOPE_ELSEWHERE: _envelope(visit, who),
        ReasonCode.PINNED_ELSEWHERE: f"{visit.visit_id} is pinned to {visit.pinned_to}, so not for {who}",
        ReasonCode.SKILL_MISSING: (
            f"no executive has what {visit.visit_id} needs ({listed(sorted(visit.skills))})"
            if everyone
            else f"{who} lack{'s' if amount == 1 else ''} what {visit.visit_id} needs ({listed(sorted(visit.skills))})"
        ),
        ReasonCode.FIXED_ELSEWHERE: f"{visit.visit_id} is fixed on another route than that of {who}",
    }[code]
    return Reason(code, Proof.PROVED, amount, unit, text, executives)


def _envelope(visit: Visit, who: str) -> str:
    holder = visit.held_by if isinstance(visit, Delivery) else None
    if holder is not None:
        return f"the envelope of {visit.visit_id} is with {holder}, not with {who}"
    return f"the envelope of {visit.visit_id} lies at the office, where {who} would not start"


def _room_left(visit: Visit, executive_id: str, extra_s: int) -> Reason:
    text = (
        f"{executive_id} could take {visit.visit_id} for {extra_s} cost seconds: this plan leaves it out without need"
    )
    return Reason(ReasonCode.ROOM_LEFT, Proof.HEURISTIC, extra_s, "cost seconds", text, (executive_id,))


def _no_room(visit: Visit, executives: tuple[str, ...]) -> Reason:
    text = (
        f"{listed(executives)} could serve {visit.visit_id}, but as this plan is, "
        f"no place in {'that route' if len(executives) == 1 else 'their routes'} leaves time for it"
    )
    return Reason(ReasonCode.NO_ROOM_IN_PLAN, Proof.HEURISTIC, len(executives), "executives", text, executives)
