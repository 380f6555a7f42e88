"""The instruction set as one table, and programs (ELF files) made of it."""
