"""Threads of a program: their memory, how they begin, and the barrier where they meet.

A program of N threads clones N - 1 workers after it has read its inputs. All run the same layers, each with its number, and
meet where `phases` says; then the workers end and the first thread writes the outputs. The barrier counts arrivals; the last
thread to come opens the next round. Others look at the round some times, then sleep in a futex that the last one wakes if
any sleep. Arrivals are read-modify-writes with acquire and release, and the round is written with release and read with
acquire, so everything before the barrier is visible behind it.

Source: clone(2), futex(2); U. Drepper, "Futexes are tricky", 2011; RISC-V unprivileged specification, chapter "A".
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.compiler.ir.function import Module
from workbench.compiler.kernels.threads import BARRIER
from workbench.compiler.memory import ALIGNMENT, PAGE, align

START_THREAD, FUTEX = "start_thread", "futex"
STACK_BYTES = 1 << 16
MOST_THREADS = 64
_LOOKS = 200  # at the round, before a thread sleeps
_WAIT, _WAKE = 0 | 128, 1 | 128  # private to the process


def _code(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


STUBS = {
    START_THREAD: _code(  # (stack, function, number): a thread that calls the function with the number; its id or an error
        0x00058293,  # addi t0, a1, 0     function
        0x00060313,  # addi t1, a2, 0     number
        0x00050593,  # addi a1, a0, 0     stack
        0x00051537,  # lui a0, 0x51       CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM = 0x50f00
        0xF0050513,  # addi a0, a0, -256
        0x00000613,  # addi a2, x0, 0     no ids are written, no thread-local storage
        0x00000693,  # addi a3, x0, 0
        0x00000713,  # addi a4, x0, 0
        0x0DC00893,  # addi a7, x0, 220   clone
        0x00000073,  # ecall
        0x00051663,  # bne a0, x0, +12
        0x00030513,  # addi a0, t1, 0     the new thread
        0x00028067,  # jalr x0, 0(t0)
        0x00008067,  # jalr x0, 0(ra)     the old one
    ),
    FUTEX: _code(  # (address, operation, value)
        0x00000693,  # addi a3, x0, 0     no timeout
        0x06200893,  # addi a7, x0, 98    futex
        0x00000073,  # ecall
        0x00008067,  # jalr x0, 0(ra)
    ),
}
"""Machine code that calls Linux in ways that functions cannot: registers are all that a new thread has."""


@dataclass(frozen=True)
class ThreadMemory:
    """The barrier's words, each in a cache line of its own, and stacks for all threads but the first, from `address` on."""

    address: int
    threads: int

    @property
    def arrived(self) -> int:
        """Address of the number of threads that are at the barrier."""
        return self.address

    @property
    def round(self) -> int:
        """Address of the number of the round, which the last thread to arrive counts up."""
        return self.address + ALIGNMENT

    @property
    def asleep(self) -> int:
        """Address of the number of threads that sleep, or are about to."""
        return self.address + 2 * ALIGNMENT

    @property
    def size_bytes(self) -> int:
        """All of it, in whole pages; 0 for a single thread."""
        return align(3 * ALIGNMENT, PAGE) + (self.threads - 1) * STACK_BYTES if self.threads > 1 else 0

    def stack_end(self, thread: int) -> int:
        """Where the stack of a thread begins to grow down."""
        return self.address + align(3 * ALIGNMENT, PAGE) + thread * STACK_BYTES


def add_barrier(module: Module, memory: ThreadMemory) -> None:
    """Add the function that returns when all threads have called it."""
    module.declare(FUTEX, "void", ["ptr", "i64", "i64"])
    module.add_text(BARRIER, _barrier(memory))


def _barrier(memory: ThreadMemory) -> str:
    arrived, opened, asleep = (
        f"ptr inttoptr (i64 {address} to ptr)" for address in (memory.arrived, memory.round, memory.asleep)
    )
    return f"""define void @{BARRIER}() nounwind {{
entry:
  %round = load atomic i32, {opened} monotonic, align 4
  %before = atomicrmw add {arrived}, i32 1 acq_rel
  %last = icmp eq i32 %before, {memory.threads - 1}
  br i1 %last, label %open, label %look
open:
  store atomic i32 0, {arrived} monotonic, align 4
  %next = add i32 %round, 1
  store atomic i32 %next, {opened} seq_cst, align 4
  %sleepers = load atomic i32, {asleep} seq_cst, align 4
  %awake = icmp eq i32 %sleepers, 0
  br i1 %awake, label %end, label %wake
wake:
  call void @{FUTEX}({opened}, i64 {_WAKE}, i64 {memory.threads})
  br label %end
look:
  %left = phi i32 [{_LOOKS}, %entry], [%fewer, %again]
  %now = load atomic i32, {opened} acquire, align 4
  %is_open = icmp ne i32 %now, %round
  br i1 %is_open, label %end, label %again
again:
  %fewer = add i32 %left, -1
  %tired = icmp eq i32 %fewer, 0
  br i1 %tired, label %sleep, label %look
sleep:
  %one = atomicrmw add {asleep}, i32 1 seq_cst
  %value = sext i32 %round to i64
  call void @{FUTEX}({opened}, i64 {_WAIT}, i64 %value)
  %other = atomicrmw sub {asleep}, i32 1 seq_cst
  %then = load atomic i32, {opened} acquire, align 4
  %opened = icmp ne i32 %then, %round
  br i1 %opened, label %end, label %sleep
end:
  ret void
}}
"""
