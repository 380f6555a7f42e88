"""Random programs run here and under QEMU: every instruction of the table, all registers and memory compared."""
