"""Content keys: a result may be used again only if everything it was made from is the same, this program included."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from workbench.base.places import data_folder
from workbench.study.study import DesignSpec

_PACKAGE = Path(__file__).resolve().parents[1]
_NOT_RESULTS = ("cli", "dashboard", "study")


@cache
def code_key() -> str:
    """Hash of every source and data file of the package that a result may depend on."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        if path.suffix in (".py", ".toml", ".json") and parts[0] not in _NOT_RESULTS:
            digest.update("/".join(parts).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def key_of(*parts: Any) -> str:
    """Hash of the code and of any JSON-like values."""
    text = json.dumps([code_key(), *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Keys:
    """The keys of one run of a study; files are read once, so that editing one meanwhile does not split the run."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str], str] = {}

    def content(self, name_or_path: str | None, kind: str) -> str:
        """Hash of what a name stands for: a file's bytes, a folder's files, or a shipped part of that kind (`cores`)."""
        if name_or_path is None:
            return ""
        if (name_or_path, kind) not in self._contents:
            self._contents[name_or_path, kind] = _content_key(name_or_path, kind)
        return self._contents[name_or_path, kind]

    def placement(self, design: DesignSpec) -> str:
        """Key of a placed netlist."""
        placement = design.placement.model_dump() if design.placement else {}
        file = self.content(placement.get("file"), "netlists")
        return key_of("placement", self.content(design.netlist, "netlists"), design.parameters, placement, file)

    def simulation(self, design: DesignSpec, network: str, frequency_mhz: float) -> str:
        """Key of one run of a network on a design's core at a clock."""
        core, model = self.content(design.core, "cores"), self.content(network, "models")
        return key_of("simulation", core, model, design.dtype, design.threads, frequency_mhz)

    def point(self, design: DesignSpec, network: str, resimulate: bool) -> str:
        """Key of a design point's result."""
        run = self.simulation(design, network, 0.0)
        technology = self.content(design.technology, "technologies")
        return key_of("point", self.placement(design) if design.netlist else "", run, technology, resimulate)


def _content_key(name_or_path: str, kind: str) -> str:
    path = Path(name_or_path)
    if not path.exists():
        shipped = data_folder(kind)
        path = next((p for p in (shipped / f"{name_or_path}.toml", shipped / name_or_path) if p.exists()), path)
    digest = hashlib.sha256(name_or_path.encode() if not path.exists() else b"")
    for file in sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []:
        if file.is_file():
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:24]
