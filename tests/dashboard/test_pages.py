"""Every page of the dashboard on a small store, on an empty one, and on damaged ones."""

from __future__ import annotations

import importlib
import importlib.util
import json
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from workbench.cli.dashboard import SETTINGS
from workbench.dashboard.main import EMPTY, PAGES


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    spec = importlib.util.spec_from_file_location("make_store", root / "tests/study/make_store.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("store")
    module.make_store(folder)
    with module.without_processes():
        broken = module.small_study(name="with failures", networks=("squeezenet", "broken_net"))
        module.run_study(broken, folder)
        module.make_comparison(folder / "agents-1")
    return folder


def show(page: str) -> AppTest:
    def script(name: str) -> None:
        from workbench.dashboard.main import draw_page

        draw_page(name)

    return AppTest.from_function(script, args=(page,), default_timeout=60).run()


def _choose(app: AppTest, name: str) -> AppTest:
    """Choose the run whose study is called so."""
    box = app.sidebar.selectbox[0]
    label = next(label for label in box.options if label.startswith(f"{name} ("))
    return box.select(label).run()


@pytest.mark.parametrize("page", list(PAGES))
def test_a_page_of_a_finished_run_shows_no_error(page: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = show(page) if page == "agents" else _choose(show(page), "lanes")
    assert not app.exception and not app.error and not app.warning
    assert app.title[0].value == PAGES[page]


@pytest.mark.parametrize("page", list(PAGES))
def test_a_page_of_an_empty_store_says_what_to_do(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "none"))
    app = show(page)
    assert not app.exception and not app.error
    own = importlib.import_module(f"workbench.dashboard.pages.{page}")
    assert [box.value for box in app.info] == [getattr(own, "EMPTY", EMPTY)]
    assert not (tmp_path / "none").exists()


def test_the_app_opens_on_the_comparison(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = AppTest.from_file(str(root / "app.py"), default_timeout=60).run()
    assert not app.exception and app.title[0].value == "Comparison"


def test_the_comparison_shows_the_figures_of_the_results(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = _choose(show("comparison"), "lanes")
    frame = app.dataframe[0].value
    results = {}
    for path in store.glob("lanes-*/points/*/result.json"):
        point = json.loads(path.read_text())
        results[point["design"], point["network"]] = point["ppa"]
    assert len(frame) == len(results) == 6
    for row in frame.itertuples():
        ppa = results[row.design, row.network]
        assert row.latency_ms == pytest.approx(ppa["latency_ms"])
        assert row.energy_mj == pytest.approx(sum(ppa["energy_mj"].values()))
        assert row.area_mm2 == pytest.approx(sum(ppa["area_um2"].values()) / 1e6)


def test_failed_points_are_shown_with_their_sentence(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = _choose(show("comparison"), "with failures")
    assert not app.exception
    why = "broken_net: found an operator 'Foo', expected a supported operator; remove it."
    assert [box.value for box in app.warning] == [
        f"**{design}** on **broken_net** failed: {why}" for design in ("core alone", "NPU, 4 lanes", "NPU, 16 lanes")
    ]


def test_layers_follow_the_chosen_design_and_network(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = _choose(show("layers"), "lanes")
    slow = app.metric[1].value
    app.main.selectbox[0].select("NPU, 16 lanes").run()
    assert not app.exception
    assert float(app.metric[1].value.split()[0]) < float(slow.split()[0])


def test_the_agents_page_shows_the_table_of_the_comparison(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = show("agents")
    overall, costs, pairs = (table.value for table in app.dataframe)
    assert list(overall["agent"]) == ["greedy", "random"] and list(overall["mean_rank"]) == [1.0, 2.0]
    results = [json.loads(path.read_text()) for path in store.glob("agents-1/jobs/small/greedy-*.json")]
    proxies = [result["costs"]["proxy_cost"] for result in results]
    assert len(proxies) == 3 and costs["proxy_mean"][0] == pytest.approx(sum(proxies) / 3)
    assert list(pairs["agent"]) == ["random"]
    assert [box.label for box in app.selectbox if box.label != "Comparison"] == ["Netlist", "Agent"]


def test_a_damaged_comparison_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "comparison.json").write_text("{")
    app = show("agents")
    assert not app.exception
    assert [box.value for box in app.error] == [
        f"{tmp_path}/x/comparison.json: found no comparison of agents, expected a comparison.json; compare again into a new "
        "folder."
    ]


@pytest.mark.parametrize("view", ["objects", "density", "congestion"])
def test_every_view_of_a_floorplan_is_drawn(view: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(store))
    app = _choose(show("floorplan"), "lanes")
    app.button_group[0].set_value([view]).run()
    assert not app.exception and not app.error
    assert [metric.label for metric in app.metric][:2] == ["proxy cost", "wirelength"]


def test_a_damaged_run_is_one_sentence_and_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "study.json").write_text('{"name": "x", "points": ["a"], "status": "done", "started": "2026"}')
    assert not show("comparison").exception
    (folder / "study.json").write_text("{")
    app = show("comparison")
    assert not app.exception
    assert [box.value for box in app.error] == [
        f"{folder / 'study.json'}: found a damaged file, expected JSON; run the study again."
    ]


def test_the_settings_of_the_command_and_of_the_file_are_the_same(root: Path) -> None:
    table = tomllib.loads((root / ".streamlit/config.toml").read_text())
    flat = {f"{section}.{name}": value for section, values in table.items() for name, value in values.items()}
    assert {name: str(value).lower() for name, value in flat.items()} == SETTINGS


def test_the_server_is_for_this_machine_only_and_protected() -> None:
    assert SETTINGS["server.address"] == "127.0.0.1"
    assert SETTINGS["server.enableXsrfProtection"] == SETTINGS["server.enableCORS"] == "true"
    assert SETTINGS["client.showErrorDetails"] == "none"
    assert int(SETTINGS["server.maxUploadSize"]) <= 1
