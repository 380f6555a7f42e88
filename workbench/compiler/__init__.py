"""From a graph to an RV64GCV program: schedules, LLVM IR with RVV intrinsics, machine code, ELF."""
