"""C programs compiled by gcc print the same here as under QEMU."""

from __future__ import annotations

import shutil
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


def compiled(source: str, folder, *options: str, compiler=("riscv64-linux-gnu-gcc",)):
    path = folder / "program"
    (folder / "program.c").write_text(source)
    command = [*compiler, "-static", *options, str(folder / "program.c"), "-o", str(path), "-lm"]
    subprocess.run(command, check=True, timeout=300)
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


FILES = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(void) {
    FILE *file = fopen("out.txt", "w+");
    if (!file) { perror("out.txt"); return 1; }
    for (int i = 0; i < 1000; i++) fprintf(file, "%d %f\n", i, i / 3.0);
    rewind(file);
    double sum = 0, x;
    int n;
    while (fscanf(file, "%d %lf", &n, &x) == 2) sum += x;
    printf("sum %.6f at %ld\n", sum, ftell(file));
    char tail[16] = {0};
    fseek(file, -5, SEEK_END);
    printf("%zu [%s]\n", fread(tail, 1, 5, file), tail);
    fclose(file);
    mkdir("sub", 0755);
    int raw = open("sub/raw.bin", O_RDWR | O_CREAT | O_TRUNC, 0644);
    struct stat status;
    pwrite(raw, "hello world", 11, 100);
    ftruncate(raw, 105);
    fstat(raw, &status);
    printf("%d %ld %o\n", raw, (long)status.st_size, status.st_mode);
    struct iovec pieces[2] = {{"ab", 2}, {"cde", 3}};
    printf("%zd ", writev(raw, pieces, 2));
    int copy = dup(raw);
    printf("%d %ld\n", copy, (long)lseek(copy, 0, SEEK_CUR));
    close(copy);
    char *mapped = mmap(0, 105, PROT_READ, MAP_PRIVATE, raw, 0);
    printf("%.5s %.5s\n", mapped, mapped + 100);
    munmap(mapped, 105);
    close(raw);
    rename("sub/raw.bin", "sub/moved.bin");
    printf("%d %s\n", access("sub/raw.bin", F_OK), strerror(errno));
    DIR *folder = opendir("sub");
    char *names[10];
    n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) names[n++] = strdup(entry->d_name);
    closedir(folder);
    qsort(names, n, sizeof *names, compare);
    for (int i = 0; i < n; i++) printf("%s ", names[i]);
    printf("\n%d %d %d\n", rmdir("sub"), unlink("sub/moved.bin"), rmdir("sub"));
    printf("%s %d\n", getenv("COLOUR"), open("absent/x", O_RDONLY));
    return 7;
}
"""


GLIBC = ("riscv64-linux-gnu-gcc",)
MUSL = ("zig", "cc", "-target", "riscv64-linux-musl")


@pytest.mark.slow
@pytest.mark.parametrize("compiler", [GLIBC, MUSL], ids=["glibc", "musl"])
def test_a_program_sees_the_files_under_its_root_as_under_qemu(tmp_path, compiler):
    if not shutil.which(compiler[0]):
        pytest.skip(f"{compiler[0]} is not on this machine")
    path = compiled(FILES, tmp_path, "-O2", "-w", compiler=compiler)
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    theirs = subprocess.run(
        ["qemu-riscv64", "-E", "COLOUR=red", str(path)], cwd=tmp_path / "theirs", capture_output=True, timeout=120
    )
    ours = run_program(read_elf(path), None, root=tmp_path / "ours", environment=["COLOUR=red"])
    assert (ours.exit_code, ours.stdout.decode()) == (theirs.returncode, theirs.stdout.decode())
    assert ours.exit_code == 7 and ours.notes == ()
    assert (tmp_path / "ours" / "out.txt").read_bytes() == (tmp_path / "theirs" / "out.txt").read_bytes()


BARE = """
.section .text.start
.globl _start
_start: la sp, stack_top
        li a0, 'o'; call put
        li a0, 'k'; call put
        li a0, 10; call put
        li t0, 5 << 1 | 1
        la t1, tohost
        sd t0, 0(t1)
1:      j 1b
put:    li t0, 0x101 << 48
        or t0, t0, a0
        la t1, tohost
        sd t0, 0(t1)
2:      ld t0, 0(t1)
        bnez t0, 2b
        ret
.section .tohost, "aw"
.align 6
.globl tohost
tohost: .dword 0
.align 6
.globl fromhost
fromhost: .dword 0
.bss
.skip 4096
stack_top:
"""


@pytest.mark.slow
def test_a_bare_metal_program_writes_to_its_console_and_exits(tmp_path):
    (tmp_path / "bare.s").write_text(BARE)
    command = "riscv64-linux-gnu-gcc -nostdlib -nostartfiles -static -Wl,-Ttext=0x80000000,--no-relax bare.s -o bare"
    subprocess.run(command.split(), cwd=tmp_path, check=True, timeout=120)
    result = run_program(read_elf(tmp_path / "bare"), None)
    assert (result.exit_code, result.stdout) == (5, b"ok\n")
    assert {"put", "_start"} <= {region.name for region in result.regions}  # labels of assembly are functions too
