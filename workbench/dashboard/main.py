"""Entry of the dashboard: navigation, the choice of a run, and the edge where errors become one sentence."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from workbench.base.errors import WorkbenchError
from workbench.dashboard.data import RunData, list_runs, load_run

# Modules in `pages/` and their titles. No icons: Streamlit fetches the icon of a page from another site.
PAGES = {
    "comparison": "Comparison",
    "floorplan": "Floorplan",
    "core": "Core",
    "layers": "Layers",
    "agents": "Agents",
    "runs": "Runs",
}
EMPTY = (
    "There is no run yet. Run a study with `workbench compare STUDY.toml`, or the whole loop with `workbench demo`, "
    "then reload this page."
)


def main() -> None:
    """Draw the page that the navigation shows."""
    st.set_page_config(page_title="Chip workbench", layout="wide")
    pages = [st.Page(_page(name), title=title, url_path=name, default=name == "comparison") for name, title in PAGES.items()]
    st.navigation(pages).run()


def _page(name: str) -> Callable[[], None]:
    def draw() -> None:
        draw_page(name)

    draw.__name__ = name
    return draw


def draw_page(name: str) -> None:
    """Draw one page for the chosen run (or what the page itself lets one `choose`); errors of files are a sentence."""
    module = import_module(f"workbench.dashboard.pages.{name}")
    st.title(PAGES[name])
    try:
        chosen = getattr(module, "choose", choose_run)()
        if chosen is None:
            st.info(getattr(module, "EMPTY", EMPTY), icon=":material/lightbulb:")
        else:
            module.draw(chosen)
    except WorkbenchError as error:
        st.error(str(error))


def choose_run() -> RunData | None:
    """The run chosen in the sidebar (the newest at first); None if there are none."""
    runs = list_runs()
    if not runs:
        return None
    labels = {info.run: f"{info.name} ({info.status}, {info.started[:16].replace('T', ' ')})" for info in runs}
    names = list(labels)
    known = st.session_state.get("chosen run")
    index = names.index(known) if known in labels else 0
    chosen = st.sidebar.selectbox("Run", names, index=index, format_func=labels.__getitem__)
    st.session_state["chosen run"] = chosen
    return load_run(chosen)


if __name__ == "__main__":
    main()
