"""How an image of results is cut into tiles, and tile rows into blocks that fit a cache."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """`count` tiles along one axis from result `start` on, each with `size` results; the first is number `tile`."""

    start: int
    count: int
    size: int
    tile: int


@dataclass(frozen=True)
class Block:
    """Tile rows that are worked off together from result row `start` on, `times` blocks of them behind each other.

    `down` and `right` are the tiles of the first block, rows counted from `start`; `pitch` tiles are in a row.
    """

    down: tuple[Segment, ...]
    right: tuple[Segment, ...]
    start: int
    times: int

    @property
    def pitch(self) -> int:
        """Tiles of a row."""
        return sum(segment.count for segment in self.right)

    @property
    def tiles(self) -> int:
        """Tiles of one block."""
        return self.pitch * sum(segment.count for segment in self.down)

    @property
    def rows(self) -> int:
        """Rows of results of one block."""
        return sum(segment.count * segment.size for segment in self.down)


def cut(results: int, size: int) -> tuple[Segment, ...]:
    """Tiles along one axis: whole ones, and one for the rest."""
    count, rest = divmod(results, size)
    segments = (Segment(0, count, size, 0), Segment(count * size, 1, rest, count))
    return tuple(segment for segment in segments if segment.count and segment.size)


def make_blocks(height: int, width: int, size: int, most_tiles: int) -> list[Block]:
    """One block where all tiles are allowed in one; else equal blocks of whole tile rows, and one for what remains."""
    right = cut(width, size)
    pitch = -(-width // size)
    rows = max(1, most_tiles // pitch)
    if rows * size >= height:
        return [Block(cut(height, size), right, 0, 1)]
    full = height // size
    rows = -(-full // -(-full // rows))
    times = full // rows
    done = times * rows * size
    blocks = [Block(cut(rows * size, size), right, 0, times)]
    return blocks + ([Block(cut(height - done, size), right, done, 1)] if done < height else [])
