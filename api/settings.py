"""Settings of the service: from the environment (MITAAN_...), else from a file, else the defaults."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from optimizer.domain import Fault, InvalidProblem
from optimizer.domain.faults import raise_if_any
from scenarios.files.shape import shape_faults

PREFIX = "MITAAN_"
FILE_VARIABLE = "MITAAN_SETTINGS"
"""Names the file; without it `mitaan.toml` in the present folder is read where it exists."""
FILE = "mitaan.toml"
SECRET = frozenset({"database_url"})
"""What may hold a password is never shown."""


class Settings(BaseSettings):
    """What can be set. Each has its environment variable: MITAAN_ and the name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", use_attribute_docstrings=True, frozen=True, env_ignore_empty=True
    )

    database_url: str | None = None
    """The store: the path of a file, sqlite:///FILE or postgresql://...; else the data folder of the user."""
    host: str = "127.0.0.1"
    """The address the service listens on; 0.0.0.0 is all of the machine."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port; 0 takes a free one."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that answer requests."""
    job_places: Annotated[int, Field(ge=0, le=64)] = 1
    """Plans made at the same time by this machine; 0: others make them."""
    webhooks: bool = True
    """This machine sends the events to the webhooks."""
    background: bool = True
    """The process that keeps house brings promises at risk back and improves witnesses of days that have been quiet."""
    job_seconds: Annotated[float, Field(gt=0, le=3_600)] = 600.0
    """The longest time limit of a plan."""
    job_threads: Annotated[int, Field(ge=1, le=256)] = 4
    """The most threads of a plan."""
    solve_wait_s: Annotated[float, Field(ge=0, le=60)] = 15.0
    """So long POST /v1/solve waits for a small day before it answers 202."""
    a_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 6_000
    """Requests of one key a minute, where the key does not say; spread over the workers."""
    body_bytes: Annotated[int, Field(ge=1_024, le=1 << 30)] = 1 << 20
    """The longest body of a request."""
    day_bytes: Annotated[int, Field(ge=1_024, le=1 << 30)] = 8 << 20
    """The longest body with a whole day or plan in it."""
    body_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    """A body that takes longer to arrive is given up."""
    answers_hours: Annotated[int, Field(ge=24, le=720)] = 48
    """Answers to requests with an Idempotency-Key are kept so long."""
    audit_days: Annotated[int, Field(ge=1, le=3_650)] = 400
    """The audit log is kept so long."""
    cors_origins: list[str] = []
    """Origins of web pages that may call the service from a browser; none by default."""
    webhooks_private: bool = False
    """Webhooks may lead to private addresses, those of this machine too."""
    webhooks_plain_http: bool = False
    """Webhooks may be sent without TLS."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged."""
    stop_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    """When stopped, requests that are being answered get so long to end."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the library hands it over
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was given in the call, then the environment, then the file."""
        path = settings_file()
        file = () if path is None else (TomlConfigSettingsSource(settings_cls, path),)
        return init_settings, env_settings, *file


def settings_file() -> Path | None:
    """The file of settings, None where there is none. One that is named must exist."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def address_in_file() -> str | None:
    """The store that the file of settings names, None where there is no such file or it names none.

    For commands that need nothing else of it. Raises InvalidProblem for a file that cannot be read, or that names
    settings which do not exist: one of them may have been meant for the store.
    """
    path = settings_file()
    told = {} if path is None else _read_file(path)
    rule = "a setting of this program; `mitaan settings` lists them"
    raise_if_any([Fault((n,), "unknown_field", told[n], rule) for n in told if n not in Settings.model_fields])
    found = told.get("database_url")
    return found if isinstance(found, str) else None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no TOML
        raise InvalidProblem([Fault((FILE_VARIABLE,), "bad_settings_file", str(path), str(error))]) from None


def read_settings(**given: Any) -> Settings:
    """The settings of this process; `given` (None left out) wins over all. Raises InvalidProblem with every fault."""
    path = settings_file()
    if path is not None:
        _read_file(path)
    unknown = [
        Fault((name,), "unknown_setting", "", "a setting of this program; `mitaan settings` lists them")
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in {*Settings.model_fields, *_OTHERS}
    ]
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InvalidProblem([*shape_faults(error.errors(include_url=False)), *unknown]) from None
    if unknown:
        raise InvalidProblem(unknown)
    return settings


_OTHERS = frozenset(
    {"settings", "data", "caller", "max_visits", "max_km", "traceback", "golden", "url", "key", "admin_key"}
)
"""Variables that other parts of the program read: the commands and the client."""


@dataclass(frozen=True, slots=True)
class Told:
    """A setting as it is shown: its value (a password hidden), where it came from, and what it means."""

    name: str
    variable: str
    value: str
    source: str
    meaning: str


def told_settings(settings: Settings) -> list[Told]:
    """Every setting, in the order in which they are defined."""
    path = settings_file()
    in_file = {} if path is None else _read_file(path)
    rows = []
    for name, info in Settings.model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        source = "default"
        if os.environ.get(variable):
            source = "environment"
        elif name in in_file:
            source = str(path)
        rows.append(Told(name, variable, _shown(name, getattr(settings, name)), source, info.description or ""))
    return rows


def _shown(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name in SECRET:
        return "(set)"
    return str(value).lower() if isinstance(value, bool) else str(value)
