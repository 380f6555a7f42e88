from __future__ import annotations

import pytest
from pydantic import Field

from workbench.base.config import SourcedModel, StrictModel, parse_toml
from workbench.base.errors import InputError


class Cache(StrictModel):
    ways: int = Field(ge=1)
    line_bytes: int = 64


class Core(SourcedModel):
    name: str
    cache: Cache
    latencies: list[int] = []


GOOD = 'name = "a"\ncache = {ways = 4}\n[sources]\n"cache" = "manual, p. 1"\n"cache.line_bytes" = "estimate: usual"\n'


def test_a_value_knows_its_source() -> None:
    core = parse_toml(GOOD, Core, "a.toml")
    assert core.source_of("cache.ways") == "manual, p. 1"
    assert core.estimates() == ["cache.line_bytes"]


BAD = [
    ("name = ", "a.toml: found invalid TOML (Invalid value (at end of document)), expected TOML; correct the file there."),
    (
        GOOD.replace("ways = 4", "ways = 0"),
        "a.toml, cache.ways: found 0, expected greater than or equal to 1; correct the value.",
    ),
    (
        GOOD.replace("ways = 4", 'ways = "many"'),
        "a.toml, cache.ways: found 'many', expected a valid integer; correct the value.",
    ),
    (
        GOOD.replace("ways = 4", "ways = 4, wyas = 5"),
        "a.toml, cache.wyas: found an unknown field, expected a known field; correct its name or remove it.",
    ),
    (GOOD.replace('name = "a"', ""), "a.toml, name: found nothing, expected a value; add the field."),
    (
        GOOD.replace('"cache" = "manual, p. 1"', ""),
        "a.toml, table [sources]: found no source for cache.ways, expected one for every number; "
        'add "cache.ways" with where it was read, or "estimate: why".',
    ),
]


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_bad_configuration_ends_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        parse_toml(text, Core, "a.toml")
    assert str(error.value) == sentence


def test_the_model_is_frozen() -> None:
    core = parse_toml(GOOD, Core, "a.toml")
    with pytest.raises(ValueError, match="frozen"):
        core.name = "b"


def test_a_model_that_may_omit_its_sources_wants_all_of_them_once_it_has_one() -> None:
    class Own(Core):
        may_omit_sources = True
        sources: dict[str, str] = {}

    without = GOOD[: GOOD.index("[sources]")]
    assert parse_toml(without, Own, "a.toml").sources == {}
    with pytest.raises(InputError, match="no source for cache"):
        parse_toml(without + '[sources]\nname = "chosen"\n', Own, "a.toml")
