"""Calls about staff, rosters over weeks, closures and quotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from api.client import answers as out
from api.client.asking import Asking
from api.client.given import Day, date_of, limits_of, without_none
from api.client.wire import path

LONGEST_CHANGE_S = 60.0
"""A roster, and a plan to be driven, change many promises at once: the service needs no longer for that."""


class RosterCalls(Asking):
    """What a dispatch room asks for before anybody can book."""

    def staff(self, city: str) -> out.Staff:
        """Who works in a city, with leave, settled days and requests."""
        return self._get(out.Staff, path("cities", city, "staff"))

    def tagged_staff(self, city: str) -> tuple[out.Staff, str]:
        """Who works in a city, and the tag for `only_if` of `set_staff`."""
        return self._tagged(out.Staff, path("cities", city, "staff"))

    def set_staff(
        self,
        city: str,
        executives: Sequence[Mapping[str, Any]],
        days: Sequence[Mapping[str, Any]] = (),
        *,
        only_if: str | None = None,
    ) -> out.StaffSet:
        """Who works in a city, as `staff` tells them. Published rosters stay; the next ones are made of this staff."""
        body = {"executives": [dict(each) for each in executives], "days": [dict(each) for each in days]}
        return self._put(out.StaffSet, path("cities", city, "staff"), body, only_if)

    def make_roster(
        self,
        city: str,
        first: Day,
        weeks: int = 4,
        *,
        away: Mapping[str, Sequence[Day]] | None = None,
        time_limit_s: float | None = 30.0,
        iterations: int | None = None,
        seed: int = 1,
        threads: int = 1,
        idempotency_key: str | None = None,
    ) -> out.RosterJob:
        """Have a roster made, or, with `away`, what to do when executives are off. See `watch_roster`, `get_roster`."""
        body = {
            "city": city,
            "from": date_of(first),
            "weeks": weeks,
            "away": {key: [date_of(date) for date in dates] for key, dates in (away or {}).items()},
            "limits": limits_of(time_limit_s, iterations, seed, threads),
        }
        return self._post(out.RosterJob, path("rosters"), body, idempotency_key)

    def rosters(self, *, city: str | None = None, page: int = 100) -> Iterator[out.RosterJob]:
        """Rosters that were asked for, the newest first, without the drafts."""
        return self._pages(out.RosterPage, path("rosters"), "rosters", page, city=city)

    def get_roster(self, roster_id: str) -> out.RosterJob:
        """How far a roster is, and its draft once there is one."""
        return self._get(out.RosterJob, path("rosters", roster_id))

    def watch_roster(self, roster_id: str) -> Iterator[out.RosterJob]:
        """How the making of a roster goes, until it has ended; see `get_roster` for the draft."""
        for told in self._wire.watched(path("rosters", roster_id, "events")):
            if told.kind == "progress":
                yield told.json()

    def stop_roster(self, roster_id: str) -> out.RosterJob:
        """End the search; the best roster so far is kept."""
        return self._wire.json(out.RosterJob, "DELETE", path("rosters", roster_id))

    def roster_difference(self, roster_id: str, *, alternative: str | None = None) -> out.Difference:
        """What publishing would change, which promises could not be kept, and what would save them."""
        return self._get(out.Difference, path("rosters", roster_id, "difference"), alternative=alternative)

    def publish_roster(
        self,
        roster_id: str,
        *,
        alternative: str | None = None,
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> out.RosterPublished:
        """Make a draft the roster of its days, all or none; refused with the days in the way, in `problem`."""
        body = {"alternative": alternative, "force": force}
        where = path("rosters", roster_id, "publish")
        return self._post(out.RosterPublished, where, body, idempotency_key, longer_s=LONGEST_CHANGE_S)

    def roster_versions(self, city: str) -> list[out.RosterVersion]:
        """Rosters of a city that were published, the newest first."""
        return self._get(out.RosterVersions, path("cities", city, "roster-versions"))["versions"]

    def restrictions(
        self, city: str, *, first: Day | None = None, last: Day | None = None, lifted: bool = False
    ) -> list[out.Restriction]:
        """Closures, stop-sales and quotas by hand, by date; 31 days from today on by default."""
        span = {"from": date_of(first), "to": date_of(last), "lifted": "true" if lifted else None}
        return self._get(out.Restrictions, path("cities", city, "restrictions"), **span)["restrictions"]

    def restrict(
        self,
        city: str,
        kind: Literal["closure", "stop_sale", "quota"],
        first: Day,
        reason: str,
        *,
        last: Day | None = None,
        open: str | None = None,
        close: str | None = None,
        kit: str | None = None,
        quota: int | None = None,
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> out.Restricted:
        """Close days or a stretch of them (`open`, `close` as 14:00), stop the sale of slots, or set a quota."""
        body: dict[str, Any] = {"kind": kind, "from": date_of(first), "to": date_of(last), "open": open, "close": close}
        body |= {"kit": kit, "quota": quota, "reason": reason, "force": force}
        where = path("cities", city, "restrictions")
        return self._post(out.Restricted, where, without_none(body), idempotency_key, longer_s=LONGEST_CHANGE_S)

    def lift_restriction(self, restriction_id: str) -> out.Restricted:
        """End a restriction; promises that it put at risk are kept again as far as there is room."""
        return self._wire.json(out.Restricted, "DELETE", path("restrictions", restriction_id))
