"""Programs that send themselves signals, and catch their own faults, print the same here as under QEMU."""

from __future__ import annotations

import subprocess

import pytest

from workbench.core.run import run_program
from workbench.isa.elf import read_elf

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t count;
static sigjmp_buf place;

static void plain(int number) { count++; }

static void nested(int number) {
    int before = count;
    if (number == SIGUSR1) raise(SIGUSR2);
    printf("signal %d, %d inside\n", number, (int)(count - before));
    count++;
}

static void leave(int number, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    printf("signal %d of %d at %p, blocked %d\n", number, info->si_signo, info->si_addr,
           sigismember(&u->uc_sigmask, SIGUSR1));
    siglongjmp(place, 2);
}

static void skip(int number, siginfo_t *info, void *context) {
    unsigned long *registers = ((ucontext_t *)context)->uc_mcontext.__gregs;
    registers[0] += (*(unsigned short *)registers[0] & 3) == 3 ? 4 : 2;
    registers[REG_A0] = 77;
}

static void on_stack(int number) {
    char here;
    stack_t stack;
    sigaltstack(0, &stack);
    printf("on the other stack: %d\n", &here >= (char *)stack.ss_sp && &here < (char *)stack.ss_sp + stack.ss_size);
}

static void floats(int number) {
    volatile double x = 3;
    for (int i = 0; i < 50; i++) x *= 1.5;
    count += x > 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    signal(SIGUSR1, plain);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    printf("%d caught\n", (int)count);

    struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGSEGV, &action, 0);
    if (!sigsetjmp(place, 1)) { *(volatile int *)8 = 1; puts("not here"); } else puts("back from a store");
    if (!sigsetjmp(place, 1)) { ((void (*)(void))16)(); puts("not here"); } else puts("back from a jump");

    sigset_t set, old, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    count = 0;
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&pending);
    printf("pending %d, caught %d\n", sigismember(&pending, SIGUSR1), (int)count);
    sigprocmask(SIG_SETMASK, &old, 0);
    printf("caught %d\n", (int)count);

    signal(SIGUSR1, nested);
    signal(SIGUSR2, nested);
    raise(SIGUSR1);

    struct sigaction skips = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &skips, 0);
    register long value asm("a0") = 5;
    asm volatile(".word 0x0000007b" : "+r"(value));
    printf("skipped, a0 = %ld\n", value);
    sigaction(SIGTRAP, &skips, 0);
    asm volatile("ebreak" ::: "a0");

    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, 0);
    struct sigaction once = {.sa_handler = on_stack, .sa_flags = SA_ONSTACK | SA_RESETHAND}, now;
    sigaction(SIGHUP, &once, 0);
    raise(SIGHUP);
    sigaction(SIGHUP, 0, &now);
    printf("reset: %d\n", now.sa_handler == SIG_DFL);

    signal(SIGFPE, floats);
    volatile double y = 1.25;
    double square = y * y;
    raise(SIGFPE);
    printf("%.10f\n", square + y);

    raise(SIGCHLD);
    signal(SIGTERM, SIG_IGN);
    raise(SIGTERM);
    printf("%d %d\n", kill(99999999, 0) == -1 && errno == ESRCH, kill(getpid(), 0));
    printf("%d\n", sigaction(SIGKILL, &once, 0) == -1 && errno == EINVAL);
    fflush(stdout);
    if (argc > 1) raise(atoi(argv[1]));
    return 3;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-O0",), ("-O2",)])
@pytest.mark.parametrize("arguments", [(), ("15",), ("10",), ("6",)], ids=["none", "ignored", "caught", "ends"])
def test_signals_are_delivered_as_under_qemu(tmp_path, options, arguments):
    path = tmp_path / "program"
    (tmp_path / "program.c").write_text(PROGRAM)
    command = ["riscv64-linux-gnu-gcc", "-static", *options, str(tmp_path / "program.c"), "-o", str(path)]
    subprocess.run(command, check=True, timeout=300)
    theirs = subprocess.run(["qemu-riscv64", str(path), *arguments], capture_output=True, timeout=120)
    ours = run_program(read_elf(path), None, argv=arguments)
    code = theirs.returncode if theirs.returncode >= 0 else 128 - theirs.returncode
    assert (ours.exit_code, ours.stdout, ours.stderr) == (code, theirs.stdout, b"")
    assert theirs.stdout.count(b"\n") >= 15
