"""The page of a study: one HTML file with charts and tables that opens without a network.

There is no script, nothing is fetched, and the same results give the same bytes. Every number that is drawn stands in a
table, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files

from api.page.markup import Markup, join, tag
from api.study_cli.charts import chart
from api.study_cli.told import (
    COMPARED,
    changed,
    command_line,
    days,
    heads,
    interval_words,
    known_words,
    spec_words,
)
from scenarios.catalogue import Catalogue
from scenarios.study import MEASURES, Difference, Findings, Interval, Measure, StudySpec

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_BY_NAME = {measure.name: measure for measure in MEASURES}


def study_page(catalogue: Catalogue, spec: StudySpec, findings: Findings, failed: int) -> str:
    """The page as HTML; `failed` days could not be simulated."""
    city = catalogue.city(spec.city)
    title = f"{city.name_en} ({city.name_hi}): how many executives?"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(_css())),
    )
    main = tag("main", tag("h1", title), *_parts(catalogue, spec, findings, failed))
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", main), lang="en") + "\n"


def _parts(catalogue: Catalogue, spec: StudySpec, findings: Findings, failed: int) -> Iterator[Markup]:
    seeds = max(row.seeds for row in findings.rows)
    met = f"every setting met the same {'day' if seeds == 1 else days(seeds)} of wishes"
    yield tag("p", f"{spec_words(catalogue, spec, findings)}; {met}.", class_="lead")
    if failed:
        yield tag("p", f"{days(failed)} could not be simulated and are missing here.", class_="warning")
    yield _charts(findings, "served_percent")
    yield _charts(findings, "busy_hours_per_executive", "overtime_minutes_per_executive")
    yield _section("Results", _settings(findings), _how_to_read(findings))
    for heading, differences in (
        ("What more executives change", findings.more_executives),
        ("What longer slots change", findings.longer_slots),
    ):
        if differences:
            yield _section(heading, _differences(heading, differences))
    yield _section("How it was made", *_made(spec, findings))


def _section(heading: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", heading), *content)


def _charts(findings: Findings, *names: str) -> Markup:
    drawn = [chart(findings.rows, _BY_NAME[name], wide=len(names) == 1) for name in names]
    return tag("div", *drawn, class_="charts")


# ----------------------------------------------------------------------------------------- tables


def _settings(findings: Findings) -> Markup:
    rows = []
    for row in findings.rows:
        found = [row.measures[m.name] for m in MEASURES]
        cells = [_cell(known_words(interval_words(each), each, row.seeds)) for each in found]
        setting = row.setting
        rows.append([str(setting.executives), str(setting.slot_minutes), str(row.seeds), *cells])
    return _table("Results by setting", MEASURES, rows)


def _differences(caption: str, differences: Sequence[Difference]) -> Markup:
    rows = []
    for d in differences:
        cells = [_cell(interval_words(d.measures[m.name], signed=True), _clear(d.measures[m.name])) for m in COMPARED]
        who = changed(d.since.executives, d.to.executives)
        rows.append([who, changed(d.since.slot_minutes, d.to.slot_minutes), str(d.seeds), *cells])
    words = "Differences are taken day by day: both settings met the same wishes. Bold: the interval leaves out zero."
    return join((_table(caption, COMPARED, rows), tag("p", words, class_="hint")))


def _clear(found: Interval | None) -> bool:
    """The whole interval lies on one side of zero: chance alone would hardly make such a difference."""
    return found is not None and found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)


def _cell(words: str | None, strong: bool = False) -> Markup:
    """The mean, and below it the interval."""
    if words is None:
        return Markup("&#8211;")
    mean, _, rest = words.partition(" ")
    shown = tag("strong" if strong else "span", mean.replace("-", "\u2212"), class_="mean")
    return join((shown, tag("small", rest.replace("-", "\u2212"))) if rest else (shown,), " ")


def _table(caption: str, measures: Sequence[Measure], rows: Sequence[Sequence[str]]) -> Markup:
    columns = ["executives", "slots, min", "days", *heads(measures)]
    head = tag("tr", *(tag("th", column, scope="col") for column in columns))
    body = []
    above = ""
    for row in rows:
        first, *others = row
        cells = [tag("th", first, scope="row"), *(tag("td", cell) for cell in others)]
        body.append(tag("tr", *cells, class_="new" if first != above else None))
        above = first
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


# ------------------------------------------------------------------------------------------ words


def _how_to_read(findings: Findings) -> Markup:
    lines = [
        "Each number is a mean over simulated days; below it stands its 95 % interval by Student's t. It is an "
        "interval of the mean, not of single days, and may reach beyond 100 %. Where fewer days have a value, their "
        "number stands behind.",
        "Wishes served: of all who asked. First choice: in the slot that was asked for first. Deliveries that are not "
        "made wait for another day.",
        "Travel a visit is reference travel, the way back included. Busy (service and reference travel) and overtime "
        "are per executive on the roster.",
        "Gap: how far the plans of the day are at most above what is proven to be possible.",
    ]
    too_long = sum(result.too_long for result in findings.results)
    if too_long:
        asked = sum(result.wishes for result in findings.results)
        lines.append(
            f"{too_long:,} of {asked:,} wishes were for a service that takes longer than a slot; they count as not "
            "served."
        )
    unproved = sum(result.not_proved for result in findings.results)
    if unproved:
        refused = sum(result.wishes - result.accepted - result.too_long for result in findings.results)
        lines.append(
            f"Of {refused:,} other wishes that were not served, {unproved:,} were refused without a proof that there "
            "was no way to serve them."
        )
    return tag("ul", *(tag("li", line) for line in lines), class_="hint")


def _made(spec: StudySpec, findings: Findings) -> Iterator[Markup]:
    limit = f"{spec.time_limit_s:g} s" if spec.iterations is None else f"{spec.iterations:,} iterations"
    yield tag(
        "p",
        f"{days(len(findings.results))} simulated. On each, citizens ask one after the other for the slot of their "
        "moment and take the nearest slot that is offered; every promise is kept by a complete plan. Then the day is "
        f"planned with its deliveries (engine auto, at most {limit}) and judged by the checker. The wishes of a seed "
        "are the same whoever works and however long slots are.",
    )
    yield tag("p", "Addresses, services, hours, minutes at the door and travel times are made up from the catalogue.")
    yield tag("pre", tag("code", command_line(spec)), tabindex="0")
    yield tag("p", f"mitaan-optimizer {version('mitaan-optimizer')}", class_="hint")


@lru_cache(maxsize=1)
def _css() -> str:
    return (files("api.study_cli") / "study.css").read_text(encoding="utf-8").strip()
