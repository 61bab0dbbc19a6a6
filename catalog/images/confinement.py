"""Confines a process to what a decoder needs: no files, no network, no other processes. Needs no privileges.

There are two layers, and each alone stops most attacks. Resource limits forbid one more open file, socket or process.
A seccomp filter (seccomp(2)) allows the few system calls that computing needs and answers EPERM to all others: those
that open, connect, execute, trace, send signals or read another process' memory.
"""

import ctypes
import os
import platform
import resource

PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER = 38, 1
# SECCOMP_FILTER_FLAG_TSYNC: for all threads. SECCOMP_FILTER_FLAG_SPEC_ALLOW: without the mitigation of Spectre by which
# older kernels slow down filtered processes; it protects from compiled code of strangers, and there is none here.
FLAGS = 1 | 4
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
# System calls with their numbers on x86_64 and aarch64, from <asm/unistd.h>.
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getcwd": (79, 17),  # Pillow calls it when it saves
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrandom": (318, 278),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
# For each architecture: its audit number, its column in ALLOWED, the numbers of seccomp and of tgkill. abort() signals
# its own process by tgkill; signals to other processes are refused.
ARCHITECTURES = {"x86_64": (0xC000003E, 0, 317, 234), "aarch64": (0xC00000B7, 1, 277, 131)}


class NotConfined(Exception):
    """The kernel or the container does not allow a process to filter its own system calls."""


class _Instruction(ctypes.Structure):
    """`struct sock_filter` of <linux/filter.h>."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("true", ctypes.c_ubyte),
        ("false", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    ]


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction))]


def confine() -> None:
    """Confines this process and all its threads for good. Raises NotConfined when only the limits could be set.

    Later imports and opens fail, so everything that is needed must be loaded before.
    """
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise NotConfined(f"no filter is known for {machine}")
    audit, column, seccomp, tgkill = ARCHITECTURES[machine]
    instructions = _program(audit, [numbers[column] for numbers in ALLOWED.values()], tgkill, os.getpid())
    program = _Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise NotConfined(f"prctl: {os.strerror(ctypes.get_errno())}")
    error = libc.syscall(
        ctypes.c_long(seccomp), ctypes.c_ulong(SECCOMP_SET_MODE_FILTER), ctypes.c_ulong(FLAGS), ctypes.byref(program)
    )
    if error:
        raise NotConfined(f"seccomp: {os.strerror(ctypes.get_errno())}")


def _program(audit: int, allowed: list[int], tgkill: int, pid: int) -> "ctypes.Array[_Instruction]":
    """The filter in classic BPF. In `struct seccomp_data`: number at 0, architecture at 4, first argument at 16."""
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 4), (jump_if_equal, 1, 0, audit), (answer, 0, 0, REFUSE), (load, 0, 0, 0)]
    for number in allowed:
        code += [(jump_if_equal, 0, 1, number), (answer, 0, 0, ALLOW)]
    code += [(jump_if_equal, 0, 3, tgkill), (load, 0, 0, 16), (jump_if_equal, 0, 1, pid), (answer, 0, 0, ALLOW)]
    code += [(answer, 0, 0, REFUSE)]
    return (_Instruction * len(code))(*(_Instruction(*instruction) for instruction in code))
