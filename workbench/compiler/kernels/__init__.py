"""Loop nests over strided operands and the code generator of each kind."""
