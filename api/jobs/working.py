"""One attempt at a job: read its row, search, write the best plan as it comes, end the row or hand it over.

The search runs on the thread that calls `run`. All that is read and written meanwhile is the matter of a second
thread, the scribe, so that a search never waits for the database. Whatever is written is written only while the row
belongs to the attempt: who was believed dead and is not finds that out, and writes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from api.jobs.table import DONE, FAILED, PLAN, QUEUED, RUNNING, day_in, limits_in
from api.planning import as_scenario, document_of, or_witness
from api.store.desk import day_to_plan
from api.store.faults import StoreError
from api.store.rows import witness_of, witness_text
from api.store.schema import epoch_ms, jobs, json_text
from api.store.store import Store
from optimizer.domain import InvalidProblem, Limits, Problem, Progress, Result
from optimizer.engines import Orders
from optimizer.planner import gap, judged, plan_day
from optimizer.stop import StopAt
from scenarios.files import write_day

log = logging.getLogger("mitaan.jobs")

TICK_S = 0.25
"""The scribe writes no more often than this, but for the first plan, which is written at once."""
LOOK_S = 0.5
"""So often it looks whether the job is to be stopped."""
BEAT_S = 3.0
"""At least so often it writes down that the attempt is alive, and how much of the time limit is spent."""
PLAN_EVERY_S, PLAN_SHARE = 1.0, 0.1
"""Better plans are written at most so often, and in at most this share of the time."""
LAST_TRIES, LAST_WAIT_S = 5, 1.0
"""How often the end of a job is written when the database refuses, and how long to wait between."""

Proven = tuple[int, int]
"""What is proven of a day: the least weight of broken promises, and the lower bound of plans that break no more (-1:
none). The greater pair says more."""


class RowLost(Exception):  # noqa: N818  (what happened, in two words)
    """The row belongs to another attempt by now, or is gone."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What the row says at the beginning of an attempt. `limits` are those of the whole job."""

    problem: Problem
    witness: Orders | None
    limits: Limits
    engine: str
    spent_s: float
    best: Orders | None
    proven: Proven
    stop_requested: bool

    def left(self) -> Limits:
        """The limits of this attempt."""
        limit_s = self.limits.time_limit_s
        return self.limits if limit_s is None else replace(self.limits, time_limit_s=max(0.0, limit_s - self.spent_s))


class Attempt:
    """An attempt at a job whose row belongs to `owner`. Asked now and then, `orphaned` says that nobody waits for it.

    `run` never raises for what goes wrong with the job; it raises StoreError when the store cannot be written.
    """

    def __init__(self, store: Store, job_id: str, owner: str, orphaned: Callable[[], bool] = lambda: False) -> None:
        self._store = store
        self._job_id = job_id
        self._owner = owner
        self._orphaned = orphaned
        self._stop: StopAt | None = None
        self._handing_over = False
        self._cut_short = False

    def hand_over(self) -> None:
        """End the search soon and give the row back with the best plan, to be gone on with; safe from a signal."""
        self._handing_over = True
        if self._stop is not None:
            self._stop.request()

    def run(self) -> None:
        """Until the row says that the job is done, failed, or queued again."""
        try:
            self._end(self._outcome())
        except RowLost:
            log.warning("job %s: taken over by another runner; nothing more is written here", self._job_id)

    # ------------------------------------------------------------------------------------ steps

    def _outcome(self) -> dict[str, Any]:
        """What is to be written of the end of the attempt, however it ends."""
        scribe: _Scribe | None = None
        try:
            task = self._begin()
            stop = StopAt.within(task.left())
            self._stop = stop
            if self._handing_over:
                stop.request()
            scribe = _Scribe(self, task, stop)
            return scribe.values_of(self._search(task, stop, scribe))
        except (RowLost, StoreError):
            raise
        except Exception as error:
            log.exception("job %s failed", self._job_id)
            kept = {} if scribe is None else scribe.unwritten()
            return {**kept, "state": FAILED, "error": error_code(error)}

    def _begin(self) -> _Task:
        """The row; the day is taken from the store and kept in it when this is the first attempt to get so far."""
        with self._store.database.read() as connection:
            own = (jobs.c.job_id == self._job_id) & (jobs.c.owner == self._owner)
            row: Any = connection.execute(select(jobs).where(own)).one_or_none()
        if row is None:
            raise RowLost
        witness: Orders | None = None if row.witness is None else witness_of(row.witness)
        if row.day is not None:
            problem = day_in(row, self._store.catalogue)
        else:
            city, date = self._store.catalogue.city(row.city_id), dt.date.fromisoformat(row.date)
            day = day_to_plan(self._store, city, date)
            scenario, beside = as_scenario(day, self._store.catalogue)
            problem, witness = scenario.problem, day.witness
            self.write(
                {
                    "day": write_day(scenario),
                    "beside": json_text(beside),
                    "witness": witness_text(day.witness),
                    "day_version": day.version,
                    "not_taken": json_text(list(day.not_taken)),
                    "sequence": jobs.c.sequence + 1,
                }
            )
        known = {} if row.document is None else json.loads(row.document)
        return _Task(
            problem,
            witness if row.kind == PLAN else None,
            limits_in(row),
            row.engine,
            row.spent_s,
            None if row.orders is None else witness_of(row.orders),
            _proven(known.get("broken_promises_bound", 0), known.get("lower_bound")),
            row.stop_requested,
        )

    def _search(self, task: _Task, stop: StopAt, scribe: _Scribe) -> Result | None:
        """The best plan: of this search, which begins with that of earlier attempts, or the witness.

        The witness has its turn when the job ends; one that is handed over has not ended.
        """
        scribe.start()
        try:
            result = plan_day(
                task.problem,
                task.left(),
                engine=task.engine,
                stop=stop,
                start=task.best,
                on_progress=scribe.told,
                on_better=scribe.better,
            )
        finally:
            scribe.close()
        self._cut_short = self._handing_over
        if task.witness is None or self._cut_short:
            return result
        best, _ = or_witness(task.problem, task.witness, task.limits, stop, result)
        return best

    def _end(self, values: dict[str, Any]) -> None:
        """Write how it ended: done, failed, or handed over. Tried again while the database refuses."""
        state = values.pop("state", QUEUED if self._cut_short else DONE)
        if state == DONE and values.get("document") is None:
            state, values["error"] = FAILED, "no_plan"
        values |= {"state": state, "owner": None, "beat_at": None, "sequence": jobs.c.sequence + 1}
        if state == QUEUED:
            values["attempts"] = jobs.c.attempts - 1
        for left in reversed(range(LAST_TRIES)):
            try:
                self.write(values, ending=state != QUEUED)
            except StoreError as error:
                log.warning("job %s: its end is not written: %s", self._job_id, error.code)
                if not left:
                    raise
                time.sleep(LAST_WAIT_S)
            else:
                return

    # --------------------------------------------------------------------------------- the row

    def write(self, values: dict[str, Any], *, ending: bool = False) -> bool:
        """Write into the row, and that the attempt is alive; whether the job is to be stopped. Raises RowLost."""
        own = (jobs.c.job_id == self._job_id) & (jobs.c.owner == self._owner) & (jobs.c.state == RUNNING)
        with self._store.database.write() as connection:
            now_ms = epoch_ms(self._store.database.now(connection))
            whole = {"beat_at": now_ms, **values} | ({"ended_at": now_ms} if ending else {})
            written = update(jobs).where(own).values(**whole).returning(jobs.c.stop_requested)
            row = connection.execute(written).one_or_none()
        if row is None:
            raise RowLost
        return bool(row.stop_requested)

    def to_be_stopped(self) -> bool:
        """Whether somebody asked for the end of the job. Raises RowLost."""
        own = (jobs.c.job_id == self._job_id) & (jobs.c.owner == self._owner)
        with self._store.database.read() as connection:
            row = connection.execute(select(jobs.c.stop_requested).where(own)).one_or_none()
        if row is None:
            raise RowLost
        return bool(row.stop_requested)

    @property
    def orphaned(self) -> bool:
        """Nobody waits for this attempt any more."""
        return self._orphaned()


class _Scribe(threading.Thread):
    """Writes what the search tells, and tells the search what the row says; see the head of the file."""

    def __init__(self, attempt: Attempt, task: _Task, stop: StopAt) -> None:
        super().__init__(name="mitaan-scribe", daemon=True)
        self._attempt = attempt
        self._task = task
        self._stop = stop
        self._news = threading.Event()
        self._closing = False
        self._failed: Exception | None = None
        self._to_be_stopped = task.stop_requested
        self._best = task.best
        self._written = task.best
        self._message: Progress | None = None
        self._told: Progress | None = None
        self._proven = task.proven
        self._next_plan_s = self._next_look_s = self._next_beat_s = 0.0

    # ------------------------------------------------------------------- called by the search

    def better(self, orders: Orders) -> None:
        """There is a better plan."""
        self._best = dict(orders)
        if self._written is None:
            self._news.set()
        if self._to_be_stopped:
            self._stop.request()

    def told(self, progress: Progress) -> None:
        """The search has sent a message."""
        self._proven = max(self._proven, _proven(progress.broken_promises_bound, progress.lower_bound_s))
        self._message = progress

    def close(self) -> None:
        """End the thread. Raises what went wrong with it."""
        self._closing = True
        self._news.set()
        self.join()
        if self._failed is not None:
            raise self._failed

    # ---------------------------------------------------------------------------- the thread

    def run(self) -> None:
        """Until closed."""
        while not self._closing:
            try:
                self._turn()
            except StoreError as error:
                log.warning("the store of a running job: %s", error.code)
            except Exception as error:  # noqa: BLE001  raised again by `close`
                self._failed = error
                self._stop.request()
                return
            self._news.wait(TICK_S)
            self._news.clear()

    def _turn(self) -> None:
        if self._attempt.orphaned:
            self._attempt.hand_over()
        began_s = time.monotonic()
        values = self._progress_values()
        best = self._best
        with_plan = best is not None and best is not self._written and began_s >= self._next_plan_s
        if best is not None and with_plan:
            values |= self._plan_values(best, self._task.engine)
        if values:
            values["sequence"] = jobs.c.sequence + 1
        if values or began_s >= self._next_beat_s:
            asked = self._attempt.write({**values, "spent_s": self._spent_s()})
            self._next_beat_s = began_s + BEAT_S
        elif began_s >= self._next_look_s:
            asked = self._attempt.to_be_stopped()
        else:
            return
        ended_s = time.monotonic()
        self._next_look_s = ended_s + LOOK_S
        if with_plan:
            self._written = best
            self._next_plan_s = ended_s + max(PLAN_EVERY_S, (ended_s - began_s) * (1 / PLAN_SHARE - 1))
        self._to_be_stopped = self._to_be_stopped or asked
        if self._to_be_stopped and self._best is not None:
            self._stop.request()

    # -------------------------------------------------------------------------------- values

    def values_of(self, result: Result | None) -> dict[str, Any]:
        """What is written of the end of a search: its plan, with all that is proven, and the last message."""
        values: dict[str, Any] = {"spent_s": self._spent_s()}
        if result is None:
            return values | self._progress_values()
        phase = "bound" if self._message is None else self._message.phase
        bounds = result.lower_bound_s, result.gap, None, result.broken_promises_bound
        self.told(Progress(phase, self._stop.elapsed_s(), result.cost, *bounds))
        orders = {route.executive_id: route.visit_ids for route in result.plan.routes}
        return values | self._progress_values() | self._plan_values(orders, result.engine)

    def unwritten(self) -> dict[str, Any]:
        """What is written of a search that failed: the last message, and its best plan where that breaks no rule."""
        values = {**self._progress_values(), "spent_s": self._spent_s()}
        if self._best is None or self._best is self._written:
            return values
        try:
            return values | self._plan_values(self._best, self._task.engine)
        except Exception:  # noqa: BLE001  a plan that cannot be judged is none
            return values

    def _plan_values(self, orders: Orders, engine: str) -> dict[str, Any]:
        task = self._task
        broken_bound, bound_s = self._proven
        result = judged(
            task.problem,
            task.limits,
            orders,
            engine=engine,
            runtime_s=self._spent_s(),
            lower_bound_s=None if bound_s < 0 else bound_s,
            broken_bound=broken_bound,
        )
        return {"orders": witness_text(orders), "document": json_text(document_of(task.problem, result))}

    def _progress_values(self) -> dict[str, Any]:
        message = self._message
        if message is None or message is self._told:
            return {}
        self._told = message
        best = message.best
        broken_bound, bound_s = self._proven
        more = best is not None and best.broken_promises > broken_bound
        lower_bound_s = None if more or bound_s < 0 else bound_s
        progress = {
            "phase": message.phase,
            "elapsed_s": round(self._task.spent_s + message.elapsed_s, 3),
            "cost": None if best is None else best.second_level_s,
            "cost_terms": None if best is None else best.terms(),
            "broken_promises_weight": None if best is None else best.broken_promises,
            "lower_bound": lower_bound_s,
            "gap": None if best is None else gap(best, lower_bound_s, broken_bound),
        }
        return {"progress": json_text(progress)}

    def _spent_s(self) -> float:
        """Seconds of the job's time limit that are used up, by this attempt and those before."""
        return self._task.spent_s + self._stop.elapsed_s()


def _proven(broken_bound: int, lower_bound_s: int | None) -> Proven:
    return broken_bound, -1 if lower_bound_s is None else lower_bound_s


def error_code(error: Exception) -> str:
    """What is told of a job that failed: a code of its own, or the name of the defect; details are in the log."""
    if isinstance(error, InvalidProblem):
        return error.faults[0].code
    if isinstance(error, StoreError):
        return error.code
    return f"defect: {type(error).__name__}"
