"""Operators of the compiler, one file a family."""
