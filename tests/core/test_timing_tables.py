"""The tag store against a plain model of LRU sets."""

from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np

from workbench.base.jit import kernel
from workbench.core.config import load_core
from workbench.core.timing.classes import L1D_ARRAY
from workbench.core.timing.initial import make_state
from workbench.core.timing.tables import find, insert


@kernel
def _replay(T, array, keys, hits, victims):
    s = T[0]
    for k in range(len(keys)):
        hits[k] = find(s, array, keys[k]) >= 0
        victims[k] = -1
        if not hits[k]:
            insert(s, array, keys[k], 0)
            victims[k] = s.victim


def test_sets_replace_the_least_recently_used():
    core = load_core("thead_c906")
    generator = random.Random(5)
    keys = [generator.randrange(1500) for _ in range(20000)]
    hits, victims = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    _replay(make_state(core), L1D_ARRAY, np.array(keys), hits, victims)
    sets = [OrderedDict() for _ in range(core.memory.l1d.sets)]
    for key, hit, victim in zip(keys, hits, victims, strict=True):
        entries = sets[key % len(sets)]
        assert hit == (key in entries)
        expected = -1
        if not hit and len(entries) == core.memory.l1d.ways:
            expected = entries.popitem(last=False)[0]
        assert victim == expected
        entries.pop(key, None)
        entries[key] = True
