"""Expected demand: shapes, order, and numbers that are none."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from optimizer.demand import ANYBODY, Demand, need_name, sorted_needs
from optimizer.domain import InvalidProblem, SlotGrid

FIRST = dt.date(2026, 12, 1)
KIT = frozenset({"aadhaar_kit"})


def demand(**other: object) -> Demand:
    given = {"first": FIRST, "grid": SlotGrid(), "needs": (ANYBODY, KIT), "expected": np.ones((3, 12, 2))}
    return Demand(**{**given, **other})  # type: ignore[arg-type]


def test_the_part_of_a_demand_is_of_its_own_dates() -> None:
    expected = np.arange(72, dtype=np.float64).reshape(3, 12, 2)
    whole = demand(expected=expected)
    part = whole.between(dt.date(2026, 12, 2), dt.date(2026, 12, 3))
    assert part.dates == (dt.date(2026, 12, 2), dt.date(2026, 12, 3))
    assert (part.on(dt.date(2026, 12, 3)) == expected[2]).all()
    with pytest.raises(KeyError):
        whole.on(dt.date(2026, 12, 4))
    with pytest.raises(KeyError):
        whole.on(dt.date(2026, 11, 30))


def test_what_is_given_can_be_changed_afterwards_without_changing_the_demand() -> None:
    expected = np.ones((1, 12, 2))
    kept = demand(expected=expected)
    expected[0, 0, 0] = 9
    assert kept.expected[0, 0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        kept.expected[0, 0, 0] = 9


def test_every_number_that_is_no_demand_is_told_with_its_place() -> None:
    expected = np.ones((3, 12, 2))
    expected[1, 3, 0], expected[2, 0, 1], expected[0, 0, 0] = -0.5, np.nan, np.inf
    with pytest.raises(InvalidProblem) as caught:
        demand(expected=expected)
    assert [(f.pointer, f.code, f.value) for f in caught.value.faults] == [
        ("/expected/2026-12-01/0/any", "bad_demand", "inf"),
        ("/expected/2026-12-02/3/any", "bad_demand", -0.5),
        ("/expected/2026-12-03/0/aadhaar_kit", "bad_demand", "nan"),
    ]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"expected": np.ones((3, 11, 2))}, "bad_shape"),
        ({"expected": np.ones((12, 2))}, "bad_shape"),
        ({"expected": np.ones((0, 12, 2))}, "bad_range"),
        ({"needs": (KIT, ANYBODY)}, "bad_order"),
        ({"needs": (ANYBODY, ANYBODY)}, "bad_order"),
        ({"needs": (ANYBODY, frozenset({"a b"}))}, "bad_id"),
    ],
)
def test_a_demand_of_another_form_is_refused(other: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidProblem) as caught:
        demand(**other)
    assert [f.code for f in caught.value.faults] == [code]


def test_needs_are_sorted_with_those_of_anybody_first() -> None:
    both = frozenset({"b", "a"})
    assert sorted_needs([both, KIT, ANYBODY, KIT]) == (ANYBODY, both, KIT)
    assert [need_name(n) for n in sorted_needs([both, ANYBODY])] == ["any", "a+b"]
