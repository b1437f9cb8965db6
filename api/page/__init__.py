"""The plan page: one HTML file with map, timeline and rosters of a day, for dispatch planners.

It opens without a network: nothing is fetched, and a content security policy written into the page says so
to the browser. Everything can be read without the script and on paper; the script only adds highlighting,
zooming and short explanations under the pointer. The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from api.page import sections
from api.page.city_map import map_figure
from api.page.markup import Markup, join, tag
from api.page.timeline import timeline_figure
from api.page.view import Landmark, View, read_view
from optimizer.domain import Problem

__all__ = ["Landmark", "plan_page"]


def plan_page(
    problem: Problem,
    document: Mapping[str, Any],
    *,
    city_name: str | None = None,
    day_name: str | None = None,
    service_names: Mapping[str, str] | None = None,
    landmarks: Iterable[Landmark] = (),
) -> str:
    """The page of a plan as HTML.

    Parameters
    ----------
    problem
        The day that was planned: executives, shifts, places and slots are drawn from it.
    document
        The plan.json document of that day (schema_version 1); `kpis` may be missing.
    city_name, day_name
        What the head of the page says; the id of the city, and nothing, unless given.
    service_names
        Names by service id; ids stand for themselves where a name is missing.
    landmarks
        Names to write on the map, the most important first; none unless given.

    Raises ValueError when the document is the plan of another day.
    """
    view = read_view(
        problem, document, city_name or problem.city.capitalize(), day_name, service_names or {}, tuple(landmarks)
    )
    script = _asset("page.js")
    return "<!DOCTYPE html>\n" + tag(
        "html", _head(view, script), tag("body", *_body(view), tag("script", Markup(script))), lang="en"
    )


def _head(view: View, script: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{view.city}, {view.date_words}: day plan"),
        tag("style", Markup(_asset("page.css"))),
    )


def _body(view: View) -> Iterable[Markup]:
    links = {"map-part": "Map", "timeline": "Timeline", "slots": "Slots", "unassigned": "Not planned"}
    links |= {"rosters": "Rosters", "made": "How it was made"}
    yield tag("nav", *(tag("a", words, href=f"#{anchor}") for anchor, words in links.items()), aria_label="Parts")
    yield tag("main", *_parts(view))
    yield tag("div", id="tip", role="tooltip", hidden="hidden")


def _parts(view: View) -> Iterable[Markup]:
    yield sections.head(view)
    yield sections.figures(view)
    yield _part("map-part", "Map", tag("div", map_figure(view), sections.legend(view), class_="map-and-legend"))
    yield _part("timeline", "Timeline", timeline_figure(view))
    slots = _part("slots", "Slots", sections.slots(view))
    left = _part("unassigned", "Not planned", sections.unassigned(view))
    yield tag("div", slots, left, class_="two wide")
    folding = tag(
        "p",
        tag("button", "Close all", type="button", data_fold="close"),
        tag("button", "Open all", type="button", data_fold="open"),
        class_="fold js",
    )
    yield _part("rosters", "Rosters", join((folding, sections.rosters(view))))
    yield _part("made", "How the plan was made", join((sections.provenance(view), sections.all_figures(view))))


def _part(anchor: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=anchor)


@lru_cache(maxsize=2)
def _asset(name: str) -> str:
    return (files("api.page") / "assets" / name).read_text(encoding="utf-8").strip()
