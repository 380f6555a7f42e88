"""The run store: its index follows from its folders, whatever happens to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.study.records import read_point
from workbench.study.store import RunStore


@pytest.fixture(scope="module")
def filled(maker, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN001
    folder = tmp_path_factory.mktemp("store")
    maker.make_store(folder)
    return folder


def test_an_absent_store_has_no_runs_and_is_not_made_by_looking(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "none")
    assert store.runs() == [] and store.find_done("x") is None
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", ["remove", "text", "empty", "other schema"])
def test_the_index_is_made_again_from_the_folders(filled: Path, damage: str) -> None:
    store = RunStore(filled)
    before, index = store.runs(), filled / "index.sqlite"
    if damage == "remove":
        index.unlink()
    elif damage == "other schema":
        index.unlink()
        import sqlite3

        connection = sqlite3.connect(index)
        connection.execute("CREATE TABLE other (x)")
        connection.close()
    else:
        index.write_bytes(b"" if damage == "empty" else b"no database, just text " * 100)
    assert store.runs() == before and len(before) == 1
    assert store.find_done(store.points(before[0].run)[0].key) is not None


def test_a_run_whose_folder_is_gone_is_not_listed(maker, tmp_path: Path) -> None:  # noqa: ANN001
    import shutil

    run = maker.make_store(tmp_path)
    shutil.rmtree(run.folder)
    assert RunStore(tmp_path).runs() == []


def test_points_come_in_the_studys_order_and_survive_their_json(filled: Path) -> None:
    store = RunStore(filled)
    [info] = store.runs()
    points = store.points(info.run)
    assert [p.design for p in points[::2]] == ["core alone", "NPU, 4 lanes", "NPU, 16 lanes"]
    assert read_point(store.folder(info.run) / "points" / points[0].slug / "result.json") == points[0]


@pytest.mark.parametrize("name", ["..", "../other", "a/b", "", ".hidden"])
def test_a_run_is_one_folder_of_the_store(filled: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        RunStore(filled).folder(name)
    assert str(error.value) == f"run: found {name!r}, expected a run's name; see the dashboard's list of runs."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "found no point of a study, expected a result.json; run the study again with --fresh."),
        ("[]", "found no point of a study, expected a result.json; run the study again with --fresh."),
        ('{"schema": 99}', "found another schema, expected schema 1; run the study again with --fresh."),
        ('{"schema": 1}', "found no point of a study, expected a result.json; run the study again with --fresh."),
    ],
)
def test_a_broken_point_is_one_sentence(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        read_point(path)
    assert str(error.value) == f"{path}: {words}"
