"""Entering a signal handler and returning from it: the frame that Linux puts on the stack.

The frame is a siginfo and a ucontext with the integer and floating-point registers, which handlers may read and change.
The vector unit's state is kept beside it, by the frame's address. A handler returns to an address outside of all code, where
Linux has the instructions that call rt_sigreturn. The kernel's own time is not modelled.

Source: Linux arch/riscv/kernel/signal.c and include/uapi/asm/ucontext.h (layout); RISC-V calling convention.
"""

from __future__ import annotations

import struct
from typing import Any, Protocol

import numpy as np

from workbench.core.fault import SIGNALS
from workbench.core.interpreter.state import Status
from workbench.core.linux.signals import NO_DEFER, ON_STACK, RESETS, Action, Pending, SignalCalls

_INFO_BYTES = 128
_CONTEXT = 168 + 8  # of the ucontext, up to the registers: flags, link, stack, mask with room to grow, to 16 bytes
_MASK = _INFO_BYTES + 40
_REGISTERS = _INFO_BYTES + _CONTEXT
_FLOATS = _REGISTERS + 256
_FCSR = _FLOATS + 256
_FRAME_BYTES = _FLOATS + 528
_RA, _SP, _A0 = 1, 2, 10
_VECTOR_STATE = ("vstart", "vxrm", "vxsat", "vl", "vtype", "sew_log2", "lmul_log2")
_WORD = (1 << 64) - 1
_FAULT = 1  # si_code: the address is not mapped, the instruction is illegal, a breakpoint, an access not aligned


class Running(Protocol):
    """The thread that runs: x0..x31 and f0..f31, v0..v31 and the rest of its state."""

    registers: np.ndarray
    vector: np.ndarray
    state: np.ndarray


class SignalDeliverer:
    """Lets the thread that runs enter its handlers and go on after them."""

    def __init__(self, linux: SignalCalls) -> None:
        self._linux, self._memory, self._signals = linux, linux.memory, linux.signals
        self._vectors: dict[int, tuple[np.ndarray, dict[str, int]]] = {}  # by the address of the frame
        self._return_address = linux.memory.base + linux.memory.size

    def deliver(self, running: Running) -> None:
        """After a system call: enter the handlers of what is pending, or end as a signal without a handler does."""
        while self._linux.exit_code is None and (one := self._signals.take(self._linux.threads.number)) is not None:
            if not self._signals.has_handler(one.signal) or not self._enter(running, one):
                self._linux.end_by(one.signal)

    def take(self, running: Running, status: Status) -> bool:
        """Act on a fault: a return from a handler, or one that the program catches; False if it is neither."""
        state = running.state[0]
        if status == Status.FETCH_FAULT and int(state["pc"]) == self._return_address:
            return self.leave(running)
        signal, thread = SIGNALS.get(status, 0), self._linux.threads.number
        if not self._signals.has_handler(signal) or self._signals.is_blocked(signal, thread):
            return False
        is_access = status in (Status.LOAD_FAULT, Status.STORE_FAULT, Status.MISALIGNED)
        address = int(state["fault_address" if is_access else "pc"])
        return self._enter(running, Pending(signal, thread, _FAULT, address))

    def leave(self, running: Running) -> bool:
        """Go on where the handler's frame says; False if there is no frame at the stack pointer."""
        frame = int(running.registers[_SP])
        content = self._memory.read(frame, _FRAME_BYTES)
        if content is None:
            return False
        (self._signals.blocked[self._linux.threads.number],) = struct.unpack_from("<Q", content, _MASK)
        _restore(running, content)
        vector, values = self._vectors.pop(frame, (running.vector, {}))
        running.vector[:] = vector
        for name, value in values.items():
            running.state[name] = value
        self.deliver(running)
        return True

    def _enter(self, running: Running, one: Pending) -> bool:
        """Let the thread go on in its handler; False, and nothing changed, if the stack has no room."""
        action, state = self._signals.action(one.signal), running.state[0]
        blocked = self._signals.blocked.get(one.thread, 0)
        frame = self._top(int(running.registers[_SP]), one.thread, action) - _FRAME_BYTES & ~15
        if not self._memory.write(frame, _content(running, one, blocked)):
            return False
        self._vectors[frame] = (running.vector.copy(), {name: int(state[name]) for name in _VECTOR_STATE})
        own = 0 if action.flags & NO_DEFER else 1 << one.signal - 1
        self._signals.blocked[one.thread] = blocked | action.mask | own
        if action.flags & RESETS:
            self._signals.actions[one.signal] = Action()
        running.registers[[_RA, _SP]] = self._return_address, frame
        running.registers[_A0 : _A0 + 3] = one.signal, frame, frame + _INFO_BYTES
        state["pc"], state["reservation"] = action.handler, -1
        return True

    def _top(self, pointer: int, thread: int, action: Action) -> int:
        """Where the frame ends: at the stack pointer, or the other stack's end unless that is in use already."""
        base, size = self._signals.stacks.get(thread, (0, 0))
        if action.flags & ON_STACK and size and not base < pointer <= base + size:
            return base + size
        return pointer


def _content(running: Running, one: Pending, blocked: int) -> bytes:
    """The bytes of a frame."""
    state: Any = running.state[0]
    frame = bytearray(_FRAME_BYTES)
    struct.pack_into("<iii4xQ", frame, 0, one.signal, 0, one.code, one.address & _WORD)
    struct.pack_into("<Q", frame, _MASK, blocked)
    struct.pack_into("<32q", frame, _REGISTERS, int(state["pc"]), *running.registers[1:32].tolist())
    struct.pack_into("<32q", frame, _FLOATS, *running.registers[32:].tolist())
    struct.pack_into("<I", frame, _FCSR, int(state["frm"]) << 5 | int(state["fflags"]))
    return bytes(frame)


def _restore(running: Running, frame: bytes) -> None:
    """Give the thread the registers of a frame."""
    pc, *integers = struct.unpack_from("<32q", frame, _REGISTERS)
    running.registers[1:32] = integers
    running.registers[32:] = struct.unpack_from("<32q", frame, _FLOATS)
    (fcsr,) = struct.unpack_from("<I", frame, _FCSR)
    running.state["fflags"], running.state["frm"] = fcsr & 31, fcsr >> 5 & 7
    running.state["pc"], running.state["reservation"] = pc, -1
