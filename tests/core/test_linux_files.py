"""Files of a simulated program: what it does under its root is what the host sees there, and no path leads out."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from workbench.base.errors import InputError
from workbench.core.linux.root import Root
from workbench.core.linux.syscalls import Linux
from workbench.core.memory import Memory
from workbench.isa.program import Program, Segment

DATA, PATH, PATH2 = 0x10000, 0x11000, 0x12000
AT_FDCWD = -100
READ, WRITE, READ_WRITE, CREATE, EXCLUSIVE, TRUNCATE, FOLDER = 0, 1, 2, 0o100, 0o200, 0o1000, 0o200000
NUMBERS = {
    "openat": 56, "close": 57, "read": 63, "write": 64, "pread64": 67, "pwrite64": 68, "lseek": 62, "fstat": 80, "dup": 23,
    "dup3": 24, "unlinkat": 35, "mkdirat": 34, "renameat2": 276, "ftruncate": 46, "getdents64": 61, "getcwd": 17,
    "chdir": 49, "faccessat": 48, "readlinkat": 78, "newfstatat": 79, "mmap": 222, "munmap": 215, "ioctl": 29, "writev": 66,
}  # fmt: skip


class Guest:
    """System calls by name, with bytes for paths and content."""

    def __init__(self, root=None, stdin=b"", sink=None):
        program = Program("p.elf", DATA, (Segment(DATA, b"", 0x20000, 7),))
        self.memory = Memory(program, 64 << 20)
        self.linux = Linux(self.memory, stdin, "p.elf", None if root is None else Root(root), sink)

    def call(self, name, *arguments):
        places = iter((PATH, PATH2))
        numbers = [self.put(next(places), a + b"\0") if isinstance(a, bytes) else a for a in arguments]
        return self.linux.call(NUMBERS[name], (*numbers, *[0] * (6 - len(numbers))), 0)

    def put(self, address, content):
        assert self.memory.write(address, content)
        return address

    def open(self, path, flags=READ, mode=0o644):
        return self.call("openat", AT_FDCWD, path, flags, mode)

    def write(self, descriptor, content):
        return self.call("write", descriptor, self.put(DATA, content), len(content))

    def read(self, descriptor, count=100):
        done = self.call("read", descriptor, DATA, count)
        return self.memory.read(DATA, done) if done >= 0 else done


def test_a_written_file_is_the_hosts_and_reads_back(tmp_path):
    guest = Guest(tmp_path)
    descriptor = guest.open(b"/new.txt", READ_WRITE | CREATE)
    assert descriptor == 3 and guest.write(descriptor, b"hello world") == 11
    assert (tmp_path / "new.txt").read_bytes() == b"hello world"
    assert guest.call("lseek", descriptor, -5, 2) == 6 and guest.read(descriptor) == b"world"
    assert guest.call("pwrite64", descriptor, guest.put(DATA, b"J"), 1, 0) == 1
    assert guest.call("pread64", descriptor, DATA, 3, 0) == 3 and guest.memory.read(DATA, 3) == b"Jel"
    assert guest.call("ftruncate", descriptor, 4) == 0 and (tmp_path / "new.txt").read_bytes() == b"Jell"
    assert guest.call("fstat", descriptor, DATA) == 0
    assert struct.unpack("<q", guest.memory.read(DATA + 48, 8)) == (4,)  # st_size
    assert guest.call("close", descriptor) == 0 and guest.call("close", descriptor) == -errno.EBADF
    assert guest.open(b"new.txt", READ_WRITE | CREATE | EXCLUSIVE) == -errno.EEXIST


def test_duplicates_share_their_position(tmp_path):
    (tmp_path / "f").write_bytes(b"abcdef")
    guest = Guest(tmp_path)
    first = guest.open(b"f")
    second = guest.call("dup", first)
    assert guest.read(first, 2) == b"ab" and guest.read(second, 2) == b"cd"
    assert guest.call("close", first) == 0 and guest.read(second) == b"ef"
    assert guest.call("dup3", second, 1, 0) == 1 and guest.write(1, b"x") == -errno.EBADF


def test_folders_are_made_listed_renamed_and_removed(tmp_path):
    guest = Guest(tmp_path)
    assert guest.call("mkdirat", AT_FDCWD, b"sub", 0o755) == 0
    guest.open(b"sub/a", WRITE | CREATE)
    assert guest.call("renameat2", AT_FDCWD, b"sub/a", AT_FDCWD, b"sub/b") == 0
    folder = guest.open(b"sub", READ | FOLDER)
    size = guest.call("getdents64", folder, DATA, 4096)
    listing, names = guest.memory.read(DATA, size), []
    while listing:
        length, _ = struct.unpack_from("<HB", listing, 16)
        names.append(listing[19:length].split(b"\0")[0])
        listing = listing[length:]
    assert names == [b".", b"..", b"b"] and guest.call("getdents64", folder, DATA, 4096) == 0
    assert guest.call("openat", folder, b"b", READ) > folder  # relative to an open folder
    assert guest.call("unlinkat", AT_FDCWD, b"sub", 0x200) == -errno.ENOTEMPTY
    assert guest.call("unlinkat", AT_FDCWD, b"sub/b", 0) == 0
    assert guest.call("unlinkat", AT_FDCWD, b"sub", 0x200) == 0 and not (tmp_path / "sub").exists()


def test_the_current_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "f").write_bytes(b"1")
    guest = Guest(tmp_path)
    assert guest.call("chdir", b"a/b") == 0 and guest.call("getcwd", DATA, 100) == 5
    assert guest.memory.read(DATA, 5) == b"/a/b\0" and guest.open(b"../f") == 3
    assert guest.call("chdir", b"nowhere") == -errno.ENOENT


@pytest.fixture
def jail(tmp_path):
    """A root with links of all kinds in it, beside a secret."""
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "inside").write_bytes(b"inside")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "relative").symlink_to("../secret")
    (root / "deep" / "up").symlink_to("../../../../../../..")
    (root / "good").symlink_to("/deep/../inside")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root


@pytest.mark.parametrize(
    "path,error",
    [
        (b"../secret", errno.ENOENT),
        (b"/../../secret", errno.ENOENT),
        (b"deep/../../secret", errno.ENOENT),
        (b"absolute", errno.ENOENT),
        (b"relative", errno.ENOENT),
        (b"deep/up/secret", errno.ENOENT),
        (b"/etc/passwd", errno.ENOENT),
        (b"/proc/self/root/etc/passwd", errno.ENOENT),
        (b"loop", errno.ELOOP),
        (b"inside/", errno.ENOTDIR),
        (b"fifo", errno.EACCES),
        (b"", errno.ENOENT),
    ],
)
def test_no_path_leads_out_of_the_root(jail, path, error):
    guest = Guest(jail)
    for flags in (READ, READ_WRITE):
        assert guest.open(path, flags) == -error


@pytest.mark.parametrize("path", [b"../new", b"deep/up/new", b"relative", b"/deep/../../new"])
def test_nothing_is_made_outside_of_the_root(jail, path):
    before = sorted(p.name for p in jail.parent.iterdir())
    guest = Guest(jail)
    guest.open(path, WRITE | CREATE | TRUNCATE)
    guest.call("mkdirat", AT_FDCWD, path + b"2", 0o755)
    guest.call("renameat2", AT_FDCWD, b"inside", AT_FDCWD, path + b"3")
    guest.call("unlinkat", AT_FDCWD, b"../secret", 0)
    assert sorted(p.name for p in jail.parent.iterdir()) == before
    assert (jail.parent / "secret").read_bytes() == b"secret"


def test_links_inside_of_the_root_work(jail):
    guest = Guest(jail)
    assert guest.read(guest.open(b"good")) == b"inside" and guest.read(guest.open(b"deep/up/inside")) == b"inside"
    assert guest.call("readlinkat", AT_FDCWD, b"good", DATA, 100) == 15
    assert guest.call("newfstatat", AT_FDCWD, b"good", DATA, 0x100) == 0
    assert struct.unpack("<I", guest.memory.read(DATA + 16, 4))[0] >> 12 == 0o12  # a link


def test_int_arguments_are_the_low_half_of_their_registers(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    guest = Guest(tmp_path)
    descriptor = guest.call("openat", AT_FDCWD & 0xFFFF_FFFF, b"f", READ)
    assert guest.read(descriptor | 1 << 40) == b"abc" and guest.call("close", descriptor | 1 << 40) == 0


def test_without_a_root_there_are_only_streams_and_devices():
    guest = Guest(stdin=b"given")
    assert guest.open(b"/etc/passwd") == -errno.ENOENT and guest.open(b"x", WRITE | CREATE) == -errno.ENOENT
    assert guest.call("newfstatat", AT_FDCWD, b"x", DATA, 0) == -errno.ENOENT
    zero = guest.open(b"/dev/zero")
    assert guest.read(zero, 4) == bytes(4) and guest.write(guest.open(b"/dev/null", WRITE), b"abc") == 3
    assert guest.read(0) == b"given" and guest.read(0) == b""


def test_output_is_passed_on_at_once():
    seen = []
    guest = Guest(sink=lambda number, content: seen.append((number, content)))
    guest.write(1, b"out")
    guest.write(2, b"err")
    assert seen == [(1, b"out"), (2, b"err")] and guest.linux.stdout == b"out"


def test_a_file_is_mapped_privately(tmp_path):
    (tmp_path / "f").write_bytes(b"mapped" * 1000)
    guest = Guest(tmp_path)
    address = guest.call("mmap", 0, 6000, 1, 2, guest.open(b"f"), 4096)
    assert address % 4096 == 0 and guest.memory.read(address, 1904) == (b"mapped" * 1000)[4096:]
    assert guest.memory.read(address + 1904, 10) == bytes(10)
    assert guest.call("mmap", 0, 6000, 3, 1, 3, 0) == -errno.ENODEV  # shared and written


def test_freed_mappings_are_used_again():
    guest = Guest()
    first, second, third = (guest.call("mmap", 0, 1 << 20, 3, 0x22, -1, 0) for _ in range(3))
    guest.memory.write(second, b"old")
    for address in (first, second):
        assert guest.call("munmap", address, 1 << 20) == 0
    assert guest.call("mmap", 0, 2 << 20, 3, 0x22, -1, 0) == second and guest.memory.read(second, 3) == bytes(3)
    assert guest.call("munmap", third + 1, 4096) == -errno.EINVAL
    for _ in range(1000):  # more than the space has, one after another
        assert guest.call("munmap", guest.call("mmap", 0, 1 << 20, 3, 0x22, -1, 0), 1 << 20) == 0


def test_hostile_arguments_return_errors(tmp_path):
    guest = Guest(tmp_path)
    huge = (1 << 63) - 1
    descriptor = guest.open(b"f", READ_WRITE | CREATE)
    assert guest.write(descriptor, b"abc") == 3
    for number in sorted(set(NUMBERS.values())):
        for value in (huge, -huge, -1, 0, 3, DATA):
            result = guest.linux.call(number, (descriptor, value, value, value, value, value), 0)
            assert -4096 < result or result == value
            result = guest.linux.call(number, (AT_FDCWD, PATH, value, huge, -1, value), 0)
            assert isinstance(result, int)
    assert guest.call("ftruncate", guest.open(b"g", READ_WRITE | CREATE), 1 << 40) == -errno.EFBIG


def test_descriptors_run_out_with_an_error(tmp_path):
    (tmp_path / "f").write_bytes(b"")
    guest = Guest(tmp_path)
    opened = [guest.open(b"f") for _ in range(300)]
    assert opened.index(-errno.EMFILE) == 253
    guest.linux.close_files()


def test_a_root_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        Root(tmp_path / "absent")
    assert str(caught.value) == (
        f"{tmp_path}/absent: found no folder to open (No such file or directory), expected an existing folder; "
        "name one with --root."
    )
