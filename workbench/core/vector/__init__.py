"""The vector instructions' semantics, called by the interpreter: one module per family."""
