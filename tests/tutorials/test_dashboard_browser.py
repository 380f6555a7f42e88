"""The dashboard in a real browser: every page draws its charts, shows no error, and keeps to this machine."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.dashboard import server_command

pytestmark = pytest.mark.slow

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
         "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage"]  # fmt: skip
PAGES = {"": 3, "floorplan": 2, "core": 2, "layers": 1, "agents": 3, "runs": 0}  # charts that must be there


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    spec = importlib.util.spec_from_file_location("make_store", root / "tests/study/make_store.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("store")
    module.make_store(folder)
    module.make_comparison(folder / "agents-1")
    return folder


def _serve(store: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = _free_port()
    environment = os.environ | {"WORKBENCH_RUNS": str(store)}
    server = subprocess.Popen(
        server_command(port, browser=False), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read()
            return server, address
        except OSError:
            time.sleep(0.25)
    server.terminate()
    raise AssertionError(f"the server did not start: {server.communicate()[0][-2000:]!r}")


@pytest.fixture(scope="module")
def address(store: Path) -> Iterator[str]:
    server, address = _serve(store)
    yield address
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _visit(browser: Any, address: str, outside: list[str]) -> Any:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.on("request", lambda request: request.url.startswith(("http:", "https:")) and outside.append(request.url))
    page.goto(address, wait_until="load")
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_selector("[data-testid=stStatusWidget]", state="detached", timeout=60_000)
    return page


@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_draws_its_charts_without_an_error(browser: Any, address: str, name: str, tmp_path: Path) -> None:
    asked: list[str] = []
    page = _visit(browser, f"{address}/{name}", asked)
    for _ in range(100):
        if page.locator(".js-plotly-plot .main-svg").count() and page.locator(".js-plotly-plot").count() >= PAGES[name]:
            break
        page.wait_for_timeout(100 if PAGES[name] else 10)
    assert page.locator(".js-plotly-plot").count() >= PAGES[name]
    assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0
    if name == "runs":
        assert page.locator("[data-testid=stDataFrame]").count() == 1
    folder = Path(os.environ.get("WORKBENCH_SCREENSHOTS", tmp_path))
    picture = folder / f"dashboard-{name or 'comparison'}.png"
    page.wait_for_timeout(700)
    height = page.locator("[data-testid=stMainBlockContainer]").bounding_box()["height"]
    page.set_viewport_size({"width": 1400, "height": int(height) + 80})
    page.wait_for_timeout(500)
    page.screenshot(path=str(picture))
    assert picture.stat().st_size > 20_000
    assert not [url for url in asked if not url.startswith(address)]
    page.close()


def test_an_empty_store_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    server, address = _serve(tmp_path / "none")
    try:
        page = _visit(browser, address, [])
        page.wait_for_selector("text=There is no run yet", timeout=30_000)
        page.close()
    finally:
        server.terminate()
        server.wait(20)
