"""C programs with the threads of glibc and musl against QEMU: mutexes, conditions, barriers, thread-local data, sleeps."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.isa.elf import read_elf

THREADS = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
enum { N = 5, ROUNDS = 40 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t places;
static long sum, order[N * ROUNDS], filled, turn, created;
static atomic_long atomic_sum;
static double cells[N][64], total;
static __thread long own;
static void create(void) { created++; pthread_key_create(&key, free); }
static void *work(void *argument) {
    long id = (long)argument;
    own = id;
    pthread_once(&once, create);
    pthread_setspecific(key, strdup("mine"));
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&lock);
        sum += id + 1;
        pthread_mutex_unlock(&lock);
        atomic_fetch_add(&atomic_sum, own + 1);
    }
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {                       /* strictly in turn */
        pthread_mutex_lock(&lock);
        while (turn != id) pthread_cond_wait(&changed, &lock);
        order[filled++] = id;
        turn = (turn + 1) % N;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < 64; i++) cells[id][i] = id + i * 0.5;  /* with the state of floats */
    pthread_barrier_wait(&barrier);
    sem_wait(&places);
    pthread_rwlock_wrlock(&table);
    for (int i = 0; i < 64; i++) total += cells[(id + 1) % N][i];
    pthread_rwlock_unlock(&table);
    sem_post(&places);
    struct timespec shortly = {0, 1000 * (id + 1)};
    nanosleep(&shortly, 0);
    char *memory = malloc(100000);
    memset(memory, (int)id, 100000);
    long last = memory[99999];
    free(memory);
    return (void *)(last * 7);
}
static void *late(void *argument) { usleep(2000); pthread_exit((void *)11L); }
int main(void) {
    pthread_t threads[N], other;
    long returned, all = 0;
    pthread_barrier_init(&barrier, 0, N);
    sem_init(&places, 0, 2);
    for (long i = 0; i < N; i++) pthread_create(&threads[i], 0, work, (void *)i);
    for (int i = 0; i < N; i++) { pthread_join(threads[i], (void **)&returned); all += returned; }
    printf("%ld %ld %ld %.1f %ld %ld\n", sum, (long)atomic_sum, filled, total, all, created);
    for (int i = 0; i < N * ROUNDS; i++) if (order[i] != i % N) return 1;
    for (int wave = 0; wave < 20; wave++)                     /* stacks are given back and taken again */
        for (int i = 0; i < 2; i++) {
            pthread_create(&other, 0, late, 0);
            pthread_join(other, (void **)&returned);
            all += returned;
        }
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 500000;
    if (soon.tv_nsec >= 1000000000) { soon.tv_sec++; soon.tv_nsec -= 1000000000; }
    pthread_mutex_lock(&lock);
    int late_code = pthread_cond_timedwait(&changed, &lock, &soon);
    printf("%ld %d\n", all, late_code);
    pthread_create(&other, 0, late, 0);
    pthread_detach(other);
    return 42;                                                /* ends the other one too */
}
"""
OPENMP = r"""
#include <omp.h>
#include <stdio.h>
static double cells[20000];
int main(void) {
    double sum = 0;
    int threads = 0, entered = 0;
    #pragma omp parallel
    {
        #pragma omp single
        threads = omp_get_num_threads();
        #pragma omp for reduction(+:sum) schedule(dynamic, 100)
        for (int i = 0; i < 20000; i++) { cells[i] = i * 0.5; sum += cells[i]; }
        #pragma omp for
        for (int i = 0; i < 20000; i++) cells[i] *= 2;
        #pragma omp critical
        entered++;
    }
    printf("%d %d %.1f %.1f\n", threads, entered, sum, cells[19999]);
    return 0;
}
"""
GLIBC = ("riscv64-linux-gnu-gcc", "-pthread")
MUSL = ("zig", "cc", "-target", "riscv64-linux-musl")


def compiled(source, folder, compiler):
    (folder / "program.c").write_text(source)
    command = [*compiler, "-static", "-O2", "-w", str(folder / "program.c"), "-o", str(folder / "program")]
    subprocess.run(command, check=True, timeout=300, stderr=subprocess.DEVNULL)
    return folder / "program"


@pytest.mark.slow
@pytest.mark.parametrize("compiler", [GLIBC, MUSL], ids=["glibc", "musl"])
def test_a_program_with_threads_prints_what_it_prints_under_qemu(tmp_path, compiler):
    if not shutil.which(compiler[0]):
        pytest.skip(f"{compiler[0]} is not on this machine")
    path = compiled(THREADS, tmp_path, compiler)
    theirs = subprocess.run(["qemu-riscv64", str(path)], capture_output=True, timeout=120)
    assert theirs.returncode == 42
    for core, timed, harts in (
        ("xiangshan_kunminghu_v2", False, 1), ("xiangshan_kunminghu_v2", False, 3), ("xiangshan_kunminghu_v2", True, 1),
        ("xiangshan_kunminghu_v2", True, 4), ("sifive_u74", True, 2),
    ):  # fmt: skip
        ours = run_program(read_elf(path), load_core(core), timed=timed, harts=harts)
        assert (ours.exit_code, ours.stdout, ours.stderr) == (42, theirs.stdout, b""), (core, timed, harts)
        assert ours.notes == () and sum(hart.threads for hart in ours.harts) == 1 + 5 + 40 + 1


@pytest.mark.slow
def test_an_openmp_program_has_a_thread_for_each_hart(tmp_path):
    path = compiled(OPENMP, tmp_path, ("riscv64-linux-gnu-gcc", "-fopenmp"))
    core = load_core("xiangshan_kunminghu_v2")
    for harts in (1, 2, 5):
        theirs = subprocess.run(
            ["qemu-riscv64", "-E", f"OMP_NUM_THREADS={harts}", str(path)], capture_output=True, timeout=120
        )
        for timed in (False, True):
            ours = run_program(read_elf(path), core, timed=timed, harts=harts)
            assert (ours.exit_code, ours.stdout) == (0, theirs.stdout)
            assert [hart.threads for hart in ours.harts] == ([1] * harts if harts > 1 else [])
