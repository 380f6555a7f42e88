"""Textual LLVM IR: values, functions, and the vector instructions that a builder appends to them."""
