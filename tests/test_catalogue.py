"""The catalogue: what is committed is sound, what is broken is named with its place, a service is a row."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.domain import InvalidProblem, ServiceRules
from scenarios import catalogue as catalogue_module
from scenarios.catalogue import Catalogue, VisitPattern, load_catalogue

DATA = Path(catalogue_module.__file__).parents[1] / "data"
DAY = dt.date(2026, 12, 1)


@pytest.fixture(scope="module")
def facts() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the committed tables to be spoilt."""
    for source in [*DATA.glob("*.csv"), DATA / "rules.json"]:
        shutil.copy(source, tmp_path)
    return tmp_path


def edited(folder: Path, name: str, change: Callable[[list[list[str]]], None]) -> None:
    """Change the cells of a table in place; row 0 is the heading."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))
    change(cells)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(cells)


def set_cell(folder: Path, name: str, line: int, column: str, value: str) -> None:
    def change(cells: list[list[str]]) -> None:
        cells[line - 1][cells[0].index(column)] = value

    edited(folder, name, change)


def faults_of(folder: Path) -> set[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(InvalidProblem) as caught:
        load_catalogue(folder)
    return {(fault.path, fault.code) for fault in caught.value.faults}


# ------------------------------------------------------------------------------ what is committed


def test_the_fourteen_launch_cities_are_there_and_the_extension_is_marked(facts: Catalogue) -> None:
    launch = facts.cities_in_scheme()
    assert [city.city_id for city in launch] == [
        *("ambikapur", "bilaspur", "dhamtari", "korba", "rajnandgaon", "bhilai", "birgaon", "durg"),
        *("raigarh", "risali", "bhilai_charoda", "chirmiri", "jagdalpur", "raipur"),
    ]
    everyone = facts.cities_in_scheme(include_extension=True)
    assert len(everyone) == 58
    assert all(city.in_scheme_since == dt.date(2022, 5, 1) for city in launch)
    assert {city.in_scheme_since for city in everyone if city.extension} == {dt.date(2023, 7, 1)}


def test_hindi_names_round_trip(facts: Catalogue) -> None:
    for city in facts.cities:
        assert facts.city(city.name_hi) is city
        assert facts.city(city.name_en.upper()) is city
    assert facts.city("रायपुर").city_id == "raipur"
    assert facts.service("आय प्रमाण पत्र").service_id == "income"


def test_every_office_is_marked_as_the_proxy_it_is(facts: Catalogue) -> None:
    assert all(city.office_is_proxy for city in facts.cities)
    assert all(city.office == city.office and city.office.place_id == "office" for city in facts.cities)
    kanker = facts.city("kanker")
    assert (kanker.office.lon, kanker.office.lat) == (kanker.centre.lon, kanker.centre.lat)


def test_the_rules_of_the_scheme_are_those_of_the_model(facts: Catalogue) -> None:
    assert facts.rules == ServiceRules()
    assert facts.scheme.services_per_slot == 1
    assert facts.scheme.application_fee_rs == 50
    assert facts.scheme.payment_modes == ("cash", "upi", "other_digital")
    assert facts.scheme.travel_margin_percent == 25
    assert facts.scheme.basis["cutoff_hours"].basis == "fact"
    assert facts.scheme.basis["due_days_default"].basis == "ASSUMPTION"


def test_a_fee_nobody_has_published_is_unknown_not_zero(facts: Catalogue) -> None:
    assert facts.total_fee_rs(facts.service("income")) is None
    assert facts.total_fee_rs(facts.service("domicile")) == 80
    assert facts.total_fee_rs(facts.service("birth_certificate")) == 50


def test_a_service_says_what_it_takes(facts: Catalogue) -> None:
    child = facts.service("aadhaar_child_enrolment")
    assert child.skills == {"aadhaar_kit"}
    assert child.pattern is VisitPattern.ONE_VISIT
    assert not child.needs_delivery
    domicile = facts.service("domicile")
    assert (domicile.statutory_days, domicile.collect_s, domicile.deliver_s) == (15, 1500, 360)
    assert len(domicile.documents) == 3
    assert all(service.minutes_basis == "ASSUMPTION" for service in facts.services)


def test_services_come_with_their_date_and_their_city(facts: Catalogue) -> None:
    assert len(facts.services_on(dt.date(2022, 4, 30))) == 0
    assert len(facts.services_on(dt.date(2022, 5, 1))) == 13
    assert len(facts.services_on(DAY, "raipur")) == 22
    assert facts.services_on(dt.date(2023, 6, 30), "kanker") == ()
    assert len(facts.services_on(dt.date(2023, 7, 1), "kanker")) == 22


def test_every_launch_city_has_a_gazetteer_a_reach_a_volume(facts: Catalogue) -> None:
    for city in facts.cities_in_scheme():
        assert facts.localities_of(city)
        assert facts.geometry_of(city) is not None
        assert facts.volume_of(city) is not None
    assert sum(volume.collections_as_run_tenths for volume in facts.volumes) == pytest.approx(4500, abs=10)
    assert sum(facts.service_share_tenths.values()) == 1000
    assert facts.speed_kmh_by_hour is not None
    assert facts.speed_kmh_by_hour[18] == 20.0
    assert len(facts.demand_facts) == 72


def test_school_rows_are_coarse_and_can_be_removed(folder: Path, facts: Catalogue) -> None:
    schools = [row for row in facts.localities if row.kind == "school_locality"]
    assert all(round(row.lon, 3) == row.lon and round(row.lat, 3) == row.lat for row in schools)
    (folder / "localities_schools.csv").unlink(missing_ok=True)
    without = load_catalogue(folder)
    assert len(without.localities) == len(facts.localities) - len(schools)
    assert {row.licence for row in without.localities} == {"GODL-India", "CC0"}


def test_the_notice_names_the_file_without_a_licence() -> None:
    notice = DATA.parents[1] / "NOTICE"
    if not notice.exists():
        pytest.skip("an installed package keeps its notice elsewhere")
    assert "scenarios/data/localities_schools.csv" in notice.read_text(encoding="utf-8")


def test_the_default_catalogue_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()


# ------------------------------------------------------------------------------------ size


def test_a_hundred_and_twenty_services_and_a_hundred_and_seventy_cities_load(tmp_path: Path) -> None:
    shutil.copy(DATA / "rules.json", tmp_path)
    cities = ["city_id,name_en,name_hi,centre_lon,centre_lat,in_scheme_since"]
    cities += [f"city{n},City {n},शहर {n},81.{n:03d},21.{n:03d},2022-05-01" for n in range(170)]
    (tmp_path / "cities.csv").write_text("\n".join(cities), encoding="utf-8")
    services = ["service_id,name_en,name_hi,department,visit_pattern,collect_minutes,deliver_minutes,since,cities"]
    services += [
        f"service{n},Service {n},सेवा {n},Revenue,two_visits,{5 + n % 50},6,2022-05-01,{'city7; city9' if n % 2 else ''}"
        for n in range(120)
    ]
    (tmp_path / "services.csv").write_text("\n".join(services), encoding="utf-8")
    facts = load_catalogue(tmp_path)
    assert (len(facts.cities), len(facts.services)) == (170, 120)
    assert facts.city("शहर 169").city_id == "city169"
    assert len(facts.services_on(DAY, "city7")) == 120
    assert len(facts.services_on(DAY, "city8")) == 60
    assert facts.localities == ()
    assert facts.speed_kmh_by_hour is None


def test_byte_order_mark_and_windows_line_ends_change_nothing(folder: Path, facts: Catalogue) -> None:
    for name in ("cities.csv", "services.csv"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    again = load_catalogue(folder)
    assert again.cities == facts.cities
    assert again.services == facts.services


# ----------------------------------------------------------------------------------- faults


def test_all_faults_are_reported_at_once_with_file_line_and_column(folder: Path) -> None:
    set_cell(folder, "cities.csv", 3, "centre_lon", "22.08086")
    set_cell(folder, "cities.csv", 4, "population", "many")
    set_cell(folder, "cities.csv", 5, "city_id", "raipur")
    set_cell(folder, "services.csv", 2, "since", "01-05-2022")
    set_cell(folder, "services.csv", 3, "collect_minutes", "-3")
    set_cell(folder, "services.csv", 4, "visit_pattern", "thrice")
    set_cell(folder, "services.csv", 5, "cities", "raipur; atlantis")
    set_cell(folder, "services.csv", 6, "payment_modes", "cheque")
    set_cell(folder, "localities.csv", 2, "pincode", "49200")
    set_cell(folder, "service_mix.csv", 2, "service_id", "horoscope")
    set_cell(folder, "city_geometry.csv", 2, "p90_radius_km", "0.1")
    found = faults_of(folder)
    assert found >= {
        (("cities.csv", 3, "centre_lon"), "out_of_range"),
        (("cities.csv", 4, "population"), "not_a_number"),
        (("cities.csv", 15, "city_id"), "duplicate_id"),
        (("services.csv", 2, "since"), "bad_date"),
        (("services.csv", 3, "collect_minutes"), "out_of_range"),
        (("services.csv", 4, "visit_pattern"), "bad_choice"),
        (("services.csv", 5, "cities"), "unknown_city"),
        (("services.csv", 6, "payment_modes"), "bad_choice"),
        (("localities.csv", 2, "pincode"), "bad_pincode"),
        (("service_mix.csv", 2, "service_id"), "unknown_service"),
        (("city_geometry.csv", 2, "p90_radius_km"), "bad_order"),
    }
    # Korba lost its id to the duplicate, so its rows elsewhere name a city that is gone; nothing else is reported.
    assert {code for path, code in found if path[0] != "cities.csv" and "city_id" in path} == {"unknown_city"}


def test_a_line_of_the_wrong_length_is_named_and_the_lines_after_it_keep_their_numbers(folder: Path) -> None:
    set_cell(folder, "cities.csv", 2, "note", "two\nlines")
    edited(folder, "cities.csv", lambda cells: cells[2].append("too much"))
    set_cell(folder, "cities.csv", 4, "wards", "1.5")
    assert faults_of(folder) >= {(("cities.csv", 4), "wrong_length"), (("cities.csv", 5, "wards"), "not_whole")}


@pytest.mark.parametrize(
    ("name", "content", "path", "code"),
    [
        ("cities.csv", None, ("cities.csv",), "missing_file"),
        ("rules.json", None, ("rules.json",), "missing_file"),
        ("cities.csv", b"\xff\xfe\x00", ("cities.csv",), "not_utf8"),
        ("cities.csv", b"", ("cities.csv", 1, "city_id"), "missing_column"),
        ("demand_shape.csv", b"hour,weight_weekday\n8,1\n", ("demand_shape.csv", 1, "weight_sunday"), "missing_column"),
        ("service_mix.csv", b"service_id,share_percent,x\n", ("service_mix.csv", 1, "x"), "unknown_column"),
        ("service_mix.csv", b'service_id,share_percent\n"income,3\n', ("service_mix.csv", 2), "bad_csv"),
        ("rules.json", b'{"schema_version": 1,\n"rules": oops}', ("rules.json", 2, 10), "bad_json"),
        ("rules.json", b"[]", ("rules.json",), "wrong_type"),
    ],
)
def test_a_broken_file_is_a_fault_not_a_traceback(
    folder: Path, name: str, content: bytes | None, path: tuple[str | int, ...], code: str
) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    found = faults_of(folder)
    assert (path, code) in found
    # What refers to a table that cannot be read is not blamed for it.
    assert not any(fault_code.startswith("unknown_c") and fault_code != code for _, fault_code in found)


@pytest.mark.parametrize(
    ("section", "entry", "value", "code"),
    [
        ("rules", "open", "8 o'clock", "bad_value"),
        ("rules", "closed_every_year", ["02-30"], "bad_value"),
        ("rules", "closed_dates", "2026-12-01", "bad_value"),
        ("rules", "services_per_slot", 2, "bad_value"),
        ("rules", "slot_minutes", True, "bad_value"),
        ("assumptions", "kit_percent", 101, "bad_value"),
    ],
)
def test_a_rule_with_a_bad_value_is_named(folder: Path, section: str, entry: str, value: object, code: str) -> None:
    tree = json.loads((folder / "rules.json").read_text(encoding="utf-8"))
    tree[section][entry]["value"] = value
    (folder / "rules.json").write_text(json.dumps(tree), encoding="utf-8")
    assert faults_of(folder) == {(("rules.json", section, entry, "value"), code)}


def test_rules_that_contradict_each_other_are_refused(folder: Path) -> None:
    tree = json.loads((folder / "rules.json").read_text(encoding="utf-8"))
    tree["rules"]["slot_minutes"]["value"] = 50
    tree["rules"]["rubber_stamp"] = tree["rules"]["open"]
    (folder / "rules.json").write_text(json.dumps(tree), encoding="utf-8")
    assert faults_of(folder) == {(("rules.json", "rules", "rubber_stamp"), "unknown_field")}
    del tree["rules"]["rubber_stamp"]
    (folder / "rules.json").write_text(json.dumps(tree), encoding="utf-8")
    assert faults_of(folder) == {(("rules.json", "rules", "slot_s"), "bad_slot_length")}


def test_an_unknown_name_is_answered_with_near_ones(facts: Catalogue) -> None:
    with pytest.raises(InvalidProblem, match="raipur") as caught:
        facts.city("raipurr")
    assert caught.value.faults[0].code == "unknown_city"
    with pytest.raises(InvalidProblem, match="income") as caught:
        facts.service("incom")
    assert caught.value.faults[0].code == "unknown_service"
