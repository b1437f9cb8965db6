"""The staff of a city as a noun that cannot be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from optimizer.domain import Fault
from optimizer.domain.faults import id_faults, raise_if_any
from optimizer.roster import Ahead, Contract
from optimizer.roster.nouns import MOST_EXECUTIVES, YEARS

MOST_DAYS = 200_000
"""Of a staff, leave, settled days and requests of all executives: a year of 500, and some more."""


@dataclass(frozen=True)
class Staff:
    """Who works in a city, sorted by id, with leave, settled days and requests; requests are sorted by date.

    `around` and `ahead` of the contracts are empty. Nobody has a settled day on leave, or one with a shift that they
    do not work.
    """

    city: str
    contracts: tuple[Contract, ...]

    def __post_init__(self) -> None:
        raise_if_any([*id_faults("city", self.city), *_staff_faults(self.contracts)])
        ordered = sorted(self.contracts, key=lambda contract: contract.executive_id)
        contracts = tuple(replace(c, requests=tuple(sorted(c.requests, key=lambda r: r.date))) for c in ordered)
        object.__setattr__(self, "contracts", contracts)


def _staff_faults(contracts: tuple[Contract, ...]) -> Iterator[Fault]:
    if not 1 <= len(contracts) <= MOST_EXECUTIVES:
        code = "too_many_executives" if contracts else "no_executives"
        yield Fault(("contracts",), code, len(contracts), f"1 to {MOST_EXECUTIVES} executives")
    days = sum(len(c.leave) + len(c.fixed) + len(c.requests) for c in contracts)
    if days > MOST_DAYS:
        yield Fault(("contracts",), "too_many_days", days, f"at most {MOST_DAYS:,} days of all executives")
    for executive_id, times in sorted(Counter(c.executive_id for c in contracts).items()):
        if times > 1:
            yield Fault(("contracts", executive_id), "duplicate_id", times, "the id of an executive occurs once")
    for contract in contracts:
        yield from (fault.under("contracts", contract.executive_id) for fault in _contract_faults(contract))


def _contract_faults(contract: Contract) -> Iterator[Fault]:
    if contract.patterns == frozenset():
        yield Fault(("patterns",), "wrong_length", 0, "at least one shift, or None for all")
    for date in sorted({*contract.leave, *contract.fixed, *(r.date for r in contract.requests)}):
        if not YEARS[0] <= date.year <= YEARS[1]:
            yield Fault((date.isoformat(),), "bad_date", date.isoformat(), f"a date from {YEARS[0]} to {YEARS[1]}")
    for date, pattern in sorted(contract.fixed.items()):
        if date in contract.leave:
            yield Fault((date.isoformat(),), "duplicate_day", pattern, "a day of leave is not settled otherwise")
        if not is_agreed(pattern, contract.patterns):
            yield Fault((date.isoformat(),), "pattern_not_agreed", pattern, one_of(contract.patterns or ()))
    for name, found in (("around", contract.around), ("ahead", contract.ahead != Ahead())):
        if found:
            yield Fault((name,), "not_of_the_staff", str(getattr(contract, name)), "empty: this comes from the store")


def is_agreed(pattern: str | None, patterns: Container[str] | None) -> bool:
    """The executive works it: a day off, or one of these shifts, None for all."""
    return pattern is None or patterns is None or pattern in patterns


def one_of(ids: Iterable[str]) -> str:
    """The rule that an id is one of these."""
    return f"one of {', '.join(sorted(ids))}"
