"""What programs without an operating system see: HTIF and the machine mode's traps."""
