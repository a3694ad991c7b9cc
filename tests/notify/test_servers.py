"""Servers that refuse, hang or fail: a notice is tried again for a short while, and never costs the run its outcome."""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Callable

import pytest
from conftest_notify import BAD, MENDED, School
from servers import Channel, Mailbox, free_port

from padm_ibis.config import load_config
from padm_ibis.notify import Watch

Make = Callable[..., School]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_channel_that_fails_at_first_is_asked_again(school: Make, channel: Channel, warnings) -> None:
    one = school(channel.section())
    one.marks(BAD)
    channel.answers = [500, 503]
    assert one.run() == "CheckFailed"
    assert (channel.asked, len(channel.texts)) == (3, 1)
    assert warnings() == []


@pytest.mark.parametrize(
    ("answers", "asked", "why"),
    [
        ([500, 500, 500], 3, "it answered 500 Internal Server Error"),
        ([404], 1, "it answered 404 Not Found"),
        ([302], 1, "it answered 302 Found"),  # followed, it would arrive as a GET without its text, and be answered 200
        ([0, 0, 0], 3, "it did not answer within 1 s"),
    ],
)
def test_what_a_channel_does_not_take_is_one_warning_without_its_secret(
    school: Make, channel: Channel, warnings, answers: list[int], asked: int, why: str
) -> None:
    one = school(channel.section(timeout_s=1))
    one.marks(BAD)
    channel.answers = answers
    began = time.monotonic()
    assert one.run() == "CheckFailed"
    assert time.monotonic() - began < 15
    assert channel.asked == asked
    (line,) = warnings()
    assert line.startswith(f"No notice by [webhook] (127.0.0.1): {why}. Is the url of [webhook] right")
    assert "\n" not in line
    assert "SECRET" not in line


def test_a_channel_that_refuses_the_connection_or_hangs_does_not_hold_a_good_run_up(school: Make, warnings) -> None:
    one = school(f'[webhook]\nurl = "http://127.0.0.1:{free_port()}/hidden-path"\n')
    one.marks(BAD)
    assert one.run() == "CheckFailed"
    one.marks(MENDED)
    assert one.run() == "ok"  # the failure, told again before it, and its own end
    assert {line.partition("): ")[2] for line in warnings()} == {
        "Connection refused. Is the url of [webhook] right, and not withdrawn? The next run tells again."
    }


def test_a_channel_that_hangs_does_not_wait_for_the_run_nor_the_run_for_it(school: Make, channel: Channel) -> None:
    """What an earlier run could not tell is told beside the work, not before it."""
    one = school(channel.section(timeout_s=2))
    one.marks(BAD)
    channel.answers = [404]
    one.run()
    channel.answers = [0, 200]
    one.marks(MENDED)
    began = time.monotonic()
    with Watch(load_config(one.folder / "padm.toml")):
        entered = time.monotonic() - began
    assert entered < 1.5 < time.monotonic() - began
    assert len(channel.texts) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("550 no such mailbox", "it answered 550. Look at sender and recipients of [mail]."),
        ("451 busy", "it answered 451. Look at sender and recipients of [mail]."),
    ],
)
def test_a_mail_server_that_refuses_is_one_warning(school: Make, mailbox: Mailbox, warnings, answer: str, why: str) -> None:
    one = school(mailbox.section())
    one.marks(BAD)
    mailbox.refuses = answer
    assert one.run() == "CheckFailed"
    assert warnings() == [f"No notice by [mail] (127.0.0.1:{mailbox.port}): {why} The next run tells again."]


def test_a_mail_server_that_is_down_or_lacks_a_login_is_one_warning(school: Make, mailbox: Mailbox, warnings) -> None:
    one = school(mailbox.section(user="padm", password="a secret word"))
    one.marks(BAD)
    one.run()
    mailbox.port = free_port()
    one = school(mailbox.section())
    one.marks(BAD)
    one.run()
    lacks, down = warnings()
    assert "it lacks what is asked for" in lacks
    assert "secret" not in lacks
    assert "Connection refused. Is host and port of [mail] right" in down


def test_a_memory_that_cannot_be_written_is_a_warning(school: Make, channel: Channel, warnings) -> None:
    one = school(channel.section())
    one.run()
    one.marks(BAD)
    memory = one.folder / ".w.duckdb.padm" / "notices.webhook.json"
    memory.unlink()
    memory.mkdir(mode=stat.S_IRWXU)  # nobody can replace it by a file, root neither
    assert one.run() == "CheckFailed"
    assert len(channel.texts) == 1
    (line,) = warnings()
    assert "notices.webhook.json cannot be written: Is a directory. What was told will be told again." in line


def test_a_mistake_in_telling_is_a_warning_and_no_failed_run(
    school: Make, channel: Channel, warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = school(channel.section())

    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("padm_ibis.notify.notice.of_report", broken)
    assert one.run() == "ok"
    assert warnings() == ["No notice: an unexpected KeyError while it was written."]


def test_the_address_of_a_channel_is_masked_wherever_it_stands(school: Make, channel: Channel) -> None:
    config = load_config(school(channel.section()).folder / "padm.toml")
    assert "SECRET" not in config.mask(f"{channel.url} /services/T0SECRET/B0SECRET")
    assert "SECRET" not in repr(config)
