"""Jobs: asked for once, planned in processes of their own that may die at any moment, and published as they are."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
from sqlalchemy import Connection, insert, select, update

from api.jobs import (
    Job,
    JobRefused,
    Published,
    Runner,
    ask_plan,
    ask_solve,
    differences,
    find_job,
    job_in,
    list_jobs,
    plan_so_far,
    problem_of,
    publish_job,
    request_stop,
    runner,
    table,
    working,
)
from api.jobs.runner import claim, delete_old, give_back, give_back_lost
from api.jobs.working import Attempt
from api.planning import or_witness
from api.store import Database, StoreError
from api.store.desk import NewDelivery, add_delivery, end_delivery, published_plan, set_closed, set_roster
from api.store.schema import epoch_ms, jobs
from api.store.store import Store, WantedSlot
from optimizer.bookings import Change, Refusal, RefusalCode, Verdict
from optimizer.calendar import closed_because
from optimizer.check import violations
from optimizer.domain import BookingStatus, Executive, InvalidProblem, Limits, Problem, Result, Shift
from optimizer.planner import OnBetterPlan, plan_day
from optimizer.stop import StopAt
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.files import read_day, write_day
from scenarios.places import Whereabouts
from scenarios.plans import parse_plan
from tests.stores import row

ROOT = Path(__file__).parent.parent
CATALOGUE = load_catalogue()
RAIPUR = CATALOGUE.city("raipur")
INCOME = CATALOGUE.service("income")
H = 3_600
FEW = Limits(None, iterations=20)
LONG = Limits(60.0)
"""Longer than a test may take: such a job ends because it is told to."""
WITHIN_S = 30.0
"""A test that waits longer has failed."""

T = TypeVar("T")


def open_date(days_ahead: int) -> dt.date:
    """A date with service, so many days from today or a few more."""
    date = dt.datetime.now(IST).date() + dt.timedelta(days=days_ahead)
    while closed_because(CATALOGUE.rules, date):
        date += dt.timedelta(days=1)
    return date


DAY = open_date(2)
NEXT = open_date((DAY - dt.datetime.now(IST).date()).days + 1)


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database, CATALOGUE)


def done(verdict: Verdict) -> Change:
    assert isinstance(verdict, Change), verdict
    return verdict


def at(number: int) -> Whereabouts:
    return Whereabouts(81.60 + 0.013 * (number % 7), 21.22 + 0.011 * (number % 5), 0, "point")


def staffed(store: Store, count: int = 2, date: dt.date = DAY) -> None:
    office = RAIPUR.office
    staff = [Executive(f"E{n:02d}", office, office, Shift(8 * H, 20 * H)) for n in range(1, count + 1)]
    done(set_roster(store, RAIPUR, date, staff))


def booked(store: Store, hour: int, number: int = 0, date: dt.date = DAY) -> str:
    change = done(store.hold(RAIPUR, at(number), [WantedSlot(INCOME, date, hour * H)], "a", at_once=True))
    return change.bookings[0].booking_id


def busy(store: Store) -> None:
    """A day with promises and deliveries, small enough to be planned at once."""
    staffed(store, 3)
    for number in range(9):
        booked(store, 9 + number, number)
    for number in range(4):
        add_delivery(store, RAIPUR, NewDelivery(INCOME, at(number + 3), f"app-{number}", DAY, due=DAY))


def ask(store: Store, date: dt.date = DAY, limits: Limits = FEW, engine: str = "auto") -> Job:
    return ask_plan(store, RAIPUR, date, limits, engine, "desk")


def refused(code: str, asking: Callable[[], object]) -> JobRefused:
    with pytest.raises(JobRefused) as error:
        asking()
    assert error.value.code == code
    return error.value


def found(store: Store, job_id: str) -> Job:
    job = find_job(store, job_id)
    assert job is not None
    return job


def worked(store: Store, job_id: str) -> Job:
    """The job after an attempt in this process."""
    claimed = claim(store.database)
    assert claimed is not None
    assert claimed[0] == job_id
    Attempt(store, *claimed).run()
    return found(store, job_id)


def document(store: Store, job_id: str) -> dict[str, Any]:
    plan = plan_so_far(store, job_id)
    assert plan is not None
    return plan.document


def level(store: Store, job_id: str) -> tuple[int, int]:
    """Both levels of the cost of the best plan."""
    told = document(store, job_id)
    return told["broken_promises_weight"], told["cost"]


def problem(store: Store, job_id: str) -> Problem:
    day = problem_of(store, job_id)
    assert day is not None
    return day


def drivable(store: Store, job_id: str) -> bool:
    """The plan reads back, and the checker finds nothing wrong with it, its cost included."""
    day = problem(store, job_id)
    plan, cost = parse_plan(json.dumps(document(store, job_id)).encode(), day)
    return list(violations(day, plan, cost)) == []


def patiently(look: Callable[[], T | None]) -> T:
    """What `look` gives as soon as it gives something."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def when(store: Store, job_id: str, condition: Callable[[Job], bool]) -> Job:
    def look() -> Job | None:
        job = found(store, job_id)
        return job if condition(job) else None

    return patiently(look)


# ----------------------------------------------------------------------------------------- asking


def test_a_day_has_one_open_plan_and_whoever_asks_again_is_told_which(store: Store) -> None:
    staffed(store)
    staffed(store, date=NEXT)
    first = ask(store)
    assert (first.state, first.kind, first.city_id, first.date, first.asked_by) == (
        "queued",
        "plan",
        "raipur",
        DAY,
        "desk",
    )
    assert (first.limits, first.engine, first.attempts, first.has_plan) == (FEW, "auto", 0, False)
    assert refused("plan_running", lambda: ask(store)).job_id == first.job_id
    assert ask(store, NEXT).state == "queued"
    assert worked(store, first.job_id).state == "done"
    assert ask(store).job_id != first.job_id


def test_of_two_who_ask_at_once_one_gets_the_plan(store: Store, store_address: str) -> None:
    staffed(store)
    gate = threading.Barrier(4)
    answers: list[str] = []

    def one() -> None:
        with Database.open(store_address) as other:
            mine = Store(other, CATALOGUE)
            gate.wait()
            try:
                answers.append(ask(mine).state)
            except JobRefused as error:
                answers.append(error.code)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["plan_running"] * 3 + ["queued"]
    assert len(list_jobs(store)) == 1


def test_a_day_without_a_roster_closed_or_over_is_not_planned(store: Store) -> None:
    refused("no_roster", lambda: ask(store))
    staffed(store)
    done(set_closed(store, RAIPUR, DAY, "flood"))
    refused("day_closed", lambda: ask(store))
    refused("day_closed", lambda: ask(store, dt.date(DAY.year + 1, 8, 15)))
    refused("day_past", lambda: ask(store, dt.datetime.now(IST).date() - dt.timedelta(days=1)))
    done(set_closed(store, RAIPUR, DAY, None))
    with pytest.raises(InvalidProblem) as error:
        ask(store, engine="magic")
    assert [fault.code for fault in error.value.faults] == ["unknown_engine"]
    assert list_jobs(store) == []


def test_there_are_only_so_many_open_jobs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_OPEN", 2)
    staffed(store)
    staffed(store, date=NEXT)
    first = ask(store)
    ask_solve(store, "{}", "raipur", DAY, FEW, "auto", "analyst")
    refused("too_many_jobs", lambda: ask(store, NEXT))
    worked(store, first.job_id)
    assert ask(store, NEXT).state == "queued"


def test_who_hands_in_too_many_days_waits_and_learns_nothing_of_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_OPEN_SOLVES", 2)

    def solve(name: str) -> Job:
        return ask_solve(store, "{}", "raipur", DAY, FEW, "auto", name)

    staffed(store)
    first, _ = solve("study"), solve("study")
    refused("too_many_jobs", lambda: solve("study"))
    assert [solve("other").state, solve("desk").state, solve("desk").state, ask(store).state] == ["queued"] * 4
    with store.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.job_id == first.job_id).values(state="failed"))
    solve("study")
    monkeypatch.setattr(table, "MOST_OPEN", 3)
    assert not re.search(r"\d", refused("too_many_jobs", lambda: solve("third")).text)


def test_plans_are_claimed_before_days_that_were_handed_in(store: Store) -> None:
    staffed(store)
    solves = [ask_solve(store, "{}", "raipur", DAY, FEW, "auto", "study").job_id for _ in range(6)]
    plan = ask(store).job_id
    claimed = [claim(store.database) for _ in range(7)]
    assert [c and c[0] for c in claimed] == [
        plan,
        *sorted(solves, key=lambda name: (found(store, name).created_at, name)),
    ]


def test_a_receipt_is_written_with_the_job_or_neither_is(store: Store) -> None:
    staffed(store)
    seen: list[object] = []

    def receipt(connection: Connection, now: dt.datetime, outcome: object) -> None:
        assert isinstance(outcome, Job)
        assert job_in(connection, outcome.job_id) == outcome
        seen.append(outcome)

    def broken(*_: object) -> NoReturn:
        raise LookupError

    with pytest.raises(LookupError):
        ask(store.with_receipt(broken))
    assert list_jobs(store) == []
    asked = ask(store.with_receipt(receipt))
    stopped = request_stop(store.with_receipt(receipt), asked.job_id)
    assert request_stop(store.with_receipt(receipt), asked.job_id) == stopped
    assert seen == [asked, stopped]
    worked(store, asked.job_id)
    with pytest.raises(LookupError):
        publish_job(store.with_receipt(broken), asked.job_id)
    assert published_plan(store, RAIPUR, DAY) is None
    assert found(store, asked.job_id).published_as is None


def test_jobs_are_listed_by_page_the_newest_first(store: Store) -> None:
    when_ms = epoch_ms(dt.datetime.now(IST))
    with store.database.write() as connection:
        for number, (city, state) in enumerate([("raipur", "done"), ("korba", "failed"), ("raipur", "queued")] * 2):
            limits = '{"iterations":1,"seed":1,"threads":1,"time_limit_s":null}'
            head = {"job_id": f"P{number}", "kind": "solve", "city_id": city, "state": state, "limits": limits}
            rest = {"date": DAY.isoformat(), "created_at": when_ms + number // 2, "asked_by": "a"}
            connection.execute(insert(jobs).values(**row(jobs, **head, **rest)))

    def ids(**which: Any) -> list[str]:
        return [job.job_id for job in list_jobs(store, **which)]

    assert ids() == ["P5", "P4", "P3", "P2", "P1", "P0"]
    assert ids(most=2, after=(when_ms + 1, "P3")) == ["P2", "P1"]
    assert ids(city_ids=["korba"]) == ["P4", "P1"]
    assert ids(city_ids=[]) == []
    assert ids(city_ids=["raipur"], kind="solve", date=DAY) == ["P5", "P3", "P2", "P0"]
    assert ids(kind="plan") == ids(date=NEXT) == []
    assert find_job(store, "P9") is None
    assert plan_so_far(store, "P9") is None
    assert problem_of(store, "P9") is None
    assert request_stop(store, "P9") is None


# ------------------------------------------------------------------------------- one attempt


def test_a_plan_keeps_all_promises_and_reads_back(store: Store) -> None:
    busy(store)
    late = NewDelivery(INCOME, at(5), "app-9", DAY, due=DAY, held_by="E99")
    not_taken = add_delivery(store, RAIPUR, late)
    job = worked(store, ask(store).job_id)
    assert (job.state, job.error, job.attempts, job.has_plan) == ("done", None, 1, True)
    assert (job.not_taken, job.day_version is None) == ((not_taken,), False)
    assert job.begun_at is not None
    assert job.ended_at is not None
    assert job.created_at <= job.begun_at <= job.ended_at
    told = document(store, job.job_id)
    assert (told["broken_promises"], told["status"], len(told["kpis"]) > 0) == ([], "optimal", True)
    assert drivable(store, job.job_id)
    assert job.progress is not None
    assert job.progress["cost"] == told["cost"] == sum(job.progress["cost_terms"].values())
    assert (job.progress["broken_promises_weight"], job.progress["lower_bound"], job.progress["gap"]) == (
        0,
        told["lower_bound"],
        told["gap"],
    )


def test_without_time_for_a_search_the_witness_is_the_plan(store: Store) -> None:
    busy(store)
    job = worked(store, ask(store, limits=Limits(0.0)).job_id)
    told = document(store, job.job_id)
    assert (job.state, told["engine"], told["broken_promises"]) == ("done", "witness", [])
    assert drivable(store, job.job_id)


def test_a_day_file_is_planned_as_it_is_and_cannot_be_published(store: Store) -> None:
    day = read_day(ROOT / "scenarios" / "data" / "days" / "korba.json")
    asked = ask_solve(store, write_day(day), "korba", day.problem.date, FEW, "auto", "analyst")
    job = worked(store, asked.job_id)
    assert (job.state, job.kind, job.day_version) == ("done", "solve", None)
    assert problem(store, job.job_id).input_sha256 == day.problem.input_sha256
    assert drivable(store, job.job_id)
    refused("not_a_plan", lambda: publish_job(store, job.job_id))
    refused("unknown_job", lambda: publish_job(store, "P0"))
    refused("still_running", lambda: publish_job(store, ask_in_store(store).job_id))


def ask_in_store(store: Store) -> Job:
    staffed(store)
    return ask(store)


def test_a_failure_inside_is_told_by_a_code_and_keeps_the_plan_that_is_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(store)

    def breaks_later(*given: Any, **named: Any) -> NoReturn:
        plan_day(*given, **named)
        raise ZeroDivisionError("with details nobody outside should read")

    monkeypatch.setattr(working, "plan_day", breaks_later)
    job = worked(store, ask(store).job_id)
    assert (job.state, job.error, job.has_plan) == ("failed", "defect: ZeroDivisionError", True)
    assert drivable(store, job.job_id)
    monkeypatch.setattr(working, "day_to_plan", breaks_later)
    job = worked(store, ask(store).job_id)
    assert (job.state, job.error, job.has_plan) == ("failed", "defect: TypeError", False)
    refused("no_plan_yet", lambda: publish_job(store, job.job_id))


def test_a_search_whose_plan_cannot_be_driven_fails_and_nothing_is_kept_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(store)

    def twice(problem: Problem, _: Limits, *, stop: StopAt, on_better: OnBetterPlan, **__: Any) -> None:
        on_better({"E01": tuple(a.visit_id for a in problem.appointments) * 2})
        patiently(lambda: stop.requested)

    monkeypatch.setattr(working, "plan_day", twice)
    job = worked(store, ask(store).job_id)
    assert (job.state, job.error, job.has_plan) == ("failed", "defect: ValueError", False)


def test_a_resumed_job_plans_the_same_day_from_its_best_plan_for_the_time_that_is_left(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(store)
    job = ask(store, limits=Limits(40.0))
    with monkeypatch.context() as patched:
        patched.setattr(working, "LAST_TRIES", 1)
        patched.setattr(Attempt, "_end", lambda *_: None)  # as if its process had died at the very end
        assert worked(store, job.job_id).state == "running"
    with store.database.write() as connection:
        best = connection.execute(select(jobs.c.orders)).scalar_one()
        assert best is not None
        connection.execute(update(jobs).values(spent_s=39.5))
    before = level(store, job.job_id)
    booked(store, 19, 20)
    assert give_back_lost(store.database, -1.0) != []
    heard: list[tuple[float | None, Any]] = []

    def listening(problem: Problem, limits: Limits, **named: Any) -> Result | None:
        heard.append((limits.time_limit_s, named["start"]))
        return plan_day(problem, limits, **named)

    monkeypatch.setattr(working, "plan_day", listening)
    after = worked(store, job.job_id)
    assert (after.state, after.attempts) == ("done", 2)
    assert heard == [(0.5, {e: tuple(order) for e, order in json.loads(best).items()})]
    assert level(store, job.job_id) <= before
    assert len(problem(store, job.job_id).appointments) == 9
    assert document(store, job.job_id)["runtime_s"] >= 39.5


def test_a_job_that_always_loses_its_process_ends_with_what_it_has(store: Store) -> None:
    staffed(store)
    lost = ask(store).job_id
    for attempt in range(1, 4):
        claimed = claim(store.database)
        assert claimed is not None
        assert found(store, lost).attempts == attempt
        assert give_back_lost(store.database, 60.0) == []
        give_back(store.database, claimed[1])
    job = found(store, lost)
    assert (job.state, job.error, job.ended_at is None) == ("failed", "job_lost", False)
    kept = ask(store).job_id
    with store.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.job_id == kept).values(attempts=2, document="{}"))
    assert claim(store.database) is not None
    assert len(give_back_lost(store.database, -1.0)) == 1
    assert (found(store, kept).state, found(store, kept).error) == ("done", None)


def gone_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_job_whose_runner_is_gone_from_this_machine_is_given_back_before_its_silence_is_long(store: Store) -> None:
    staffed(store)
    ask(store)
    claimed = claim(store.database)
    assert claimed is not None
    machine, pid, token = claimed[1].rsplit(":", 2)
    assert int(pid) == os.getpid()
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    assert not boot_id.exists() or boot_id.read_text().strip() in machine
    gone = gone_pid()
    host, *rest = machine.split("/")
    other_boot = "/".join([host, "another", *rest[1:]])
    other_container = "/".join([host, *rest[:-1], "another"])

    def given_back(owner: str, silent_s: float) -> bool:
        with store.database.write() as connection:
            beat_at = epoch_ms(store.database.now(connection)) - round(silent_s * 1_000)
            connection.execute(update(jobs).values(state="running", owner=owner, beat_at=beat_at))
        return give_back_lost(store.database) == [owner]

    long_s = runner.SHORT_SILENCE_S + 1
    assert not given_back(claimed[1], long_s)
    assert not given_back(f"{other_boot}:{gone}:{token}", long_s)
    assert not given_back(f"{other_container}:{gone}:{token}", long_s)
    assert not given_back(f"{machine}:{gone}:{token}", 2 * working.BEAT_S)  # one beat is late, or was lost
    assert given_back(f"{machine}:{gone}:{token}", long_s)
    assert given_back(f"{other_boot}:{gone}:{token}", runner.SILENCE_S + 1)


def test_what_the_database_says_of_a_fault_is_not_logged(
    store: Store, store_address: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise StoreError("database_failed", "the store", "a name of a citizen")

    staffed(store)
    ask(store)
    claimed = claim(store.database)
    assert claimed is not None
    monkeypatch.setattr(working, "LAST_WAIT_S", 0.0)
    attempt = Attempt(store, *claimed)
    monkeypatch.setattr(attempt, "write", broken)
    monkeypatch.setattr(attempt, "_outcome", dict)
    with pytest.raises(StoreError):
        attempt.run()
    monkeypatch.setattr(runner, "AFTER_FAULT_S", 0.0)
    monkeypatch.setattr(runner, "make_ready", lambda: None)
    monkeypatch.setattr(Runner, "_turn", broken)
    turns = iter([False, True])
    Runner(store_address).run(lambda: next(turns))
    assert caplog.text.count("database_failed") == working.LAST_TRIES + 1
    assert "citizen" not in caplog.text


def test_who_lost_the_row_writes_nothing_more(store: Store) -> None:
    busy(store)
    job_id = ask(store).job_id
    claimed = claim(store.database)
    assert claimed is not None
    give_back(store.database, claimed[1])
    again = claim(store.database)
    assert again is not None
    before = found(store, job_id)
    Attempt(store, *claimed).run()
    assert found(store, job_id) == before
    Attempt(store, *again).run()
    assert found(store, job_id).state == "done"


def test_an_attempt_is_handed_over_only_where_that_cut_its_search_short(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(store)
    job_id = ask(store).job_id
    claimed = claim(store.database)
    assert claimed is not None
    attempt = Attempt(store, *claimed)
    attempt.hand_over()
    attempt.run()
    job = found(store, job_id)
    assert (job.state, job.attempts, job.error, job.day_version is None) == ("queued", 0, None, False)
    claimed = claim(store.database)
    assert claimed is not None
    attempt = Attempt(store, *claimed)

    def late(*given: Any) -> Any:
        attempt.hand_over()
        return or_witness(*given)

    monkeypatch.setattr(working, "or_witness", late)
    attempt.run()
    job = found(store, job_id)
    assert (job.state, job.attempts, job.has_plan) == ("done", 1, True)


def test_old_jobs_are_deleted_but_for_open_and_published_ones(store: Store) -> None:
    now = dt.datetime.now(IST)
    with store.database.write() as connection:
        for name, kind, state, days, published in [
            ("old", "plan", "done", 14.1, None),
            ("new", "plan", "failed", 13.9, None),
            ("published", "plan", "done", 99, 1),
            ("open", "plan", "queued", None, None),
            ("old-solve", "solve", "failed", 1.1, None),
            ("new-solve", "solve", "done", 0.9, None),
            ("open-solve", "solve", "queued", None, None),
        ]:
            ended = None if days is None else epoch_ms(now - dt.timedelta(days=days))
            head = {"job_id": name, "kind": kind, "state": state, "ended_at": ended, "published_as": published}
            connection.execute(insert(jobs).values(**row(jobs, **head)))
    assert delete_old(store.database) == 2
    with store.database.read() as connection:
        kept = set(connection.execute(select(jobs.c.job_id)).scalars())
    assert kept == {"new", "published", "open", "new-solve", "open-solve"}


# ------------------------------------------------------------------------------------- publishing


def test_a_plan_is_published_under_a_number_that_the_job_then_has(store: Store) -> None:
    busy(store)
    job_id = worked(store, ask(store).job_id).job_id
    seen: list[Any] = []
    change = done(publish_job(store.with_receipt(lambda *given: seen.append(given[2])), job_id))
    assert {b.status for b in change.bookings} == {BookingStatus.PLANNED}
    job = found(store, job_id)
    assert job.published_as == 1
    assert seen == [Published(change, job)]
    plan = published_plan(store, RAIPUR, DAY)
    assert plan is not None
    assert json.loads(plan.document) == document(store, job_id)
    done(publish_job(store, job_id))
    assert found(store, job_id).published_as == 2


def test_a_plan_of_a_day_that_has_changed_is_not_published_and_the_difference_is_told(store: Store) -> None:
    staffed(store, 3)
    stays, gone, moved = booked(store, 9, 1), booked(store, 10, 2), booked(store, 11, 3)
    delivery = add_delivery(store, RAIPUR, NewDelivery(INCOME, at(4), "app-1", DAY, due=DAY))
    assert isinstance(delivery, str)
    job_id = worked(store, ask(store).job_id).job_id
    new = booked(store, 12, 4)
    done(store.cancel(gone))
    done(store.locate(moved, at(6)))
    assert end_delivery(store, delivery, "cancelled") is None
    no = publish_job(store, job_id)
    assert isinstance(no, Refusal)
    assert no.code is RefusalCode.PLAN_OUTDATED
    told = differences(store, no, document(store, job_id))
    assert told == {"missing": [new], "gone": sorted([gone, delivery]), "changed": [moved]}
    assert stays not in no.bookings
    assert found(store, job_id).published_as is None


def test_a_plan_that_the_roster_of_today_cannot_drive_is_outdated(store: Store) -> None:
    staffed(store, 1)
    booked(store, 9, 1)
    job_id = worked(store, ask(store).job_id).job_id
    office = RAIPUR.office
    done(set_roster(store, RAIPUR, DAY, [Executive("E77", office, office, Shift(8 * H, 20 * H))]))
    no = publish_job(store, job_id)
    assert isinstance(no, Refusal)
    assert (no.code, differences(store, no, document(store, job_id))) == (RefusalCode.PLAN_OUTDATED, {})


def test_places_known_only_by_their_quarter_are_planned_and_published(store: Store) -> None:
    staffed(store)
    where = Whereabouts(81.63, 21.25, 800, "locality")
    done(store.hold(RAIPUR, where, [WantedSlot(INCOME, DAY, 10 * H)], "a", at_once=True))
    job_id = worked(store, ask(store).job_id).job_id
    assert drivable(store, job_id)
    done(publish_job(store, job_id))


# ------------------------------------------------------------------------- runners and their ends


NEST = """
import os, signal, sys
from api.jobs import Runner
from api.planning import make_ready
make_ready()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    address, silence_s = line.rstrip("\\n").split("\\t")
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            Runner(address, silence_s=float(silence_s)).run()
        finally:
            os._exit(0)
    print(pid, flush=True)
"""
"""Starts runners, ready in a moment: what takes them seconds is done once."""

Hatch = Callable[..., int]


@pytest.fixture(scope="module")
def nest() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-W", "error", "-c", NEST]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def hatch(nest: subprocess.Popen[str], store_address: str) -> Iterator[Hatch]:
    """Starts a runner on the store; its process id. All end with the test."""
    pids: list[int] = []

    def one(silence_s: float = 15.0) -> int:
        assert nest.stdin is not None
        assert nest.stdout is not None
        nest.stdin.write(f"{store_address}\t{silence_s}\n")
        nest.stdin.flush()
        pids.append(int(nest.stdout.readline()))
        return pids[-1]

    yield one
    for pid in pids:
        if not over(pid):
            os.kill(pid, signal.SIGTERM)
            patiently(lambda pid=pid: over(pid))  # type: ignore[misc]


def over(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def children(pid: int) -> list[int]:
    told = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in told.split()]


def running(store: Store, hatch: Hatch) -> tuple[str, int]:
    """A job that would go on for a minute, with a plan already, and its runner."""
    busy(store)
    pid = hatch()
    job_id = ask(store, limits=LONG, engine="ruin").job_id
    when(store, job_id, lambda job: job.has_plan)
    return job_id, pid


def test_the_first_plan_is_seen_soon_and_the_job_then_ends(store: Store, hatch: Hatch) -> None:
    busy(store)
    hatch()
    asked = time.monotonic()
    job_id = ask(store, limits=Limits(30.0)).job_id
    when(store, job_id, lambda job: job.has_plan)
    assert time.monotonic() - asked < WITHIN_S / 3
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.error, job.attempts) == ("done", None, 1)
    assert drivable(store, job_id)
    final = plan_so_far(store, job_id)
    assert final is not None
    assert (final.final, final.sequence, final.document["status"]) == (True, job.sequence, "optimal")


def test_a_job_that_is_stopped_keeps_its_best_plan(store: Store, hatch: Hatch) -> None:
    job_id, _ = running(store, hatch)
    so_far = plan_so_far(store, job_id)
    assert so_far is not None
    assert not so_far.final
    assert drivable(store, job_id)
    before = level(store, job_id)
    asked = request_stop(store, job_id)
    assert asked is not None
    assert asked.stop_requested
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.error) == ("done", None)
    assert level(store, job_id) <= before
    assert document(store, job_id)["runtime_s"] < LONG.time_limit_s
    assert request_stop(store, job_id) == job


def test_in_the_process_of_a_job_who_stops_it_waits_for_no_solver(
    store: Store, store_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a process is forked and ends by `os._exit`, as those have to that leave a solver at work."""
    may_leave, seen = threading.Event(), list[bool]()

    class Attempted:
        def run(self) -> None:
            seen.append(may_leave.is_set())

    monkeypatch.setattr("optimizer.stop._may_leave", may_leave)
    monkeypatch.setattr(runner, "attempt_of", lambda *_: Attempted())
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("signal.pthread_sigmask", lambda *_: None)
    runner._in_child(store_address, CATALOGUE, "J1", "runner", 1)
    assert seen == [True]


def test_a_job_stopped_before_it_began_ends_with_its_first_plan(store: Store, hatch: Hatch) -> None:
    busy(store)
    job_id = ask(store, limits=LONG, engine="ruin").job_id
    request_stop(store, job_id)
    hatch()
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.has_plan) == ("done", True)
    assert drivable(store, job_id)


def test_a_killed_process_is_replaced_at_once_and_goes_on_from_its_best_plan(store: Store, hatch: Hatch) -> None:
    job_id, runner = running(store, hatch)
    before = level(store, job_id)
    for child in patiently(lambda: children(runner)):
        os.kill(child, signal.SIGKILL)
    job = when(store, job_id, lambda job: job.attempts == 2)
    assert level(store, job_id) <= before
    request_stop(store, job_id)
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.error, job.attempts) == ("done", None, 2)
    assert level(store, job_id) <= before
    assert drivable(store, job_id)


def test_when_a_runner_is_killed_another_takes_its_job_over(store: Store, hatch: Hatch) -> None:
    job_id, runner = running(store, hatch)
    before = level(store, job_id)
    (child,) = patiently(lambda: children(runner))
    hatch()
    os.kill(runner, signal.SIGKILL)
    patiently(lambda: over(child))
    when(store, job_id, lambda job: job.state == "running")
    request_stop(store, job_id)
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.error) == ("done", None)
    assert level(store, job_id) <= before


def test_when_a_machine_is_lost_with_all_its_processes_another_notices_the_silence(store: Store, hatch: Hatch) -> None:
    job_id, runner = running(store, hatch)
    before = level(store, job_id)
    (child,) = patiently(lambda: children(runner))
    for pid in (runner, child):
        os.kill(pid, signal.SIGKILL)
    hatch(silence_s=1.0)
    when(store, job_id, lambda job: job.attempts == 2)
    request_stop(store, job_id)
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.attempts) == ("done", 2)
    assert level(store, job_id) <= before


def test_a_runner_that_is_asked_to_end_hands_its_job_over(store: Store, hatch: Hatch) -> None:
    job_id, runner = running(store, hatch)
    before = level(store, job_id)
    os.kill(runner, signal.SIGTERM)
    patiently(lambda: over(runner))
    job = found(store, job_id)
    assert (job.state, job.attempts, job.has_plan, job.ended_at) == ("queued", 0, True, None)
    assert level(store, job_id) <= before
    with store.database.write() as connection:
        spent_s = connection.execute(select(jobs.c.spent_s)).scalar_one()
        assert 0.0 < spent_s < WITHIN_S
        connection.execute(update(jobs).values(spent_s=59.0))
    hatch()
    job = when(store, job_id, lambda job: job.ended)
    assert (job.state, job.error, job.attempts) == ("done", None, 1)
    assert level(store, job_id) <= before
    assert document(store, job_id)["runtime_s"] >= 59.0
