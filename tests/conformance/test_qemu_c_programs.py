"""C programs compiled by gcc print the same here as under QEMU."""

from __future__ import annotations

import subprocess

import pytest

from workbench.core.run import run_program
from workbench.isa.elf import read_elf

FEATURES = r"""
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static long fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
static jmp_buf place;

int main(int count, char **arguments) {
    printf("%d arguments:", count - 1);
    qsort(arguments + 1, count - 1, sizeof *arguments, compare);
    for (int i = 1; i < count; i++) printf(" [%s]", arguments[i]);
    printf("\n%ld %#lx %llu %-8s|%8.3f|%e|%g\n", fibonacci(20), 48879L, 1ULL << 63, "left", 3.14159, 6.02e23, 1e-5);
    for (double x = -2; x <= 2; x += 0.5)
        printf("%.17g %.17g %.9g %a\n", sin(x), exp(x), (double)sqrtf((float)(x * x)), pow(2.5, x));
    printf("%ld %ld %d %u\n", lrint(2.5), (long)-7.9, (int)1e9f, (unsigned)3e9);
    char *blocks[100];
    uint64_t sum = 0;
    for (int i = 0; i < 100; i++) { blocks[i] = malloc(1 << (i % 20)); memset(blocks[i], i, 1 << (i % 20)); }
    for (int i = 0; i < 100; i++) { sum = sum * 31 + (unsigned char)blocks[i][(1 << (i % 20)) - 1]; free(blocks[i]); }
    char *large = calloc(64, 1 << 20);
    for (int i = 0; i < 64 << 20; i += 4096) sum += large[i];
    free(large);
    printf("%llu\n", (unsigned long long)sum);
    char line[64];
    while (fgets(line, sizeof line, stdin)) printf("%3zu %s", strlen(line), line);
    if (setjmp(place) == 0) longjmp(place, 1); else puts("back");
    char *end;
    printf("%.3f %ld %s\n", strtod("12.5abc", &end), strtol("-0x1f", NULL, 16), end);
    fprintf(stderr, "done\n");
    return time(NULL) < 0 ? 1 : 42;
}
"""


def compiled(source: str, folder, *options: str):
    path = folder / "program"
    (folder / "program.c").write_text(source)
    command = ["riscv64-linux-gnu-gcc", "-static", *options, str(folder / "program.c"), "-o", str(path), "-lm"]
    subprocess.run(command, check=True, timeout=120)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-O2",), ("-O0",), ("-Os", "-static-pie", "-fPIE"), ("-O3", "-march=rv64g")])
def test_a_c_program_prints_what_it_prints_under_qemu(tmp_path, options):
    path = compiled(FEATURES, tmp_path, *options)
    arguments, given = ["pear", "apple", "fig"], b"first line\nand a second one\nno end"
    theirs = subprocess.run(["qemu-riscv64", str(path), *arguments], input=given, capture_output=True, timeout=120)
    ours = run_program(read_elf(path), None, argv=arguments, stdin=given)
    assert (ours.exit_code, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
    assert ours.exit_code == 42 and ours.notes == ()


@pytest.mark.slow
def test_the_benchmark_program_prints_what_it_prints_under_qemu(tmp_path, root):
    path = compiled((root / "benchmarks" / "programs" / "mixed.c").read_text(), tmp_path, "-O2")
    theirs = subprocess.run(["qemu-riscv64", str(path), "20"], capture_output=True, timeout=120)
    assert run_program(read_elf(path), None, argv=["20"]).stdout == theirs.stdout != b""


@pytest.mark.slow
def test_abort_ends_with_the_signals_code(tmp_path):
    path = compiled("#include <stdlib.h>\nint main(void) { abort(); }", tmp_path)
    assert run_program(read_elf(path), None).exit_code == 128 + 6
