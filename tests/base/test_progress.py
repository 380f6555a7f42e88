"""Progress on something that is no terminal: plain lines with a share, an estimate once it means something, and a note."""

import time

from workbench.base.progress import Progress


def test_no_time_left_is_named_before_a_twentieth_is_done(capsys):
    with Progress("work", total=100.0, interval_s=0.0) as progress:
        progress.update(4.9, "compiling")
        progress.update(50.0, "half")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "work:   5 % compiling"
    assert second.startswith("work:  50 %, about ") and second.endswith(" s left half")


def test_the_time_left_forgets_a_slow_start(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Progress("work", total=100.0, interval_s=0.0) as progress:
        for now[0], done in ((40.0, 0.0), (60.0, 20.0), (80.0, 40.0)):
            progress.update(done)
        now[0] = 90.0
        progress.update(40.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:3] == ["work:  20 %, about 80 s left", "work:  40 %, about 60 s left"]
    assert lines[3] == "work:  40 %, about 90 s left"


def test_without_a_total_the_amount_and_the_time_so_far_are_named(capsys):
    with Progress("work", unit="moves", interval_s=0.0) as progress:
        progress.update(12_000)
    assert capsys.readouterr().err == "work: 12,000 moves, 0 s\n"


def test_nothing_is_said_more_often_than_the_interval_or_when_quiet(capsys):
    with Progress("work", total=1.0, interval_s=3600.0) as progress:
        progress.update(0.5)
    with Progress("work", total=1.0, quiet=True, interval_s=0.0) as progress:
        progress.update(0.5)
    assert capsys.readouterr().err == ""


def test_waiting_shows_that_time_goes_by(capsys):
    with Progress("run", interval_s=0.0) as progress, progress.waiting("compiling"):
        time.sleep(1.2)
    assert "run: 0" in (shown := capsys.readouterr().err) and shown.rstrip().endswith("compiling")


def test_a_start_that_ends_with_the_first_report_tells_no_time_left(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Progress("work", total=100.0, interval_s=0.0) as progress:
        for now[0], done in ((80.0, 10.0), (90.0, 20.0), (140.0, 70.0)):
            progress.update(done)
    assert capsys.readouterr().err.splitlines() == [
        "work:  10 %", "work:  20 %, about 80 s left", "work:  70 %, about 30 s left",
    ]  # fmt: skip
