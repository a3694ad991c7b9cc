"""Who may read what is written, and where symbolic links lead: every command, under umasks that hide nothing."""

from __future__ import annotations

import ast
import errno
import fnmatch
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import small_school as school

from padm_ibis import access, atomic
from padm_ibis.api import run
from padm_ibis.config import load_config
from padm_ibis.definitions import Definitions
from padm_ibis.doctor import doctor
from padm_ibis.errors import ConfigError, PadmError
from padm_ibis.export import export
from padm_ibis.publish import publish
from padm_ibis.sample import write_sample
from padm_ibis.warehouse import connect

sys.path.insert(0, str(Path(__file__).parent / "commands"))

from command_lines import LINES

ROOT = Path(__file__).parents[1]
WRITTEN = {
    "w.duckdb": "the published warehouse",
    ".w.duckdb.padm": "the working folder",
    ".w.duckdb.padm/work.duckdb": "the work file",
    ".w.duckdb.padm/published.json": "what is known of the published file",
    ".w.duckdb.padm/lock": "the lock",
    ".w.duckdb.padm/last_run.json": "the last report",
    ".w.duckdb.padm/runs": "the journal",
    ".w.duckdb.padm/runs/*.json": "the journal",
    ".w.duckdb.padm/tables-*": "which tables there are",
    ".w.duckdb.padm/small_school-*.json": "the statements of a kind",
    ".w.duckdb.padm/statements-*.json": "the statements of a kind",
    ".w.duckdb.padm/publications.jsonl": "publications",
    ".w.duckdb.padm/notices.*.json": "what was told",
    ".w.duckdb.padm/exports.json": "where exports are",
    ".w.duckdb.padm/suppressed.json": "who was erased",
    ".w.duckdb.padm/versions": "versions that are kept",
    ".w.duckdb.padm/versions/*.duckdb": "versions that are kept",
    ".w.duckdb.padm/erasures": "certificates",
    ".w.duckdb.padm/erasures/*": "certificates",
    "m.duckdb": "a mirror",
    "m.sqlite": "a mirror",
    "s.duckdb": "a sample",
    "exported": "an export",
    "exported/*": "an export",
    "another": "an export",
    "another/*": "an export",
    "padm.log*": "a log",
    "*.answer": "an answer",
}
"""Every family of files that commands write; one that is not listed here fails."""
SOURCE_CODE = ("marts", "marts/*", "tests", "tests/*", "__pycache__*")
"""What `new` writes is a person's own source code, and as readable as what their editor writes."""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", ["0022", "0000"])
def test_no_command_lets_others_read_what_it_writes(umask: str, tmp_path: Path) -> None:
    config = school.write_config(
        tmp_path,
        school.write_school(tmp_path / "given.duckdb"),
        more='[log]\nfile = "padm.log"\nmax_bytes = 1000\n[webhook]\nurl = "http://localhost:1/"\ntimeout_s = 1',
    )
    first = "run --as-of 2024-12-31", "export mart_pupil --to exported", "publish --to sqlite://m.sqlite"
    lines = {name: more.replace("north:", "given:") for name, (more, _) in LINES.items()}
    named = [f"{name} {more} --json {name.replace(' ', '-')}.answer" for name, more in lines.items()]
    paths = os.pathsep.join([str(Path(school.__file__).parent), str(ROOT)])
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "writing_everything.py"), umask, *first, *named],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (tmp_path / "given.duckdb").unlink()
    config.unlink()
    told = json.loads((tmp_path / "exposed.json").read_text())
    (tmp_path / "exposed.json").unlink()
    assert [told["codes"][line] for line in named] == [code for _, code in LINES.values()], done.stderr
    theirs = {p for p in tmp_path.rglob("*") if any(fnmatch.fnmatch(str(p.relative_to(tmp_path)), s) for s in SOURCE_CODE)}
    ours = sorted(p for p in tmp_path.rglob("*") if p not in theirs)
    modes = {str(p.relative_to(tmp_path)): mode(p) for p in ours}
    assert modes == {name: 0o700 if (tmp_path / name).is_dir() else 0o600 for name in modes}
    unknown = [name for name in modes if not any(fnmatch.fnmatch(name, family) for family in WRITTEN)]
    assert unknown == []
    assert [path for path in told["exposed"] if tmp_path / path not in theirs] == []


def test_whoever_looks_for_exposed_files_finds_one(tmp_path: Path) -> None:
    """The check above could otherwise pass by finding nothing whatever there is."""
    code = "import pathlib, time; pathlib.Path('left').write_text('x'); time.sleep(0.1); pathlib.Path('left').unlink(); open(0)"
    script = (Path(__file__).parent / "writing_everything.py").read_text().replace("invoke(shlex.split(line))", "exec(line)")
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "script.py", "0022", code], cwd=tmp_path, env=environment, check=True)
    assert json.loads((tmp_path / "exposed.json").read_text())["exposed"] == ["./left"]


def test_everything_that_the_package_writes_goes_through_one_door() -> None:
    """Whoever opens a file for writing elsewhere gives it the mode of the day."""
    doors = {"access.py", "author/package.py"}  # the second writes source code, of the person's own umask
    writing = {
        "write_text",
        "write_bytes",
        "mkdir",
        "touch",
        "makedirs",
        "copyfile",
        "copy2",
        "copytree",
        "mkfifo",
        "NamedTemporaryFile",
    }
    found = []
    for path in sorted((ROOT / "padm_ibis").rglob("*.py")):
        if path.relative_to(ROOT / "padm_ibis").as_posix() in doors:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = ast.unparse(node)
            texts = [n.value for n in (*node.args, *(k.value for k in node.keywords)) if isinstance(n, ast.Constant)]
            opens = name == "open" and any(isinstance(t, str) and set(t) <= set("wax+bt") and set(t) & set("wax+") for t in texts)
            if (opens or name in writing) and "access." not in given:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {given}")
    assert found == []


# --- what is configured, and what was there --------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    school.write_config(tmp_path, school.write_school(tmp_path / "north.duckdb"))
    return tmp_path


def go(folder: Path, day: str = "2024-12-31", more: str = "", warehouse: str | None = None) -> None:
    if more:
        config = folder / "padm.toml"
        config.write_text(config.read_text().replace("[warehouse]\n", f"[warehouse]\n{more}\n"), encoding="utf-8")
    assert run(config=folder / "padm.toml", as_of=day, warehouse=warehouse).exit_code == 0


def marks(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as con:
        return con.execute("SELECT sum(marks)::BIGINT FROM gold.mart_pupil").fetchall()[0][0]


def test_a_configured_mode_is_that_of_a_new_and_of_an_old_file(folder: Path) -> None:
    go(folder, more='file_mode = "0640"')
    assert mode(folder / "w.duckdb") == 0o640
    assert mode(folder / ".w.duckdb.padm" / "work.duckdb") == 0o600
    for day in ("2024-12-31", "2024-12-30"):  # with nothing new, and with something
        (folder / "w.duckdb").chmod(0o644)
        go(folder, day)
        assert mode(folder / "w.duckdb") == 0o640


def test_a_mode_that_an_operator_gave_by_hand_stays(folder: Path) -> None:
    go(folder)
    (folder / "w.duckdb").chmod(0o644)
    go(folder, "2024-12-30")
    assert mode(folder / "w.duckdb") == 0o644


def test_doctor_tells_of_readers_that_nobody_may_have_meant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(more: str = "") -> list[tuple[str, str]]:
        config = folder / "padm.toml"
        if more:
            config.write_text(config.read_text().replace("[warehouse]\n", f"[warehouse]\n{more}\n"), encoding="utf-8")
        found = doctor(load_config(config)).findings
        return [(d.text, d.advice or "") for d in found if d.subject == "warehouse" and d.verdict == "warning"]

    go(folder)
    assert told() == []
    (folder / "w.duckdb").chmod(0o644)
    ((text, advice),) = told()
    assert text == "w.duckdb can be read by everybody on this machine (mode 0644)"
    assert advice.startswith(f"chmod 640 {folder / 'w.duckdb'}; or")
    assert told('file_mode = "0644"') == []
    monkeypatch.setattr(access, "HAS_MODES", False)
    assert [text for text, _ in told()] == ["[warehouse] file_mode changes nothing on Windows"]


def test_a_mirror_and_an_export_keep_what_they_had_and_take_what_is_configured(folder: Path) -> None:
    go(folder)
    config, mirror, exported = load_config(folder / "padm.toml"), folder / "m.duckdb", folder / "exported"
    publish(config, f"duckdb://{mirror}")
    for path, readable in ((mirror, 0o644), (exported, 0o750), (exported / "_manifest.json", 0o640)):
        if path == exported:
            with connect(folder / "padm.toml") as warehouse:
                export(warehouse, Definitions(config).graph, "mart_pupil", exported)
        path.chmod(readable)
    publish(config, f"duckdb://{mirror}")
    with connect(folder / "padm.toml") as warehouse:
        export(warehouse, Definitions(config).graph, "mart_pupil", exported)
    assert mode(mirror) == 0o644
    assert [mode(p) for p in (exported, *sorted(exported.iterdir()))] == [0o750, 0o640, 0o640]
    with (folder / "padm.toml").open("a") as file:
        file.write('\n[publish]\nfile_mode = "0640"\n[publish.targets.bi]\nto = "duckdb://bi.duckdb"\nfile_mode = "0644"')
    config = load_config(folder / "padm.toml")
    publish(config, f"duckdb://{mirror}")
    publish(config, "bi")
    assert (mode(mirror), mode(folder / "bi.duckdb")) == (0o640, 0o644)


@pytest.mark.parametrize("what", ["mirror", "sample"])
def test_what_stood_only_in_the_log_of_a_file_is_kept(folder: Path, what: str) -> None:
    """A program that was killed left it beside the file."""
    go(folder)
    file = folder / "m.duckdb"

    def write() -> None:
        if what == "mirror":
            publish(load_config(folder / "padm.toml"), f"duckdb://{file}")
        else:
            write_sample(f"duckdb://{file}", students=2, years=2, replace=True)

    write()
    theirs = (
        f"import duckdb, os; c = duckdb.connect({str(file)!r}); c.execute('CREATE TABLE theirs AS SELECT 5 AS x'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", theirs], check=True)
    assert (folder / "m.duckdb.wal").exists()
    write()
    assert not (folder / "m.duckdb.wal").exists()
    with duckdb.connect(str(file), read_only=True) as con:
        assert con.execute("FROM theirs").fetchall() == [(5,)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0o640", "should be three octal digits as text, such as '0640'"),
        ('"rw-r-----"', "should be three octal digits as text, such as '0640'"),
        ('"0690"', "should be three octal digits as text, such as '0640'"),
        ('"0440"', "'0440' keeps its owner out, who reads and writes the file: '0600' at least"),
        ('"0660"', "'0660' lets others write the file, or run it; they may read it: '0640' the group, '0644' everybody"),
        ('"0750"', "'0750' lets others write the file, or run it; they may read it: '0640' the group, '0644' everybody"),
    ],
)
def test_a_mode_that_makes_no_sense_is_refused(folder: Path, written: str, said: str) -> None:
    config = folder / "padm.toml"
    config.write_text(config.read_text().replace("[warehouse]\n", f"[warehouse]\nfile_mode = {written}\n"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert "warehouse.file_mode" in caught.value.message
    assert said in caught.value.message


def test_a_group_that_cannot_be_kept_reads_nothing_and_the_report_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(folder)
    (folder / "w.duckdb").chmod(0o640)
    stat, group = Path.stat, 54_321

    class Another:
        def __init__(self, found: os.stat_result) -> None:
            self.found, self.st_gid = found, group

        def __getattr__(self, name: str) -> object:
            return getattr(self.found, name)

    def of_another_group(path: Path, **more: bool) -> object:
        found = stat(path, **more)
        return Another(found) if path.name == "w.duckdb" else found

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "stat", of_another_group)
    monkeypatch.setattr(os, "chown", refused)
    report = run(config=folder / "padm.toml", as_of="2024-12-30")
    assert "The group of w.duckdb could not be kept: nobody but its owner reads it by group." in report.notes
    assert stat(folder / "w.duckdb").st_mode & 0o777 == 0o600


def test_what_is_set_aside_is_no_more_readable_than_it_was(folder: Path) -> None:
    go(folder)
    before = os.umask(0)
    try:
        for name in ("w.duckdb", ".w.duckdb.padm/work.duckdb"):
            with (folder / name).open("r+b") as file:
                file.truncate(5_000)
        go(folder, "2024-12-30")
    finally:
        os.umask(before)
    aside = [*folder.glob("*.invalid.*"), *folder.glob(".w.duckdb.padm/*.invalid.*")]
    assert {mode(p) for p in (folder / "w.duckdb", *aside)} == {0o600}
    assert len(aside) == 2


# --- symbolic links --------------------------------------------------------------------------------------


def linked(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


def test_a_link_to_a_warehouse_is_followed_through_a_chain_dangling_or_not(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    linked(folder / "w.duckdb", linked(folder / "current.duckdb", disk / "real.duckdb"))
    for day in ("2024-12-31", "2024-06-30"):  # at first there is nothing at its end
        go(folder, day)
        assert (folder / "w.duckdb").is_symlink()
        assert (folder / "current.duckdb").is_symlink()
        assert mode(disk / "real.duckdb") == 0o600
        assert marks(disk / "real.duckdb") == (3 if day == "2024-12-31" else 2)
    assert sorted(p.name for p in disk.iterdir()) == [".real.duckdb.padm", "real.duckdb"]
    assert not (folder / ".w.duckdb.padm").exists()


def test_links_in_a_circle_are_one_clear_error(folder: Path) -> None:
    linked(folder / "w.duckdb", folder / "other.duckdb")
    linked(folder / "other.duckdb", folder / "w.duckdb")
    with pytest.raises(PadmError, match="Too many levels of symbolic links"):
        run(config=folder / "padm.toml", as_of="2024-12-31")


@pytest.fixture
def elsewhere(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that files cannot be renamed from, as if it were on another disk."""
    place = tmp_path_factory.mktemp("another-disk").resolve()
    rename = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if path.resolve().is_relative_to(place) != target.parent.resolve().is_relative_to(place):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    return place


@pytest.mark.parametrize("there", [True, False])
def test_a_working_folder_on_another_disk_is_followed(folder: Path, elsewhere: Path, there: bool) -> None:
    linked(folder / ".w.duckdb.padm", elsewhere / "work")
    if there:
        (elsewhere / "work").mkdir()
    (folder / f".w.duckdb.new-{2**22 + 1}-left").mkdir()  # of a process that was killed: there is none of that number
    go(folder)
    go(folder, "2024-06-30")
    assert (folder / ".w.duckdb.padm").is_symlink()
    assert (elsewhere / "work" / "work.duckdb").is_file()
    assert (mode(folder / "w.duckdb"), marks(folder / "w.duckdb")) == (0o600, 2)
    assert sorted(p.name for p in folder.iterdir() if p.suffix != ".toml") == [".w.duckdb.padm", "north.duckdb", "w.duckdb"]


@pytest.mark.parametrize("scheme", ["duckdb", "sqlite"])
def test_a_link_to_a_mirror_on_another_disk_is_followed(folder: Path, elsewhere: Path, scheme: str) -> None:
    go(folder)
    linked(folder / "m.file", elsewhere / "mirror.file")
    for _ in range(2):
        assert publish(load_config(folder / "padm.toml"), f"{scheme}://{folder / 'm.file'}").exit_code == 0
        assert (folder / "m.file").is_symlink()
        assert [p.name for p in elsewhere.iterdir()] == ["mirror.file"]
        assert mode(elsewhere / "mirror.file") == 0o600


def test_a_link_to_an_export_a_log_an_answer_or_a_sample_is_followed(folder: Path, elsewhere: Path) -> None:
    from padm_ibis.cli import invoke

    names = {"export": "exported", "log": "padm.log", "json": "answer.json", "sample": "sample.duckdb"}
    for name in names.values():
        linked(folder / name, elsewhere / name)
    config = f"--config {folder / 'padm.toml'}"
    with (folder / "padm.toml").open("a") as file:
        file.write(f'\n[log]\nfile = "{folder / "padm.log"}"\nmax_bytes = 1000')
    for line in (
        f"run --as-of 2024-12-31 {config} --json {folder / 'answer.json'}",
        *[f"export mart_pupil --to {folder / 'exported'} {config}"] * 2,
        f"sample --into duckdb://{folder / 'sample.duckdb'} --students 2 --years 2",
    ):
        assert invoke(line.split()) == 0
    assert all((folder / name).is_symlink() for name in names.values())
    assert {p.name for p in elsewhere.iterdir()} >= set(names.values())
    assert {mode(p) for p in elsewhere.rglob("*") if p.is_file()} == {0o600}
    assert not [p for p in folder.iterdir() if p.name.startswith("padm.log.")]


# --- the tools -------------------------------------------------------------------------------------------


def test_folders_above_are_made_as_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        access.folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_text_goes_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = linked(tmp_path / "near.json", tmp_path / "far" / "real.json")
    atomic.write(link, "{}")
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.json").read_text() == "{}"
