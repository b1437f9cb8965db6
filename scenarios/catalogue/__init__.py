"""The facts: cities, services, localities, demand, and the rules of the scheme, read from one folder of tables.

A service is a row, and so is a city: nothing in the engine knows how many there are. The folder
`scenarios/data` is the default; another folder with the same tables serves another state.
`cities.csv`, `services.csv` and `rules.json` must be there, every other table may be missing. Numbers that
nobody has published are empty, never invented; what is assumed says ASSUMPTION in its basis column.

Reading checks everything and reports all faults at once, each with file, line, column, value and rule.
"""

from scenarios.catalogue.nouns import (
    Basis,
    Catalogue,
    City,
    CityGeometry,
    CityVolume,
    DemandFact,
    HourShape,
    Locality,
    SchemeRules,
    Service,
    VisitPattern,
)
from scenarios.catalogue.tables import load_catalogue

__all__ = [
    "Basis",
    "Catalogue",
    "City",
    "CityGeometry",
    "CityVolume",
    "DemandFact",
    "HourShape",
    "Locality",
    "SchemeRules",
    "Service",
    "VisitPattern",
    "load_catalogue",
]
