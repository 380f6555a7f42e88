"""Reads LEF: sizes and pins of macros and cells, sites, and the pitches of the routing layers.

Read: UNITS, LAYER (TYPE, DIRECTION, PITCH), SITE (CLASS, SIZE), MACRO (CLASS, SIZE, ORIGIN, PIN with DIRECTION, USE and the
shapes of its first PORT, layers of OBS). A pin stands at the middle of the box around the shapes of its first port, or in
the middle of the macro if it has none. Everything else (vias, rules, antenna and timing data) is passed over.

Source: LEF/DEF 5.8 Language Reference, chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.readers.lefdef_text import Tokens, number

_NAMED_BLOCKS = ("VIA", "VIARULE", "NONDEFAULTRULE", "NOISETABLE", "CORRECTIONTABLE", "ARRAY")
_PLAIN_BLOCKS = ("SPACING", "PROPERTYDEFINITIONS", "IRDROP")
_MOST_CORNERS = 1 << 20


@dataclass(frozen=True)
class LefPin:
    """A pin of a macro.

    Attributes
    ----------
    name: its name.
    direction: ``INPUT``, ``OUTPUT``, ``INOUT`` or ``FEEDTHRU``.
    use: ``SIGNAL``, ``CLOCK``, ``POWER``, ``GROUND`` or ``ANALOG``.
    x_um, y_um: where it is, from the lower left corner of the macro's outline.
    """

    name: str
    direction: str
    use: str
    x_um: float
    y_um: float


@dataclass(frozen=True)
class LefMacro:
    """A macro or cell: `kind` is its CLASS (``CORE``, ``BLOCK``, ``BLOCK SOFT``, ...)."""

    name: str
    kind: str
    width_um: float
    height_um: float
    pins: dict[str, LefPin]
    blocked_layers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LefLayer:
    """A routing layer: the direction of its wires (``HORIZONTAL``, ``VERTICAL``) and the distance of its tracks."""

    name: str
    direction: str
    pitch_um: float


@dataclass
class LefLibrary:
    """Everything that a set of LEF files says; routing layers from the bottom up, sites as (width, height) in µm."""

    layers: list[LefLayer] = field(default_factory=list)
    core_sites: dict[str, tuple[float, float]] = field(default_factory=dict)
    macros: dict[str, LefMacro] = field(default_factory=dict)

    @property
    def row_height_um(self) -> float:
        """Height of the lowest row: of the smallest core site, else of the lowest CORE cell; 0 without either."""
        sites = [height for _, height in self.core_sites.values()]
        cells = [macro.height_um for macro in self.macros.values() if macro.kind.startswith("CORE")]
        return min(sites or cells or [0.0])


def parse_lef(text: str, where: str, library: LefLibrary | None = None, limits: Limits = DEFAULT_LIMITS) -> LefLibrary:
    """Add what a text says to a library (by default a new one), which is returned; what it has already stays.

    Raises
    ------
    InputError: file and line of what is not LEF.
    """
    library = LefLibrary() if library is None else library
    _Reader(Tokens(text, where), library, limits).run()
    return library


class _Reader:
    def __init__(self, tokens: Tokens, library: LefLibrary, limits: Limits) -> None:
        self.tokens, self.library, self.limits = tokens, library, limits

    def run(self) -> None:
        tokens, found = self.tokens, False
        while tokens.position < len(tokens.words):
            word = tokens.next().upper()
            found |= word in ("VERSION", "UNITS", "LAYER", "MACRO", "SITE")
            if word == "MACRO":
                self.macro(tokens.next())
            elif word == "LAYER":
                self.layer(tokens.next())
            elif word == "SITE":
                self.site(tokens.next())
            elif word in _NAMED_BLOCKS:
                tokens.skip_block(tokens.next())
            elif word in _PLAIN_BLOCKS or word == "UNITS":
                tokens.skip_block(word)
            elif word == "END":
                self.end_of_library()
                return
            elif word.isalnum():
                tokens.statement()
            else:
                raise InputError(tokens.at(), repr(word[:40]), "a LEF statement", "give a LEF file")
        if not found:
            raise InputError(tokens.where, "no LEF statement", "layers or macros", "give a LEF file")

    def end_of_library(self) -> None:
        word = self.tokens.next()
        if word.upper() != "LIBRARY":
            raise InputError(self.tokens.at(), f"END {word[:40]}", "END LIBRARY", "remove it")

    def layer(self, name: str) -> None:
        kind, direction, pitches = "", "", [0.0]
        while (word := self.key(name)) is not None:
            words = self.tokens.statement()
            if word == "TYPE":
                kind = " ".join(words)
            elif word == "DIRECTION":
                direction = " ".join(words)
            elif word == "PITCH":
                pitches = [self.number(pitch, "the pitch") for pitch in words[:2]] or [0.0]
        pitch = pitches[-1] if direction == "HORIZONTAL" else pitches[0]  # two: that along x, that along y
        if kind == "ROUTING" and pitch > 0 and all(layer.name != name for layer in self.library.layers):
            self.library.layers.append(LefLayer(name, direction, pitch))

    def site(self, name: str) -> None:
        kind, size = "", (0.0, 0.0)
        while (word := self.key(name)) is not None:
            words = self.tokens.statement()
            if word == "CLASS":
                kind = " ".join(words)
            elif word == "SIZE":
                size = self.size(words, f"the size of site {name}")
        if kind == "CORE" and size[1] > 0:
            self.library.core_sites[name] = size

    def macro(self, name: str) -> None:
        kind, size, origin = "BLOCK", None, (0.0, 0.0)
        pins: dict[str, tuple[str, str, list[float]]] = {}
        blocked: frozenset[str] = frozenset()
        while (word := self.key(name)) is not None:
            if word == "PIN":
                pin = self.tokens.next()
                if pin in pins:
                    raise InputError(self.tokens.at(), f"pin {pin} of {name} again", "one pin of a name", "remove one")
                pins[pin] = self.pin(pin)
            elif word == "OBS":
                blocked |= self.shapes()[1]
            elif word == "DENSITY":
                self.tokens.skip_block("")
            elif word == "TIMING":
                self.tokens.skip_block("TIMING")
            else:
                words = self.tokens.statement()
                if word == "CLASS":
                    kind = " ".join(words).upper()
                elif word == "SIZE":
                    size = self.size(words, f"the size of macro {name}")
                elif word == "ORIGIN":
                    origin = self.number(words[0] if words else "", "an origin"), self.number(words[-1], "an origin")
        if size is None:
            raise InputError(self.tokens.at(), f"macro {name} without SIZE", "its width and height", "add SIZE")
        placed = {pin: LefPin(pin, way, use, *_middle(box, size, origin)) for pin, (way, use, box) in pins.items()}
        self.limits.check(self.tokens.where, "nodes", len(self.library.macros) + 1)
        self.library.macros.setdefault(name, LefMacro(name, kind, *size, placed, blocked))

    def pin(self, name: str) -> tuple[str, str, list[float]]:
        """Direction, use and the box (xlo, ylo, xhi, yhi) of the first port, empty if it has no shape."""
        direction, use, box = "INPUT", "SIGNAL", list[float]()
        while (word := self.key(name)) is not None:
            if word == "PORT":
                shape = self.shapes()[0]
                box = box or shape
                continue
            words = self.tokens.statement()
            if word == "DIRECTION" and words:
                direction = words[0].upper()
            elif word == "USE" and words:
                use = words[0].upper()
        return direction, use, box

    def shapes(self) -> tuple[list[float], frozenset[str]]:
        """Box around the shapes up to END (empty without any), and the layers that they are on."""
        xs: list[float] = []
        ys: list[float] = []
        layers: set[str] = set()
        while (word := self.tokens.next().upper()) != "END":
            words = self.tokens.statement()
            if word == "LAYER" and words:
                layers.add(words[0])
            elif word in ("RECT", "POLYGON", "PATH"):
                if words[:1] == ["MASK"]:
                    words = words[2:]
                step = words[words.index("DO") :] if words[:1] == ["ITERATE"] and "DO" in words else []
                values = [self.number(w, "a coordinate") for w in words[bool(step) : len(words) - len(step)]]
                if len(values) < 2 or len(values) % 2 or len(values) > _MOST_CORNERS:
                    raise InputError(self.tokens.at(), f"{word} of {len(values)} numbers", "pairs of x and y", "correct it")
                xs += values[0::2]
                ys += values[1::2]
        return [min(xs), min(ys), max(xs), max(ys)] if xs else [], frozenset(layers)

    def key(self, name: str) -> str | None:
        """Keyword of the next statement of a block, None at its END."""
        word = self.tokens.next().upper()
        if word == ";":
            raise InputError(self.tokens.at(), f"a semicolon of its own in {name}", "a statement", "remove it")
        if word != "END":
            return word
        end = self.tokens.next()
        if end != name:
            raise InputError(self.tokens.at(), f"END {end[:40]} in {name}", f"END {name}", "close the blocks in their order")
        return None

    def size(self, words: list[str], what: str) -> tuple[float, float]:
        if len(words) != 3 or words[1].upper() != "BY":
            found = " ".join(words)[:40]
            raise InputError(self.tokens.at(), f"{what} {found!r}", "width BY height", "correct it")
        width, height = (self.number(word, what, least=0.0) for word in (words[0], words[2]))
        if width == 0 or height == 0:
            raise InputError(self.tokens.at(), f"{what} 0", "a size above 0", "correct it")
        return width, height

    def number(self, word: str, what: str, least: float = -1e9) -> float:
        return number(word, self.tokens.at, what, least)


def _middle(box: list[float], size: tuple[float, float], origin: tuple[float, float]) -> tuple[float, float]:
    """Middle of a box from the outline's lower left corner; that of the outline if the box is empty."""
    if not box:
        return size[0] / 2, size[1] / 2
    return (box[0] + box[2]) / 2 + origin[0], (box[1] + box[3]) / 2 + origin[1]
