"""Programs of other people that have a DuckDB file open, as a client does whose window stays open over night."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLIENT = """
import duckdb, sys
con = duckdb.connect(sys.argv[1])
print("open", flush=True)
for line in sys.stdin:
    print(con.execute(line).fetchall(), flush=True)
con.close()
print("closed", flush=True)
"""


class Client:
    """A process that has a file open for reading and writing."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", _CLIENT, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "open"

    def ask(self, statement: str) -> str:
        """Run a statement there."""
        assert self.process.stdin is not None
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        """Close the file."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            assert self._line() == "closed"
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def client(path: Path) -> Iterator[Client]:
    """A client, which closes the file in the end."""
    found = Client(path)
    try:
        yield found
    finally:
        found.close()
