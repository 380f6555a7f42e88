"""The comparison chart: the Pareto front against a brute-force definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.study.charts import pareto

places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20)


@given(places)
def test_the_front_is_every_place_that_no_other_beats(points: list[tuple[int, int]]) -> None:
    def beaten(p: tuple[int, int]) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)

    assert {points[i] for i in pareto(points)} == {p for p in points if not beaten(p)}
