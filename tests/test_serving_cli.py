"""The commands of whoever runs the service: keys, settings, the document, and what `mitaan serve` says at the start."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api import serving_cli
from api.cli import app
from api.http.app import described
from api.keys import Role, key_of_text, list_keys
from api.serving import CannotListen
from api.settings import Settings, read_settings
from api.store import Database
from api.store.desk import set_roster
from api.store.store import Store
from optimizer.bookings import Change
from optimizer.units import IST
from scenarios.catalogue import City
from scenarios.rosters import pattern_roster
from tests.answered import told
from tests.desks import FACTS, rostered
from tests.served import Served, served

__all__ = ["rostered", "served"]

HIDDEN = "open-sesame"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, and nothing of the settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MITAAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MITAAN_DATA", str(tmp_path / "data"))
    return tmp_path


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    return result


def as_json(*words: str, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code).stdout)


def faults(*words: str) -> set[tuple[str, str]]:
    """What is wrong, by place and code."""
    return {(fault["pointer"], fault["code"]) for fault in as_json(*words, code=2)["errors"]}


def in_store(path: Path, do: Callable[[Store], Any]) -> Any:
    with Database.open(path) as database:
        return do(Store(database, FACTS))


# --------------------------------------------------------------------------------------------- keys


def test_a_key_is_made_listed_and_ended_and_its_text_shown_once(folder: Path) -> None:
    at = ("--store", str(folder / "store.db"))
    words = ("--name", "call-centre", "--role", "booking", "--city", "raipur", "--city", "durg", "--a-minute", "60")
    made = as_json("keys", "create", *words, *at)
    text = made.pop("key")
    assert (made["name"], made["role"], made["cities"], made["a_minute"], made["created_by"]) == (
        "call-centre",
        "booking",
        ["durg", "raipur"],
        60,
        "console",
    )
    assert as_json("keys", "list", *at) == {"keys": [made]}
    found = in_store(folder / "store.db", lambda store: key_of_text(store, text))
    assert (found.key_id, found.role, found.revoked_at) == (made["id"], Role.BOOKING, None)
    assert text.rpartition("_")[2].encode() not in (folder / "store.db").read_bytes()
    ended = as_json("keys", "revoke", made["id"], *at)
    assert ended == {**made, "revoked_at": ended["revoked_at"]}
    assert ended["revoked_at"] is not None
    assert as_json("keys", "revoke", made["id"], *at) == ended
    assert in_store(folder / "store.db", lambda store: key_of_text(store, text)).revoked_at is not None


def test_keys_are_shown_as_a_table(folder: Path) -> None:
    at = ("--store", str(folder / "store.db"))
    said = run("keys", "create", "--name", "desk", "--role", "dispatch", *at).stdout
    text = said.splitlines()[-1].strip()
    assert "shown this once:" in said
    assert text.startswith("mitaan_K")
    (key,) = in_store(folder / "store.db", list_keys)
    listed = run("keys", "list", *at).stdout
    assert listed.startswith("1 keys")
    (row,) = [line for line in listed.splitlines() if key.key_id in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][1:5] == ["desk", "dispatch", "all", "-"]
    assert text not in listed
    assert run("keys", "revoke", key.key_id, *at).stdout.startswith("Revoked")


def test_all_that_is_wrong_with_a_key_is_told_and_none_is_made(folder: Path) -> None:
    at = ("--store", str(folder / "store.db"))
    words = ("--name", "Ram Kumar", "--role", "king", "--city", "atlantis", "--a-minute", "0")
    assert faults("keys", "create", *words, *at) == {
        ("/name", "bad_id"),
        ("/role", "unknown_role"),
        ("/cities/0", "unknown_city"),
        ("/a_minute", "out_of_range"),
    }
    assert "letters, digits and . _ : - only" in run("keys", "create", *words, *at, code=2).stderr
    run("keys", "create", "--name", "desk", "--role", "admin", *at)
    assert len(as_json("keys", "list", *at)["keys"]) == 1


def test_a_key_that_is_not_there_is_not_ended(folder: Path) -> None:
    at = ("--store", str(folder / "store.db"))
    run("keys", "create", "--name", "desk", "--role", "admin", *at)
    assert as_json("keys", "revoke", "K0", *at, code=1) == {"refused": {"code": "unknown_key", "subject": "K0"}}
    assert run("keys", "revoke", "K0", *at, code=1).stdout == "refused: K0: there is no such key [unknown_key]\n"
    for words in (("list",), ("revoke", "K0")):
        assert faults("keys", *words, "--store", str(folder / "none.db")) == {("", "no_store")}
    assert not (folder / "none.db").exists()


def test_keys_are_those_of_the_store_that_would_be_served(folder: Path) -> None:
    (folder / "mitaan.toml").write_text('database_url = "mine.db"\n', encoding="utf-8")
    run("keys", "create", "--name", "desk", "--role", "admin")
    assert [key.name for key in in_store(folder / "mine.db", list_keys)] == ["desk"]
    assert [key["name"] for key in as_json("keys", "list")["keys"]] == ["desk"]
    (folder / "mitaan.toml").write_text("prot = 1\n", encoding="utf-8")
    assert faults("keys", "list") == {("/prot", "unknown_field")}
    assert [key["name"] for key in as_json("keys", "list", "--store", "mine.db")["keys"]] == ["desk"]


# ----------------------------------------------------------------------------------------- settings


def settings() -> dict[str, tuple[str, str]]:
    """Value and source of each setting."""
    return {row["name"]: (row["value"], row["source"]) for row in as_json("settings")["settings"]}


def test_settings_tell_where_each_comes_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(settings().values()) >= {("8080", "default"), ("-", "default"), ("false", "default")}
    assert list(settings()) == list(Settings.model_fields)
    (folder / "mitaan.toml").write_text("port = 9000\nworkers = 2\n", encoding="utf-8")
    monkeypatch.setenv("MITAAN_WORKERS", "3")
    monkeypatch.setenv("MITAAN_WEBHOOKS", "")
    found = settings()
    assert found["port"] == ("9000", "mitaan.toml")
    assert found["workers"] == ("3", "environment")
    assert found["webhooks"] == ("true", "default")
    other = folder / "other.toml"
    other.write_text("cors_origins = ['https://desk.example']\n", encoding="utf-8")
    monkeypatch.setenv("MITAAN_SETTINGS", str(other))
    found = settings()
    assert (found["port"], found["cors_origins"]) == (
        ("8080", "default"),
        ("['https://desk.example']", str(other)),
    )
    assert read_settings(port=7, workers=None) == Settings(port=7)


def test_settings_are_shown_with_their_meaning_and_no_password(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITAAN_DATABASE_URL", f"postgresql://mitaan:{HIDDEN}@db.example.org/mitaan")
    assert settings()["database_url"] == ("(set)", "environment")
    said = run("settings").stdout
    assert "MITAAN_PORT" in said
    assert "Processes that answer requests." in said
    assert HIDDEN not in said
    assert HIDDEN not in run("settings", "--json").stdout
    assert all(row["meaning"] for row in as_json("settings")["settings"])


def test_a_variable_that_sets_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MITAAN_PROT", HIDDEN)
    monkeypatch.setenv("MITAAN_PORT", "a lot")
    monkeypatch.setenv("MITAAN_WORKERS", "0")
    monkeypatch.setenv("MITAAN_KEY", "the client reads it")
    assert faults("settings") == {
        ("/MITAAN_PROT", "unknown_setting"),
        ("/port", "wrong_type"),
        ("/workers", "out_of_range"),
    }
    said = run("settings", code=2).stderr
    assert HIDDEN not in said
    assert said.splitlines()[-1] == "3 errors."


def test_all_that_is_wrong_with_a_file_of_settings_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "mitaan.toml"
    file.write_text('port = "high"\nprot = 1\njob_seconds = 0\nlog_level = "loud"\n', encoding="utf-8")
    assert faults("settings") == {
        ("/port", "wrong_type"),
        ("/prot", "unknown_field"),
        ("/job_seconds", "out_of_range"),
        ("/log_level", "unknown_value"),
    }
    for broken in (b"port = \n", b"\xff\xfe"):
        file.write_bytes(broken)
        assert faults("settings") == {("/MITAAN_SETTINGS", "bad_settings_file")}
    file.unlink()
    monkeypatch.setenv("MITAAN_SETTINGS", str(folder / "none.toml"))
    assert faults("settings") == {("/MITAAN_SETTINGS", "bad_settings_file")}
    assert "none.toml" in run("settings", code=2).stderr


# ------------------------------------------------------------------------------------- the document


def test_the_document_is_the_one_that_is_served(folder: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(run("openapi").stdout)
    assert document == described(served.app)
    with served.client("analyst") as client:
        assert told(client.get("/v1/openapi.json")) == document
    assert run("openapi", "--out", str(folder / "made" / "openapi.json")).stdout.startswith("written: ")
    assert json.loads((folder / "made" / "openapi.json").read_text(encoding="utf-8")) == document
    assert "file" in run("openapi", "--out", str(folder / "made" / "openapi.json" / "x"), code=2).stderr
    monkeypatch.setenv("MITAAN_PORT", "a lot")
    assert "[wrong_type]" in run("openapi", code=2).stderr


# ----------------------------------------------------------------------------------------- serving


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which the service was begun; no process is."""
    found: list[Settings] = []

    def serve(chosen: Settings, on_ready: Callable[[str, int], None]) -> None:
        found.append(chosen)
        on_ready(chosen.host, chosen.port)

    monkeypatch.setattr(serving_cli, "serve", serve)
    return found


def test_a_new_store_shows_its_first_key_and_a_known_one_none(folder: Path, begun: list[Settings]) -> None:
    at = ("--store", str(folder / "new.db"), "--port", "9000", "--workers", "2", "--jobs", "0")
    first, again = run("serve", *at), run("serve", *at)
    (key,) = in_store(folder / "new.db", list_keys)
    assert (key.name, key.role) == ("first-admin", Role.ADMIN)
    (text,) = [line.strip() for line in first.stdout.splitlines() if "mitaan_K" in line]
    assert in_store(folder / "new.db", lambda store: key_of_text(store, text)) == key
    assert "mitaan_K" not in again.stdout
    assert again.stdout == "listening on http://127.0.0.1:9000 (Ctrl-C ends)\n"
    assert again.stderr == "mitaan: ended\n"
    assert [(s.port, s.workers, s.job_places) for s in begun] == [(9000, 2, 0)] * 2
    assert "http://[::1]:9000" in run("serve", *at, "--host", "::1").stdout


def test_a_service_that_cannot_begin_is_told_in_a_line(
    folder: Path, begun: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--store", str(folder / "new.db"))
    monkeypatch.setenv("MITAAN_STOP_SECONDS", "0")
    said = run("serve", *at, code=2).stderr.splitlines()
    assert [line for line in said if "[out_of_range]" in line] == said[:1]
    monkeypatch.delenv("MITAAN_STOP_SECONDS")
    assert "--port" in run("serve", *at, "--port", "65536", code=2).output
    assert not (folder / "new.db").exists()
    monkeypatch.setenv("MITAAN_DATABASE_URL", "mysql://db.example.org/x")
    assert "[bad_url]" in run("serve", code=2).stderr.splitlines()[0]
    assert begun == []

    def taken(*_: object) -> None:
        raise CannotListen(98, "127.0.0.1:80: Address already in use")

    monkeypatch.setattr(serving_cli, "serve", taken)
    said = run("serve", *at, code=2).stderr.splitlines()
    assert said[0].endswith("Address already in use [cannot_listen]")


def test_who_only_works_makes_no_store_where_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Settings] = []
    monkeypatch.setattr(serving_cli, "work", begun.append)
    assert "[no_store]" in run("work", "--store", str(folder / "typo.db"), code=2).stderr
    assert not (folder / "typo.db").exists()
    Database.create(folder / "store.db").close()
    run("work", "--store", str(folder / "store.db"))
    assert len(begun) == 1


def fill_fast(calls: list[str]) -> Callable[..., None]:
    """Fills one city for two days, and notes it."""

    def fill(store: Store, cities: Sequence[City], *_: object) -> None:
        calls.append("filled")
        with store.database.read() as connection:
            first = store.database.now(connection).astimezone(IST).date() + dt.timedelta(days=1)
        for date, staff in pattern_roster(FACTS, cities[0], first, first + dt.timedelta(days=1)).items():
            assert isinstance(set_roster(store, cities[0], date, staff), Change)

    return fill


def test_a_demo_is_filled_once_and_gets_other_keys_each_time(
    folder: Path, begun: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(serving_cli, "fill_store", fill_fast(calls))
    path = folder / "data" / "demo.db"
    shown = []
    for _ in range(2):
        lines = run("serve", "--demo").stdout.splitlines()
        exports = dict(line.strip().removeprefix("export ").split("=", 1) for line in lines if "export " in line)
        roles = [in_store(path, partial(key_of_text, text=text)).role for text in exports.values()]
        assert (list(exports), roles) == (["MITAAN_KEY", "MITAAN_ADMIN_KEY"], [Role.BOOKING, Role.ADMIN])
        shown.append(exports["MITAAN_KEY"])
    assert calls == ["filled"]
    assert shown[0] != shown[1]
    assert [in_store(path, partial(key_of_text, text=text)).revoked_at is None for text in shown] == [False, True]
    assert [key.role for key in in_store(path, list_keys) if key.revoked_at is None] == [Role.BOOKING, Role.ADMIN]
    assert {settings.database_url for settings in begun} == {str(path)}


def test_a_demo_that_is_out_of_date_is_made_anew_and_nothing_else_is_deleted(
    folder: Path, begun: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(serving_cli, "fill_store", fill_fast(calls))
    monkeypatch.setattr(serving_cli, "_is_fresh", lambda _: False)
    ours, mine = folder / "data" / "demo.db", folder / "demo.db"
    for words in ((), (), ("--store", str(mine)), ("--store", str(mine))):
        run("serve", "--demo", *words)
        if ours.exists():
            ours.with_name("demo.db.backup").touch()
    assert calls == ["filled", "filled", "filled"]
    assert ours.with_name("demo.db.backup").exists()
    assert [len(in_store(path, list_keys)) for path in (ours, mine)] == [2, 4]
    assert len(begun) == 4
