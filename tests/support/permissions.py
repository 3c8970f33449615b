"""What the file system forbids to everybody but root, also if root runs the tests."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522  # of the two structures below, as linux/capability.h has them
_MAY_PASS_BY = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("process", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inherited"))


@contextmanager
def permissions_apply() -> Iterator[None]:
    """Let the permissions of files apply to this thread, whoever its user is."""
    if os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    _change(before[0].effective & ~_MAY_PASS_BY)
    try:
        yield
    finally:
        _change(before[0].effective)


def _capabilities() -> "ctypes.Array[_Sets]":
    found = (_Sets * 2)()
    _call("capget", found)
    return found


def _change(effective: int) -> None:
    wanted = _capabilities()
    wanted[0].effective = effective
    _call("capset", wanted)


def _call(name: str, sets: "ctypes.Array[_Sets]") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = _Header(_VERSION, 0)
    if getattr(libc, name)(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), name)
