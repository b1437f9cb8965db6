"""Where a citizen is: points inside and outside the service area, localities by name, PIN codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from geopy.distance import geodesic

from optimizer.domain import Fault, InvalidProblem, Place
from scenarios.catalogue import Catalogue, City, CityGeometry, Locality, load_catalogue
from scenarios.generate.addresses import AddressBook
from scenarios.generate.dice import Dice
from scenarios.places import (
    AREA_SLACK_M,
    ASSUMED_REACH_M,
    LEAST_SPREAD_M,
    ServiceArea,
    Whereabouts,
    service_area,
    whereabouts,
)

FACTS = load_catalogue()
RAIPUR, BILASPUR, BHILAI, RISALI, AKALTARA = (
    FACTS.city(name) for name in ("raipur", "bilaspur", "bhilai", "risali", "akaltara")
)


def row(
    name: str,
    lon: float = 82.13,
    lat: float = 22.09,
    *,
    kind: str = "post_office",
    pincode: str | None = "495001",
    weight: int = 1,
    spread_m: int = 0,
    city: City = BILASPUR,
) -> Locality:
    return Locality(city.city_id, name, kind, lon, lat, pincode, weight, spread_m, "", "", "")


def gazetteer(*rows: Locality) -> Catalogue:
    """The facts with nothing but these localities."""
    return replace(FACTS, localities=rows)


def refused(catalogue: Catalogue, city: City, **given: Any) -> tuple[Fault, ...]:
    with pytest.raises(InvalidProblem) as caught:
        whereabouts(catalogue, city, **given)
    return caught.value.faults


def the_fault(catalogue: Catalogue, city: City, **given: Any) -> Fault:
    faults = refused(catalogue, city, **given)
    assert len(faults) == 1
    return faults[0]


# -------------------------------------------------------------------------------- service area


def test_the_area_of_a_city_reaches_its_outermost_point_and_some_slack_more() -> None:
    geometry = FACTS.geometry_of(RAIPUR)
    assert geometry is not None
    assert service_area(FACTS, RAIPUR) == ServiceArea(81.6369, 21.2425, 9_970 + 1_500)
    assert (geometry.lon, geometry.max_radius_m, AREA_SLACK_M) == (81.6369, 9_970, 1_500)


def test_the_area_of_a_city_of_unknown_reach_is_assumed_round_its_centre() -> None:
    assert FACTS.geometry_of(AKALTARA) is None
    assert service_area(FACTS, AKALTARA) == ServiceArea(82.42641, 22.02463, 4_000 + 1_500)
    assert ASSUMED_REACH_M[-1] == 4_000


def test_a_locality_of_the_city_is_inside_however_far_it_lies() -> None:
    far = row("Far", 82.1489, 22.28)
    area = service_area(gazetteer(far), BILASPUR)
    assert area.radius_m == pytest.approx(geodesic((22.08086, 82.1489), (22.28, 82.1489)).m, abs=2)
    assert area.radius_m > service_area(FACTS, BILASPUR).radius_m + 12_000
    assert area.outside_m(Place("far", far.lon, far.lat)) == 0
    assert whereabouts(gazetteer(far), BILASPUR, point=(far.lon, far.lat)).spread_m == 0


@pytest.mark.parametrize("city", FACTS.cities, ids=lambda city: city.city_id)
def test_every_locality_the_office_and_made_up_addresses_of_a_city_are_inside(city: City) -> None:
    area, dice, book = service_area(FACTS, city), Dice(1, city.city_id), AddressBook(FACTS, city)
    places = [Place("locality", each.lon, each.lat) for each in FACTS.localities_of(city)]
    places += [city.office, *(book.draw(dice).place("address") for _ in range(100))]
    assert [place for place in places if area.outside_m(place) > 0] == []


# --------------------------------------------------------------------------------------- points


def test_a_point_inside_is_where_the_citizen_is() -> None:
    found = whereabouts(FACTS, RAIPUR, point=(81.63, 21.24))
    assert found == Whereabouts(81.63, 21.24, 0, "point", None)
    assert found.place("V1") == Place("V1", 81.63, 21.24)


def test_the_rim_of_the_area_is_inside_and_a_step_further_is_not() -> None:
    catalogue = replace(FACTS, localities=(), geometries=(CityGeometry("raipur", 81.6369, 21.2425, 0, 0, 0, 0),))
    rim = 21.2425 + AREA_SLACK_M / 110_720  # metres of a degree of latitude at this one
    assert whereabouts(catalogue, RAIPUR, point=(81.6369, rim - 0.00002)).basis == "point"
    assert the_fault(catalogue, RAIPUR, point=(81.6369, rim + 0.00002)).code == "outside_service_area"


def test_a_point_outside_is_told_how_far() -> None:
    fault = the_fault(FACTS, RAIPUR, point=(81.6369, 21.40))
    assert (fault.path, fault.code, fault.value) == (("point",), "outside_service_area", [81.6369, 21.40])
    assert geodesic((21.2425, 81.6369), (21.40, 81.6369)).km - 11.47 == pytest.approx(5.97, abs=0.01)
    assert fault.rule == "within the service area of Raipur, 11.5 km round its middle; this is 6.0 km outside"


def test_a_point_just_outside_is_not_told_to_be_no_way_away() -> None:
    assert "this is 0.1 km outside" in the_fault(FACTS, AKALTARA, point=(82.42641, 22.02463 + 0.0497)).rule


def test_a_point_in_another_city_is_told_which_the_nearest_first() -> None:
    assert the_fault(FACTS, RAIPUR, point=(81.3603, 21.21266)).rule.endswith(" km outside; it lies in Bhilai, Risali")
    assert the_fault(FACTS, RAIPUR, point=(81.3497, 21.1678)).rule.endswith(" km outside; it lies in Risali, Bhilai")
    assert "it lies in" not in the_fault(FACTS, RAIPUR, point=(80.0, 20.0)).rule


def test_swapped_degrees_are_told_as_swapped() -> None:
    fault = the_fault(FACTS, RAIPUR, point=(21.24, 81.63))
    assert (fault.path, fault.code, fault.value) == (("point",), "swapped_coordinates", [21.24, 81.63])
    assert fault.rule == "longitude (degrees east) first, then latitude"


def test_degrees_swapped_and_of_another_city_are_told_both() -> None:
    fault = the_fault(FACTS, BILASPUR, point=(21.24, 81.63))
    assert fault.code == "swapped_coordinates"
    assert fault.rule == "longitude (degrees east) first, then latitude; so turned round it lies in Raipur"


def test_swapped_degrees_are_seen_where_the_longitude_is_beyond_every_latitude() -> None:
    east = CityGeometry("raipur", 91.75, 26.14, 0, 0, 0, 0)
    catalogue = replace(FACTS, localities=(), geometries=(east,))
    assert the_fault(catalogue, RAIPUR, point=(26.14, 91.75)).code == "swapped_coordinates"


@pytest.mark.parametrize(
    ("point", "found"),
    [
        ((181.0, 21.24), [("/point/lon", "bad_coordinate", 181.0)]),
        ((81.63, 91.0), [("/point/lat", "bad_coordinate", 91.0)]),
        ((-500.0, float("inf")), [("/point/lon", "bad_coordinate", -500.0), ("/point/lat", "bad_coordinate", "inf")]),
        ((float("nan"), 21.24), [("/point/lon", "bad_coordinate", "nan")]),
    ],
)
def test_what_are_no_degrees_is_told_of_both_at_once(
    point: tuple[float, float], found: list[tuple[str, str, float | str]]
) -> None:
    faults = refused(FACTS, RAIPUR, point=point)
    assert [(f.pointer, f.code, str(f.value)) for f in faults] == [(at, code, str(value)) for at, code, value in found]


# ------------------------------------------------------------------------------------ one of three


def test_exactly_one_of_point_locality_and_pincode_is_given() -> None:
    assert the_fault(FACTS, RAIPUR) == Fault((), "one_place", [], "exactly one of point, locality and pincode")
    fault = the_fault(FACTS, RAIPUR, point=(81.63, 21.24), pincode="492001")
    assert (fault.code, fault.value) == ("one_place", ["point", "pincode"])
    assert the_fault(FACTS, RAIPUR, locality="Telibandha", pincode="").code == "one_place"


# ----------------------------------------------------------------------------------- localities

MANGLA = row("Mangla", 82.12939, 22.09719)
MANGLA_SCHOOLS = row("Mangla", 82.128, 22.093, kind="school_locality", weight=9, spread_m=597)


def test_a_locality_is_its_point_and_as_far_as_its_points_lie() -> None:
    found = whereabouts(gazetteer(MANGLA_SCHOOLS), BILASPUR, locality="Mangla")
    assert found == Whereabouts(82.128, 22.093, 597, "locality", "Mangla")


@pytest.mark.parametrize("spread_m", [0, 7])
def test_a_locality_of_one_point_is_not_the_house_of_the_citizen(spread_m: int) -> None:
    found = whereabouts(gazetteer(row("Mangla", spread_m=spread_m)), BILASPUR, locality="Mangla")
    assert found.spread_m == LEAST_SPREAD_M == 300


@pytest.mark.parametrize("name", ["mangla bazar 2", "MANGLABAZAR-2", "  Mángla   Bāzār (2) ", "\uff2dangla Bazar 2"])
def test_case_spaces_accents_and_punctuation_of_a_name_do_not_matter(name: str) -> None:
    assert whereabouts(gazetteer(row("Mangla Bazar-2")), BILASPUR, locality=name).name == "Mangla Bazar-2"


def test_the_vowel_signs_of_a_hindi_name_matter() -> None:
    catalogue = gazetteer(row("राम", 82.13), row("रुम", 82.14))
    assert whereabouts(catalogue, BILASPUR, locality="राम").lon == 82.13
    assert whereabouts(catalogue, BILASPUR, locality="रुम").lon == 82.14


def test_the_beginning_of_a_name_is_enough_where_no_other_begins_so() -> None:
    catalogue = gazetteer(row("Telibandha railway station", 82.13), row("Torwa", 82.14))
    assert whereabouts(catalogue, BILASPUR, locality="telib").name == "Telibandha railway station"
    fault = the_fault(catalogue, BILASPUR, locality="te")
    assert (fault.code, fault.rule) == ("unknown_locality", "a locality of Bilaspur; near: Telibandha railway station")


def test_the_beginning_of_a_number_is_not_the_beginning_of_a_name() -> None:
    catalogue = gazetteer(row("Ward No. 24 Kalimata"))
    assert whereabouts(catalogue, BILASPUR, locality="Ward No 24").name == "Ward No. 24 Kalimata"
    assert the_fault(catalogue, BILASPUR, locality="Ward No 2").code == "unknown_locality"


def test_an_equal_name_is_taken_whatever_else_begins_with_it() -> None:
    catalogue = gazetteer(row("Manglapur", 82.14), MANGLA)
    assert whereabouts(catalogue, BILASPUR, locality="mangla").lon == MANGLA.lon


def test_several_localities_of_one_name_are_listed() -> None:
    fault = the_fault(gazetteer(MANGLA, MANGLA_SCHOOLS), BILASPUR, locality="mangla")
    assert (fault.path, fault.code, fault.value) == (("locality",), "ambiguous_place", "mangla")
    assert fault.rule == (
        "the name of one locality of Bilaspur, not of several: "
        "Mangla (post_office, 495001); Mangla (school_locality, 495001)"
    )


def test_one_of_several_is_told_apart_as_the_list_has_it() -> None:
    catalogue = gazetteer(MANGLA, replace(MANGLA_SCHOOLS, pincode=None))
    assert whereabouts(catalogue, BILASPUR, locality="Mangla (post_office, 495001)").lon == MANGLA.lon
    assert whereabouts(catalogue, BILASPUR, locality="Mangla (school_locality)").lon == MANGLA_SCHOOLS.lon
    assert whereabouts(catalogue, BILASPUR, locality="mangla post office").lon == MANGLA.lon


def test_names_that_differ_in_punctuation_only_are_told_apart_as_the_list_has_them() -> None:
    catalogue = gazetteer(row("Darri", 82.13), row("Darri.", 82.14))
    assert the_fault(catalogue, BILASPUR, locality="Darri").rule.endswith(
        ": Darri (post_office, 495001); Darri. (post_office, 495001)"
    )
    assert whereabouts(catalogue, BILASPUR, locality="Darri (post_office, 495001)").lon == 82.13
    assert whereabouts(catalogue, BILASPUR, locality="Darri. (post_office, 495001)").lon == 82.14


def test_several_localities_that_begin_so_are_listed_and_a_long_list_is_cut() -> None:
    wards = [row(f"Ward {number:02d}", 82.10 + number / 1_000, pincode=None) for number in range(1, 16)]
    fault = the_fault(gazetteer(*wards[:2]), BILASPUR, locality="wa")
    assert fault.code == "ambiguous_place"
    assert fault.rule.endswith("not of several: Ward 01 (post_office); Ward 02 (post_office)")
    assert the_fault(gazetteer(*wards), BILASPUR, locality="ward").rule.endswith("; Ward 12 (post_office) and 3 more")


def test_several_names_of_one_spot_are_one_place_the_widest_whatever_the_order_of_rows() -> None:
    narrow, wide = row("Rawa Bhatha"), row("Rawabhatha", kind="school_locality", spread_m=450)
    for rows in ((narrow, wide), (wide, narrow)):
        found = whereabouts(gazetteer(*rows), BILASPUR, locality="rawabhatha")
        assert (found.name, found.spread_m) == ("Rawabhatha", 450)


def test_localities_of_other_cities_are_not_meant() -> None:
    catalogue = gazetteer(MANGLA, row("Mangla", 81.63, 21.24, city=RAIPUR))
    assert whereabouts(catalogue, BILASPUR, locality="Mangla").lon == MANGLA.lon


def test_an_unknown_locality_is_told_with_near_names_and_the_cities_that_have_it() -> None:
    catalogue = gazetteer(row("Telibandha railway station"), row("Torwa", 82.14), row("Urla", city=RAIPUR))
    fault = the_fault(catalogue, BILASPUR, locality="Talibanda")
    assert (fault.path, fault.code, fault.value) == (("locality",), "unknown_locality", "Talibanda")
    assert fault.rule == "a locality of Bilaspur; near: Telibandha railway station"
    assert the_fault(catalogue, BILASPUR, locality="Torva").rule == "a locality of Bilaspur; near: Torwa"
    assert the_fault(catalogue, BILASPUR, locality="urla").rule.endswith("; there is one in Raipur")


@pytest.mark.parametrize("name", ["", " - ", "x" * 100_000])
def test_what_is_no_name_is_unknown(name: str) -> None:
    assert the_fault(FACTS, RAIPUR, locality=name).code == "unknown_locality"


def test_a_city_without_a_gazetteer_says_so() -> None:
    fault = the_fault(FACTS, AKALTARA, locality="Station")
    assert (fault.code, fault.rule) == (
        "unknown_locality",
        "a point or a PIN code: no locality of Akaltara is known",
    )


@pytest.mark.parametrize("city", FACTS.cities_in_scheme(), ids=lambda city: city.city_id)
def test_every_locality_of_the_catalogue_is_found_as_the_list_has_it(city: City) -> None:
    for each in FACTS.localities_of(city):
        label = f"{each.name} ({each.kind}, {each.pincode})" if each.pincode else f"{each.name} ({each.kind})"
        found = whereabouts(FACTS, city, locality=label)
        assert (found.lon, found.lat) == (each.lon, each.lat)
        assert found.spread_m >= max(each.spread_m, LEAST_SPREAD_M)


# ------------------------------------------------------------------------------------ PIN codes


def test_a_pincode_is_the_weighted_middle_of_its_localities_and_as_wide_as_all_of_them() -> None:
    rows = (
        row("West", 82.10, 22.08, weight=3, spread_m=900),
        row("East", 82.14, 22.08, weight=1),
        row("Other", 82.20, 22.08, weight=50, pincode="495004"),
        row("Raipur", 81.63, 21.24, weight=50, city=RAIPUR),
    )
    for order in (rows, rows[::-1]):
        found = whereabouts(gazetteer(*order), BILASPUR, pincode="495001")
        assert (found.lon, found.lat, found.basis, found.name) == (82.11, 22.08, "pincode", "495001")
        east_m, west_m = (geodesic((22.08, 82.11), (22.08, lon)).m for lon in (82.14, 82.10))
        assert east_m + LEAST_SPREAD_M > west_m + 900
        assert found.spread_m == pytest.approx(east_m + LEAST_SPREAD_M, abs=2)


def test_the_spread_of_a_pincode_covers_the_widest_of_its_localities() -> None:
    catalogue = gazetteer(row("West", 82.10, 22.08, spread_m=2_900), row("East", 82.12, 22.08))
    west_m = geodesic((22.08, 82.11), (22.08, 82.10)).m
    assert whereabouts(catalogue, BILASPUR, pincode="495001").spread_m == pytest.approx(west_m + 2_900, abs=2)


def test_landmarks_do_not_draw_the_middle_unless_there_is_nothing_else() -> None:
    landmark = row("Station", 82.14, 22.08, weight=0)
    assert whereabouts(gazetteer(landmark, row("West", 82.10, 22.08)), BILASPUR, pincode="495001").lon == 82.10
    assert (
        whereabouts(gazetteer(landmark, row("Yard", 82.10, 22.08, weight=0)), BILASPUR, pincode="495001").lon == 82.12
    )


def test_a_pincode_may_be_written_with_a_space() -> None:
    assert whereabouts(gazetteer(MANGLA), BILASPUR, pincode=" 495 001 ").name == "495001"


@pytest.mark.parametrize("text", ["49200", "4920011", "49200A", "", "\u0967\u0968\u0969\u0967\u0968\u0969", "-49200"])
def test_a_pincode_has_six_digits(text: str) -> None:
    assert the_fault(FACTS, RAIPUR, pincode=text) == Fault(("pincode",), "bad_pincode", text, "six digits")


def test_a_pincode_of_other_cities_is_told_which() -> None:
    catalogue = gazetteer(
        row("A", city=RISALI, pincode="490006"), row("B", city=BHILAI, pincode="490006"), row("C", pincode="495001")
    )
    fault = the_fault(catalogue, BILASPUR, pincode="490 006")
    assert (fault.path, fault.code, fault.value) == (("pincode",), "unknown_pincode", "490 006")
    assert fault.rule == "a PIN code of Bilaspur; it is one of Bhilai, Risali"
    assert the_fault(catalogue, BILASPUR, pincode="999999").rule == "a PIN code of Bilaspur"


def test_a_city_without_pincodes_says_so() -> None:
    fault = the_fault(gazetteer(row("A", pincode=None)), BILASPUR, pincode="495001")
    assert (fault.code, fault.rule) == ("unknown_pincode", "a point or a locality: no PIN code of Bilaspur is known")


def test_the_middle_of_every_pincode_of_the_catalogue_is_inside_the_area_of_its_city() -> None:
    for city in FACTS.cities:
        for pincode in {each.pincode for each in FACTS.localities_of(city)} - {None}:
            found = whereabouts(FACTS, city, pincode=pincode)
            assert service_area(FACTS, city).outside_m(found.place("middle")) == 0
            assert found.spread_m >= LEAST_SPREAD_M
