"""Numbers and names of the Linux system calls of RV64.

Source: Linux include/uapi/asm-generic/unistd.h; riscv_* are those of arch/riscv.
"""

from __future__ import annotations

NAMES = {
    17: "getcwd", 23: "dup", 24: "dup3", 25: "fcntl", 29: "ioctl", 34: "mkdirat", 35: "unlinkat", 36: "symlinkat",
    37: "linkat", 38: "renameat", 43: "statfs", 44: "fstatfs", 46: "ftruncate", 47: "fallocate", 48: "faccessat",
    49: "chdir", 50: "fchdir", 52: "fchmod", 53: "fchmodat", 56: "openat", 57: "close", 59: "pipe2", 61: "getdents64",
    62: "lseek", 63: "read", 64: "write", 65: "readv", 66: "writev", 67: "pread64", 68: "pwrite64", 69: "preadv",
    70: "pwritev", 71: "sendfile", 72: "pselect6", 73: "ppoll", 78: "readlinkat", 79: "newfstatat", 80: "fstat",
    81: "sync", 82: "fsync", 83: "fdatasync", 88: "utimensat", 93: "exit", 94: "exit_group", 96: "set_tid_address",
    98: "futex", 99: "set_robust_list", 101: "nanosleep", 113: "clock_gettime", 114: "clock_getres",
    115: "clock_nanosleep", 122: "sched_setaffinity", 123: "sched_getaffinity", 124: "sched_yield", 129: "kill",
    130: "tkill", 131: "tgkill", 132: "sigaltstack", 134: "rt_sigaction", 135: "rt_sigprocmask", 136: "rt_sigpending",
    139: "rt_sigreturn",
    153: "times", 155: "getpgid", 160: "uname", 163: "getrlimit", 164: "setrlimit", 165: "getrusage", 166: "umask",
    167: "prctl", 168: "getcpu", 169: "gettimeofday", 172: "getpid", 173: "getppid", 174: "getuid", 175: "geteuid",
    176: "getgid", 177: "getegid", 178: "gettid", 179: "sysinfo", 198: "socket", 214: "brk", 215: "munmap", 216: "mremap",
    220: "clone", 221: "execve", 222: "mmap", 223: "fadvise64", 226: "mprotect", 227: "msync", 233: "madvise",
    258: "riscv_hwprobe", 259: "riscv_flush_icache", 260: "wait4", 261: "prlimit64", 276: "renameat2",
    278: "getrandom", 283: "membarrier", 285: "copy_file_range", 291: "statx", 293: "rseq", 435: "clone3",
    436: "close_range", 437: "openat2", 439: "faccessat2",
}  # fmt: skip
