"""The family of errors that a user's input can cause; the command line prints them as one sentence and exits with 2."""

from __future__ import annotations

from pathlib import Path


class WorkbenchError(Exception):
    """A failure whose text is meant for the user: one sentence, no traceback."""


class InputError(WorkbenchError):
    """A file, field or option that cannot be used.

    The sentence is always ``WHERE: found FOUND, expected EXPECTED; ADVICE.``

    Parameters
    ----------
    where:
        File, and place in it (``netlist.pb.txt, line 12``), or the option's name.
    found, expected:
        What is there and what should be there, as noun phrases.
    advice:
        What the user can do, as an imperative.
    """

    def __init__(self, where: str | Path, found: str, expected: str, advice: str) -> None:
        self.where, self.found, self.expected, self.advice = str(where), found, expected, advice
        super().__init__(f"{where}: found {found}, expected {expected}; {advice}.")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str]]:
        return type(self), (self.where, self.found, self.expected, self.advice)
