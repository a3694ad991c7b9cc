"""Secrets of every place that may hold one are planted; nothing that is printed or written may hold a piece of one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from small_school import write_config, write_school

from padm_ibis.cli import COMMANDS, invoke

ROOT = Path(__file__).parents[1]
PLACES = ("source", "warehouse", "publish", "mail", "webhook", "hash_key", "to", "into", "overridden", "query")
NASTY = "{0}a@{0}b/{0}c+{0}d%41{0}e'{0}f\\{0}g ñ{0}h\"{0}i&{0}j=k{0}l"
"""Every character that ends a password too early somewhere, between pieces that stand nowhere else."""


def secret(place: str) -> str:
    return NASTY.format(f"Zq{place[:3].upper()}x7")


SECRETS = {place: secret(place) for place in PLACES}
PIECES = {f"Zq{place[:3].upper()}x7" for place in PLACES}


def address(place: str, host: str = "127.0.0.1:1", database: str = "db") -> str:
    return f"postgres://someone:{quote(SECRETS[place], safe='')}@{host}/{database}"


def asked(place: str) -> str:
    return f"postgres://someone@127.0.0.1:1/db?password={quote(SECRETS[place], safe='')}&connect_timeout=2"


SECTIONS = """
[publish]
to = "${PLANTED_PUBLISH}"
[mail]
host = "127.0.0.1"
port = 1
sender = "a@b"
recipients = ["c@d"]
user = "u"
password = "${PLANTED_MAIL}"
[webhook]
url = "${PLANTED_WEBHOOK}"
[sources.far]
url = "${PLANTED_SOURCE}"
connect_retries = 0
[sources.farther]
url = "${PLANTED_QUERY}"
connect_retries = 0
"""


def planted() -> dict[str, str]:
    """The environment in which every secret stands, and the command line's own addresses."""
    return {
        "PLANTED_SOURCE": address("source"),
        "PLANTED_QUERY": asked("query"),
        "PLANTED_PUBLISH": address("publish"),
        "PLANTED_MAIL": SECRETS["mail"],
        "PLANTED_WEBHOOK": "http://127.0.0.1:1/hooks/{0}?token={0}".format(quote(SECRETS["webhook"], safe="")),
        "PLANTED_HASH_KEY": SECRETS["hash_key"],
    }


def padm(folder: Path, *line: str, **more: str) -> str:
    """Run the command with everything planted; return what it said, and fail if it said a piece of a secret."""
    environment = {**os.environ, **planted(), **more, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    done = subprocess.run(
        [sys.executable, "-m", "padm_ibis.cli", *line],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert pieces(said) == set(), f"{line}: {said}"
    return said


def pieces(text: str) -> set[str]:
    return {piece for piece in PIECES if piece in text}


def leaking(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            yield from (
                f"{file.name}: {piece}" for piece in PIECES if piece.encode() in content or piece.encode("utf-16-le") in content
            )


@pytest.fixture
def school(tmp_path: Path) -> Path:
    text = SECTIONS.replace("connect_retries", 'kind = "small_school"\nschema = "school"\nconnect_retries')
    path = write_config(tmp_path, write_school(tmp_path / "north.duckdb"), more=text)
    path.write_text(
        path.read_text(encoding="utf-8").replace('hash_key = "k"', 'hash_key = "${PLANTED_HASH_KEY}"'), encoding="utf-8"
    )
    return tmp_path


LINES = (
    ("run", "--as-of", "2024-11-30"),
    ("run", "--as-of", "2024-11-30", "--json", "run.json"),
    ("check", "--json", "check.json"),
    ("plan", "--as-of", "2024-11-30"),
    ("status", "--json", "status.json"),
    ("history", "last", "--json", "history.json"),
    ("doctor", "--json", "doctor.json"),
    ("doctor", "--grants"),
    ("publish", "--json", "publish.json"),
    ("publish", "--to", address("to")),
    (f"--to={address('to')}",),
    ("publish", f"--toto={address('to')}"),
    ("sample", "--into", address("into"), "--students", "2", "--years", "2"),
    ("run", "--warehouse", address("overridden")),
    ("ls", "--warehouse", asked("overridden")),
    ("check", "--warehouse", f"mysql://someone:{SECRETS['overridden']}@h/d"),
)


def test_what_cannot_be_reached_is_told_without_its_secrets(school: Path) -> None:
    assert pieces(SECRETS["to"]), "the net catches what it is made for"
    said = [padm(school, *line) for line in LINES]
    said += [padm(school, *line, PADM_DEBUG="1") for line in LINES if line[0] == "publish"]
    assert any("***" in text for text in said)
    assert any("Connection refused" in text for text in said)
    assert list(leaking(school)) == []
    assert {file.name for file in school.iterdir()} >= {"run.json", "check.json", "publish.json", "doctor.json"}
    assert (school / ".w.duckdb.padm" / "publications.jsonl").is_file()


@pytest.mark.postgres
def test_a_server_that_knows_the_secret_keeps_none_of_it(school: Path, postgres_url: str, tmp_path: Path) -> None:
    """The warehouse, its books and its mirror in PostgreSQL, reached with passwords, with failures on the way."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        password = SECRETS["warehouse"].replace("'", "''")
        admin.execute(f"CREATE ROLE planted LOGIN SUPERUSER PASSWORD '{password}'")
        here = postgres_url.replace("postgres:@", f"planted:{quote(SECRETS['warehouse'], safe='')}@")
        line = ("run", "--as-of", "2024-11-30", "--warehouse", here)
        padm(school, *line)
        assert "mart_pupil" in tables(admin, "gold")
        padm(school, "publish", "--to", here, "--tables", "mart_*", "--warehouse", here)
        padm(school, "publish", "--to", re.sub(r"@/[^?]*", "@/nowhere", here), "--warehouse", here)
        admin.execute("REVOKE ALL ON SCHEMA bronze FROM PUBLIC")
        admin.execute("DROP TABLE IF EXISTS gold.mart_pupil CASCADE")
        padm(school, *line)
        padm(school, "history", "last", "--warehouse", here)
        books = "".join(str(admin.execute(f"SELECT * FROM _padm.{name}").fetchall()) for name in tables(admin, "_padm"))
        assert "Connection refused" in books, "why a source failed stands there"
        assert pieces(books) == set()
        admin.execute("DROP OWNED BY planted CASCADE")
        admin.execute("DROP ROLE planted")
    assert list(leaking(school)) == []


def tables(con: psycopg.Connection, schema: str) -> list[str]:
    return [name for (name,) in con.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = %s", [schema])]


def test_an_error_that_nobody_foresaw_is_told_without_secrets(
    school: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in planted().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(school)

    def fail(*arguments: object, **named: Mapping[str, object]) -> None:
        raise RuntimeError(f"could not use {dict(SECRETS)} nor {planted()}")

    monkeypatch.setattr("padm_ibis.api.check", fail)
    for debug in ("", "1"):
        monkeypatch.setenv("PADM_DEBUG", debug)
        assert invoke(["check", "--json", "check.json", "--warehouse", address("overridden")]) == 1
        said = "".join(capsys.readouterr()) + (school / "check.json").read_text(encoding="utf-8")
        known = {f"Zq{p[:3].upper()}x7" for p in ("source", "publish", "mail", "webhook", "hash_key", "query", "overridden")}
        assert pieces(said) & known == set(), said
        assert ("Traceback" in said) == bool(debug)


def test_every_command_that_may_be_given_an_address_is_tried() -> None:
    from click import Command

    from padm_ibis.cli import cli

    tried = {word for line in LINES for word in line} | {"schedule"}
    for name in COMMANDS:
        command: Command = cli.get_command(None, name)  # type: ignore[arg-type]
        options = {o for p in command.params for o in p.opts if getattr(p, "metavar", None) == "URL"}
        assert options <= tried, f"{name} {options - tried}"
