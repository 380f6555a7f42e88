"""One file a page; each has `draw(run)`, or `draw(what)` with its own `choose()` and `EMPTY` for where there is none."""
