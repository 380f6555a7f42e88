"""The Linux side of a program in user mode: its start, calls, files and streams."""
