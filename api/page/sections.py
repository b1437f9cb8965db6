"""The parts of the page that are text and tables: status, figures, legend, slots, unassigned visits, rosters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from api.page.markup import Markup, count, duration, join, kilometres, span, swatch, tag, whole
from api.page.view import (
    NO_REASON,
    NOBODY,
    Document,
    RouteView,
    StopView,
    Unassigned,
    View,
    Why,
    Working,
    kind_of,
    place_words,
    shift_words,
)
from optimizer.domain import Appointment, Status
from optimizer.units import hhmm

TERMS = {
    "travel": "travel",
    "overtime": "overtime",
    "waiting_deliveries": "deliveries left for later",
    "fairness": "long days (fairness)",
    "continuity": "not the preferred executive (continuity)",
}

NAMED = 12
"""So many broken promises are named in the head, at most."""

# -------------------------------------------------------------------------------------- the head


def status_words(problem_promises: int, broken: int, document: Document) -> str:
    """Status, cost and proof of a plan in plain words; a gap is rounded up, so that it stays true."""
    cost = f"cost {whole(document['cost'])} cost seconds"
    if problem_promises == 0:
        kept = "No appointments are promised on this day"
    elif broken:
        kept = f"{whole(broken)} of {count(problem_promises, 'promise')} broken"
    else:
        kept = "The one promise is kept" if problem_promises == 1 else f"All {whole(problem_promises)} promises kept"
    if broken:
        if document["status"] == Status.INFEASIBLE:
            proof = "it is proven that no plan keeps them all"
            if document["broken_promises_bound"] > 1:
                proof += f" (a weight of {whole(document['broken_promises_bound'])} breaks at least)"
        else:
            proof = "whether another plan could keep them is not proven"
        if document["gap"] is not None:
            within = (
                "the least possible" if document["gap"] == 0 else f"within {per_cent_up(document['gap'])} of the least"
            )
            cost += f", proven {within} where no more are broken"
        return f"{kept}; {proof}; {cost}."
    if document["status"] == Status.OPTIMAL or document["gap"] == 0:
        return f"{kept}; {cost}, proven the least possible."
    if document["gap"] is None:
        return f"{kept}; {cost}, no lower bound is proven, so a cheaper plan may exist."
    return f"{kept}; {cost}, proven within {per_cent_up(document['gap'])} of the least possible."


def per_cent_up(fraction: float) -> str:
    """A fraction in per cent, rounded up to a hundredth: 0.01203 is `1.21 %`."""
    return f"{math.ceil(round(fraction * 10_000, 6)) / 100:g} %"


def head(view: View) -> Markup:
    """City, date, status in words and the promises that are broken."""
    status = str(view.document["status"])
    words = status_words(len(view.problem.appointments), len(view.broken), view.document)
    tone = "bad" if view.broken else "good"
    lines = [tag("p", tag("b", status, class_="badge"), " ", words)]
    if view.broken:
        named = ", ".join(u.visit.visit_id for u in view.broken[:NAMED])
        more = f" and {whole(len(view.broken) - NAMED)} more" if len(view.broken) > NAMED else ""
        lines.append(tag("p", f"Broken: {named}{more}. ", tag("a", "Reasons", href="#unassigned")))
    name = tag("p", view.day_name, class_="day-name") if view.day_name else ""
    title = tag("h1", view.city, " ", tag("span", view.date_words))
    return tag("header", title, name, tag("div", *lines, class_=f"status {tone}"))


def figures(view: View) -> Markup:
    """The key figures, each a sum over the routes of this very page."""
    routes = view.routes
    promises, deliveries = len(view.problem.appointments), len(view.problem.deliveries)
    over = [route.overtime_s for route in routes if route.overtime_s]
    driven = f"{kilometres(sum(r.distance_m for r in routes))}; {duration(sum(r.drive_s for r in routes))} on the clock"
    waits = sum(r.wait_s for r in routes)
    tiles = (
        ("Appointments kept", f"{whole(promises - len(view.broken))} of {whole(promises)}", _broken_words(view)),
        (
            "Deliveries made",
            f"{whole(deliveries - len(view.left))} of {whole(deliveries)}",
            f"{whole(len(view.left))} left for another day",
        ),
        ("Travel", duration(sum(r.travel_s for r in routes)), driven),
        ("Waiting", duration(waits), f"{duration(waits // len(routes)) if routes else '0 min'} per route"),
        ("Overtime", duration(sum(over)), count(len(over), "executive")),
        ("Executives out", f"{whole(len(routes))} of {whole(len(view.working))}", _stops_words(routes)),
        _busy_tile(routes),
    )
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value), tag("dd", more, class_="more")) for name, value, more in tiles),
        class_="tiles",
    )


def _broken_words(view: View) -> str:
    return f"{whole(len(view.broken))} broken" if view.broken else "none broken"


def _stops_words(routes: tuple[RouteView, ...]) -> str:
    if not routes:
        return "no routes"
    counts = [len(route.stops) for route in routes]
    return f"{min(counts)} to {max(counts)} stops each" if min(counts) < max(counts) else f"{min(counts)} stops each"


def _busy_tile(routes: tuple[RouteView, ...]) -> tuple[str, str, str]:
    if not routes:
        return "Busy time spread", "0 min", "no routes"
    busy = [route.busy_s for route in routes]
    return "Busy time spread", duration(max(busy) - min(busy)), f"{duration(min(busy))} to {duration(max(busy))}"


# ----------------------------------------------------------------------------------- map legend


def legend(view: View) -> Markup:
    """Every executive with colour, dashes and figures; the script lets a click highlight the route."""
    if not view.working:
        return tag("p", NOBODY, class_="side none")
    entries = [
        tag(
            "li",
            tag("button", swatch(), tag("b", w.executive_id), " ", tag("span", w.summary), type="button",
                aria_pressed="false", data_e=w.executive_id),
            class_=w.style if w.route else f"{w.style} idle",
        )
        for w in view.working
    ]  # fmt: skip
    hint = tag("p", "Click an executive to see one route alone; click again or press Esc for all.", class_="hint js")
    return tag("div", hint, tag("ul", *entries, class_="legend"), class_="side")


# ---------------------------------------------------------------------------------------- slots


def slots(view: View) -> Markup:
    """Appointments per slot against the executives who could take one."""
    problem = view.problem
    promised = dict.fromkeys(problem.grid.slots(), 0)
    broken = dict(promised)
    for visit in problem.appointments:
        promised[visit.slot] += 1
    for left in view.broken:
        if isinstance(left.visit, Appointment):
            broken[left.visit.slot] += 1
    on_shift = dict(zip(promised, _executives_per_slot(view), strict=True))
    most = max([1, *promised.values(), *on_shift.values()])
    rows = []
    for slot, booked in promised.items():
        kept = booked - broken[slot]
        bars = [tag("i", class_="room", style=f"width:{100 * on_shift[slot] / most:.1f}%")]
        bars.append(tag("i", class_="kept", style=f"width:{100 * kept / most:.1f}%"))
        if broken[slot]:
            bars.append(
                tag("i", class_="lost", style=f"left:{100 * kept / most:.1f}%;width:{100 * broken[slot] / most:.1f}%")
            )
        says = f"{kept} of {on_shift[slot]}" + (f", {broken[slot]} broken" if broken[slot] else "")
        rows.append(
            tag(
                "tr",
                tag("th", span(slot.open_s, slot.close_s), scope="row"),
                tag("td", tag("div", *bars, class_="bars"), class_="bar", aria_hidden="true"),
                tag("td", says),
            )
        )
    header = tag("tr", *(tag("th", name, scope="col") for name in ("Slot", "", "Kept")))
    hint = (
        "Bars are appointments kept; their frame, the second number, executives who could take one: one each at most."
    )
    return join(
        (tag("table", tag("thead", header), tag("tbody", *rows), class_="slots"), tag("p", hint, class_="hint"))
    )


def _executives_per_slot(view: View) -> list[int]:
    """Executives who could take an appointment of a slot, as the report counts them, else those on shift then."""
    told = (view.document.get("kpis") or {}).get("slots") or ()
    if len(told) == len(view.problem.grid):
        return [use["executives"] for use in told]
    executives = view.problem.executives
    return [
        sum(e.shift.open_s < slot.close_s and slot.open_s < e.shift.close_s for e in executives)
        for slot in view.problem.grid.slots()
    ]


# ---------------------------------------------------------------------------- unassigned visits


def unassigned(view: View) -> Markup:
    """Broken promises first, then deliveries left for another day, each with its reason."""
    if not view.unassigned:
        return tag("p", "Every visit of the day is on a route.", class_="none")
    names = ("Visit", "What", "Slot or window", "Why")
    header = tag("tr", *(tag("th", name, scope="col") for name in names))
    rows = [_unassigned_row(view, left) for left in (*view.broken, *view.left)]
    return _scrolling(tag("table", tag("thead", header), tag("tbody", *rows), class_="list"))


def _unassigned_row(view: View, left: Unassigned) -> Markup:
    visit = left.visit
    broken = isinstance(visit, Appointment)
    what = f"{'broken promise' if broken else 'delivery left'}{', ' + view.service(visit) if visit.service_id else ''}"
    return tag(
        "tr",
        tag("th", visit.visit_id, scope="row"),
        tag("td", what),
        tag("td", view.promise(visit)),
        tag("td", *(_reason(why) for why in left.reasons or NO_REASON)),
        class_="lost" if broken else None,
        data_v=visit.visit_id,
    )


def _reason(why: Why) -> Markup:
    proof = tag("span", why.proof, class_="proof") if why.proof else ""
    return tag("div", why.text, " ", tag("code", why.code) if why.code else "", " ", proof, class_="why")


# ------------------------------------------------------------------------------------- rosters

ROSTER_COLUMNS = ("#", "Visit", "What", "Slot or window", "Arrive", "Start", "End", "Travel", "Wait", "Where")


def rosters(view: View) -> Markup:
    """A table of stops for every executive, one printed page each."""
    idle = [w.executive_id for w in view.working if w.route is None]
    parts = [_roster(view, working, working.route) for working in view.working if working.route]
    if idle:
        parts.append(tag("p", f"Without visits: {', '.join(idle)}.", class_="none", id="idle"))
        parts.extend(tag("span", id=f"roster-{executive_id}") for executive_id in idle)
    if not view.working:
        parts.append(tag("p", NOBODY, class_="none"))
    return join(parts)


def _roster(view: View, working: Working, route: RouteView) -> Markup:
    executive = working.executive
    header = tag("tr", *(tag("th", name, scope="col") for name in ROSTER_COLUMNS))
    ordered = [
        (
            route.depart_s,
            0,
            _plain_row(f"Leaves {place_words(view.problem, executive, executive.start.place_id)}", route.depart_s),
        )
    ]
    if route.pause:
        place = place_words(view.problem, executive, route.pause.place_id)
        ordered.append(
            (route.pause.start_s, 1, _plain_row(f"Break at {place}", route.pause.start_s, route.pause.end_s))
        )
    ordered.extend((stop.start_s, 2, _stop_row(view, stop)) for stop in route.stops)
    back = _plain_row(f"Back at {place_words(view.problem, executive, executive.end.place_id)}", route.return_s)
    ordered.append((route.return_s, 3, back))
    rows = [row for _, _, row in sorted(ordered, key=lambda each: each[:2])]
    facts = (
        f"shift {shift_words(executive)}; {working.summary}; {duration(route.drive_s)} travelling, "
        f"{duration(route.wait_s)} waiting, {duration(route.overtime_s)} overtime"
    )
    if executive.skills:
        facts += f"; skills {', '.join(sorted(executive.skills))}"
    summary = tag(
        "summary",
        tag("b", executive.executive_id),
        " ",
        tag("span", f"{view.city}, {view.date_words}", class_="print-only"),
        " ",
        tag("span", facts, class_="facts"),
    )
    button = tag("button", "Print this roster", type="button", class_="print js", data_print=executive.executive_id)
    table = _scrolling(tag("table", tag("thead", header), tag("tbody", *rows), class_="list stops"))
    return tag(
        "details",
        summary,
        button,
        table,
        open="open",
        class_=f"roster {working.style}",
        id=f"roster-{executive.executive_id}",
        data_e=executive.executive_id,
    )


def _stop_row(view: View, stop: StopView) -> Markup:
    visit = stop.visit
    what = f"{kind_of(visit)}{', ' + view.service(visit) if visit.service_id else ''}"
    where = f"{visit.place.lat:.5f}, {visit.place.lon:.5f}"
    geo = f"geo:{visit.place.lat:.5f},{visit.place.lon:.5f}"
    return tag(
        "tr",
        tag("td", str(stop.sequence), class_="seq"),
        tag("th", visit.visit_id, scope="row"),
        tag("td", what),
        tag("td", view.promise(visit)),
        tag("td", hhmm(stop.arrival_s)),
        tag("td", hhmm(stop.start_s), class_="main"),
        tag("td", hhmm(stop.end_s)),
        tag("td", f"{duration(stop.drive_s)}, {kilometres(stop.distance_m)}"),
        tag("td", duration(stop.wait_s) if stop.wait_s else ""),
        tag("td", tag("a", where, href=geo)),
        class_=kind_of(visit),
        data_v=visit.visit_id,
    )


def _plain_row(words: str, from_s: int, to_s: int | None = None) -> Markup:
    times = tag("td"), tag("td", hhmm(from_s)), tag("td", hhmm(to_s) if to_s is not None else "")
    if to_s is None:
        times = tag("td", hhmm(from_s)), tag("td"), tag("td")
    return tag("tr", tag("td"), tag("td", words, colspan=3), *times, tag("td", colspan=3), class_="aside")


def _scrolling(table: Markup) -> Markup:
    return tag("div", table, class_="scroll")


# ------------------------------------------------------------------------------------ provenance


def provenance(view: View) -> Markup:
    """How the plan was made and how to make it again, and what its cost is made of."""
    document = view.document
    bound = document["lower_bound"]
    facts = (
        ("Status", str(document["status"])),
        ("Engine", str(document["engine"])),
        ("Seed", str(document["seed"])),
        ("Threads", str(document["threads"])),
        ("Runtime", f"{document['runtime_s']:.2f} s"),
        ("Lower bound", "none proven" if bound is None else f"{whole(bound)} cost seconds"),
        ("Travel times", str(document["travel_origin"])),
        ("Input (sha-256)", str(document["input_sha256"] or "not read from a file")),
    )
    terms = [(TERMS.get(key, key.replace("_", " ")), whole(value)) for key, value in document["cost_terms"].items()]
    terms.append(("sum", whole(document["cost"])))
    note = tag("p", "One cost second is worth one second of travel. Waiting and service cost nothing.", class_="hint")
    cost = tag("div", tag("h3", "Cost of the plan, in cost seconds"), _definitions(terms, "facts numbers"), note)
    return tag("div", tag("div", tag("h3", "How it was made"), _definitions(facts, "facts")), cost, class_="two")


def all_figures(view: View) -> Markup:
    """Every single figure of the report; its lists are on the page already. Nothing where there is no report."""
    rows = [
        (key.removesuffix("_s").removesuffix("_m").replace("_", " "), _figure(key, value))
        for key, value in (view.document.get("kpis") or {}).items()
        if not isinstance(value, Mapping | list)
    ]
    if not rows:
        return Markup("")
    return tag(
        "details", tag("summary", "All figures of the report"), _definitions(rows, "facts numbers"), class_="kpis"
    )


def _figure(key: str, value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        if key.endswith("_s"):
            return f"{whole(value)} s ({duration(value)})" if value >= 60 else f"{value} s"
        return f"{whole(value)} m ({kilometres(value)})" if key.endswith("_m") else whole(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _definitions(pairs: Iterable[tuple[str, str]], classes: str) -> Markup:
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_=classes)
