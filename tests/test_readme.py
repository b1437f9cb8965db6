"""Every command that README and docs show is run, in order, in one folder, with short time limits."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    return [line[2:].split("  #")[0] for block in blocks for line in block.splitlines() if line.startswith("$ mitaan")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work_as_they_stand(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        short = re.sub(r"--time-limit [0-9.]+", "--time-limit 1", command)
        result = CliRunner().invoke(app, shlex.split(short)[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}"


def test_the_readme_shows_commands_at_all() -> None:
    assert len(commands(ROOT / "README.md")) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#][^)]*)\)", text):
        path = target.split("#")[0]
        if not path.startswith("http"):
            assert (page.parent / path).exists(), target
