"""What a run says while it goes on: a moving line on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from padm_ibis.report.text import duration

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress:
    """Says nothing: for libraries and tests."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def phase(self, name: str, steps: int | None = None) -> None:
        """Begin a part of the run, of so many steps."""

    def start(self, name: str) -> None:
        """Begin a step."""

    def done(self, name: str, detail: str = "") -> None:
        """End a step."""

    def note(self, text: str) -> None:
        """Say something remarkable."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines(Progress):
    """A line a step, for logs.

    Parameters
    ----------
    write
        Takes each line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._began: dict[str, float] = {}

    def phase(self, name: str, steps: int | None = None) -> None:
        """Write the phase."""
        self._write(f"{name}{f': {steps} tables' if steps else ''}")

    def start(self, name: str) -> None:
        """Remember when the step began."""
        self._began[name] = time.perf_counter()

    def done(self, name: str, detail: str = "") -> None:
        """Write the step, with its time."""
        began = self._began.pop(name, None)
        took = "" if began is None else f"  {duration(time.perf_counter() - began)}"
        self._write(f"  {name}  {detail}{took}")

    def note(self, text: str) -> None:
        """Write the note."""
        self._write(text)


class Live(Progress):
    """A bar that moves and is gone in the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self.bar: RichProgress = RichProgress(
            SpinnerColumn("line" if console.options.ascii_only else "dots"),
            TextColumn("[bold]{task.fields[phase]:<8}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def phase(self, name: str, steps: int | None = None) -> None:
        """Start a new bar."""
        if self._task is None:
            self.bar.start()
        else:
            self.bar.remove_task(self._task)
        self._task = self.bar.add_task("", total=steps, phase=name)

    def start(self, name: str) -> None:
        """Show the step's name."""
        if self._task is not None:
            self.bar.update(self._task, description=name)

    def done(self, name: str, detail: str = "") -> None:
        """Move the bar on."""
        if self._task is not None:
            self.bar.update(self._task, advance=1, description=f"{name} {detail}")

    def note(self, text: str) -> None:
        """Print above the bar."""
        self.bar.console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Remove the bar; another phase may begin a new one."""
        if self._task is not None:
            self.bar.remove_task(self._task)
            self._task = None
        self.bar.stop()


class Several(Progress):
    """The same, said to more than one."""

    def __init__(self, *all_of: Progress) -> None:
        self.all_of = all_of

    def phase(self, name: str, steps: int | None = None) -> None:
        """Begin a part."""
        for one in self.all_of:
            one.phase(name, steps)

    def start(self, name: str) -> None:
        """Begin a step."""
        for one in self.all_of:
            one.start(name)

    def done(self, name: str, detail: str = "") -> None:
        """End a step."""
        for one in self.all_of:
            one.done(name, detail)

    def note(self, text: str) -> None:
        """Say something remarkable."""
        for one in self.all_of:
            one.note(text)

    def close(self) -> None:
        """Close all."""
        for one in self.all_of:
            one.close()
