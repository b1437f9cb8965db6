"""Every example that README and docs show is run, in order, in one folder, with short time limits; tables are true."""

import re
from pathlib import Path

import httpx
import pytest

from api.keys import Role
from api.settings import Settings, read_settings, told_settings
from tests.answered import routes_of
from tests.examples import examples, make_small, reader
from tests.served import Served, once, rostered, served

__all__ = ["rostered", "served"]

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]
HTTP, OPERATIONS = ROOT / "docs" / "http.md", ROOT / "docs" / "operations.md"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "store.db"
    make_small(path)
    return path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_work_as_they_stand(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shown = examples(page.read_text(encoding="utf-8"))
    demo = any("mitaan serve --demo" in example for _, example in shown)
    with reader(tmp_path, monkeypatch, request.getfixturevalue("small") if demo else tmp_path) as follower:
        for language, example in shown:
            follower.follow(language, re.sub(r"--time-limit [0-9.]+", "--time-limit 1", example))


def test_pages_show_examples_of_each_kind() -> None:
    def shown(page: Path) -> list[str]:
        return [f"{language} {example}" for language, example in examples(page.read_text(encoding="utf-8"))]

    assert sum(each.startswith("console mitaan") for each in shown(ROOT / "README.md")) >= 8
    for page in (ROOT / "README.md", HTTP):
        assert any("curl" in each for each in shown(page))
        assert any(each.startswith("python") for each in shown(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]*)\)", text):
        path, _, heading = target.partition("#")
        if path.startswith("http"):
            continue
        there = page.parent / path if path else page
        assert there.exists(), target
        assert not heading or heading in _headings(there), target


def _headings(page: Path) -> set[str]:
    told = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in told}


# ------------------------------------------------------------------------- the table of endpoints

ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE) (/\S+)` \|.*\| ([^|]*) \|$", re.M)
EVERYBODY = {role.value for role in Role}


def endpoints() -> dict[tuple[str, str], set[str] | None]:
    """The table of the page: who may use an endpoint, None for those that ask for no key."""
    table = {}
    for method, path, who in ROW.findall(HTTP.read_text(encoding="utf-8")):
        named = set(re.findall(r"\w+", who)) & EVERYBODY
        table[method, path] = None if who == "no key" else (EVERYBODY if who == "all" else {*named, "admin"})
    return table


def test_the_table_of_endpoints_has_all_of_them(served: Served) -> None:
    assert set(endpoints()) == {(m, r.path) for r in routes_of(served.app) for m in r.methods or ()}


def test_the_table_of_endpoints_says_who_may_use_them(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as caller:
        for (method, path), who in endpoints().items():
            there = path.replace("{city}", "raipur").replace("{date}", "2026-12-03")
            there = re.sub(r"\{\w+\}", "X00000000", there)
            body: dict[str, str] | None = {} if method in {"POST", "PUT"} else None
            for role in EVERYBODY:
                headers = {"Authorization": f"Bearer {served.texts[role]}", **once()}
                answer = caller.request(method, there, json=body, headers=headers)
                refused = answer.status_code == 403 and answer.json()["code"] == "role_not_allowed"
                assert refused is not (who is None or role in who), (method, path, role, answer.text)


def test_the_file_of_settings_that_is_shown_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", OPERATIONS.read_text(encoding="utf-8"), re.S | re.M)
    path = tmp_path / "mitaan.toml"
    path.write_text(shown, encoding="utf-8")
    monkeypatch.setenv("MITAAN_SETTINGS", str(path))
    assert read_settings().workers == 4


def test_settings_that_pages_name_are_there() -> None:
    there = {row.variable for row in told_settings(Settings())}
    beside = {"MITAAN_SETTINGS", "MITAAN_DATA", "MITAAN_CALLER", "MITAAN_URL", "MITAAN_KEY", "MITAAN_ADMIN_KEY"}
    for page in (ROOT / "README.md", HTTP, OPERATIONS):
        named = set(re.findall(r"\bMITAAN_[A-Z_]+\b", page.read_text(encoding="utf-8")))
        assert named <= there | beside, page
