"""A checkpoint of which half a write is on disk is undone by the next writer, and nothing else is.

The engine's own bytes are put together as a cut leaves them, in a small file made for it.
"""

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.errors import DiskTrouble, FileDamaged, WarehouseBusy
from flows.verify.verify import Evidence, verify
from flows.warehouse import rescue
from flows.warehouse.connection import Workbench, opened_for_writing, read_only
from flows.warehouse.keep import become_warehouse
from flows.warehouse.lock import hold
from flows.warehouse.rescue import copy_of
from flows.warehouse.trouble import opening
from tests.support.cut_short import (
    ROOTS,
    Cut,
    add_rows,
    after_the_next_writer,
    cut_short,
    leave,
    rows_in,
)


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    return cut_short(tmp_path)


def test_a_block_that_is_half_written_is_put_back_and_the_state_is_the_old_one(cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        rows_in(cut.warehouse)
    with pytest.raises(FileDamaged, match="cut short, by a kill"), read_only(cut.warehouse):
        pass
    found = verify(Evidence(warehouse=cut.warehouse))
    assert found.failed == [
        "A write into the warehouse audit.duckdb was cut short, by a kill or a power cut. "
        "The next run or decide puts it right."
    ]
    after_the_next_writer(cut.warehouse)
    assert rows_in(cut.warehouse) == 3
    add_rows(cut.warehouse)
    assert rows_in(cut.warehouse) == 4903
    assert not copy_of(cut.warehouse).exists()


def test_a_root_that_is_half_written_is_put_back(cut: Cut) -> None:
    (root,) = (at for at in (4096, 8192) if cut.old[at : at + 64] != cut.new[at : at + 64])
    file = cut.torn[: root + 8] + cut.new[root + 8 : root + 64] + cut.torn[root + 64 :]
    leave(cut, file, cut.copy)
    after_the_next_writer(cut.warehouse)
    assert rows_in(cut.warehouse) == 3


def test_under_another_name_it_is_put_back_too(cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    other = cut.warehouse.with_name("other.duckdb")
    os.link(cut.warehouse, other)
    after_the_next_writer(other)
    assert not copy_of(cut.warehouse).exists()
    assert rows_in(other) == 3


def test_what_counts_already_is_left_alone(cut: Cut) -> None:
    """The new root is on disk; or the file is whole, such as a backup; or nothing had begun; or
    it is no file of this kind, or a part of one."""
    offset = len(cut.copy) // 2
    bent = cut.copy[:offset] + bytes([cut.copy[offset] ^ 1]) + cut.copy[offset + 1 :]
    other_blocks = rescue.sha256(bent[32:]).digest() + bent[32:]
    for file, copy in (
        (cut.new, cut.copy),
        (cut.old, other_blocks),
        (cut.old, bent),
        (cut.torn, bent),
        (cut.torn, cut.copy[:-1]),
        (cut.torn, b""),
        (b"", b""),
        (b"", cut.copy),
        (bytes(len(cut.old)), cut.copy),
        (b"no database of this engine" * len(cut.old), cut.copy),
    ):
        leave(cut, file, copy)
        assert after_the_next_writer(cut.warehouse) == file


def test_what_is_put_back_in_parts_is_put_back_whole(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full takes a part of a write, and says how much."""
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda d, data, at: write(d, data[:4], at))
    leave(cut, cut.torn, cut.copy)
    assert after_the_next_writer(cut.warehouse)[: len(cut.old)] == cut.old


def test_the_torn_file_of_another_warehouse_is_left_alone(cut: Cut) -> None:
    """Its root is another one, though as whole as the saved one."""
    words = list(struct.unpack("<511Q", cut.old[4104:8192]))
    words[0] += 2  # the iteration of the root
    checksum = rescue._FIRST
    for word in words:
        checksum ^= word * rescue._FACTOR % rescue._WORD
    file = cut.torn[:4096] + struct.pack("<512Q", checksum, *words) + cut.torn[8192:]
    leave(cut, file, cut.copy)
    assert after_the_next_writer(cut.warehouse) == file


def test_nothing_is_put_back_while_another_program_has_the_file_open(cut: Cut) -> None:
    leave(cut, cut.old, b"of a checkpoint that goes on")
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(cut.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin and other.stdout
        other.stdout.readline()
        with hold(cut.warehouse):
            pass
        assert copy_of(cut.warehouse).exists()
        other.communicate(b"\n")


def test_a_writer_does_not_open_what_could_not_be_put_back(cut: Cut) -> None:
    """The other program has closed the file by now. The engine may open it without reading the torn
    block, and a new copy would replace the only one from which the block can be repaired."""
    leave(cut, cut.old, cut.copy)
    with pytest.raises(WarehouseBusy, match="Run again"):
        add_rows(cut.warehouse)
    assert cut.warehouse.read_bytes() == cut.old
    add_rows(cut.warehouse)
    assert rows_in(cut.warehouse) == 4903


def test_a_writer_keeps_the_lock_of_the_engine_while_it_reads_the_file(cut: Cut) -> None:
    code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with opened_for_writing(cut.warehouse) as connection:
        connection.execute("INSERT INTO seen VALUES (1)")
        rescue.checkpoint(connection, cut.warehouse, os.open(cut.warehouse, os.O_RDONLY))
        done = subprocess.run(
            [sys.executable, "-c", code, str(cut.warehouse)], capture_output=True, check=False
        )
    assert b"lock on file" in done.stderr


def test_without_room_for_the_copy_nothing_is_stored(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cut.warehouse.read_bytes()

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:9])
        raise DiskTrouble("on purpose")

    monkeypatch.setattr(rescue, "_write", full)
    with pytest.raises(DiskTrouble, match="on purpose"):
        add_rows(cut.warehouse)
    assert cut.warehouse.read_bytes() == before
    assert not copy_of(cut.warehouse).exists()


def test_a_checkpoint_that_fails_in_the_middle_is_undone_at_once(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut.warehouse.write_bytes(cut.old)

    def tears(path: Path, content: bytes) -> None:
        leave(cut, cut.torn, content)
        raise OSError(errno.EIO, "on purpose")

    monkeypatch.setattr(rescue, "_write", tears)
    with pytest.raises(OSError, match="on purpose"):
        add_rows(cut.warehouse)
    assert not copy_of(cut.warehouse).exists()
    assert rows_in(cut.warehouse) == 3


@pytest.mark.slow
@pytest.mark.parametrize("change", ["INSERT INTO wide FROM wide", "DELETE FROM tall"])
def test_however_much_is_committed_nothing_is_written_over_before_the_copy(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From some size on, the engine does not wait for a checkpoint: it makes one as it commits."""
    warehouse = tmp_path / "audit.duckdb"
    values = ", ".join(f"md5(CAST({n} * number AS VARCHAR)) AS c{n}" for n in range(1, 21))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"CREATE TABLE wide AS SELECT {values} FROM range(60_000) t (number)")
        connection.execute("CREATE TABLE tall AS FROM range(3_000_000)")
    heads = [warehouse.read_bytes()[:ROOTS]]
    write = rescue._write

    def looked_at(path: Path, content: bytes) -> None:
        heads.append(warehouse.read_bytes()[:ROOTS])
        write(path, content)

    monkeypatch.setattr(rescue, "_write", looked_at)
    with opened_for_writing(warehouse) as connection:
        connection.execute("BEGIN")
        connection.execute(change)
        connection.execute("COMMIT")
    assert len(heads) == 2 and heads[0] == heads[1]
    assert warehouse.read_bytes()[:ROOTS] != heads[0]


def test_a_new_warehouse_does_not_keep_what_was_saved_of_another(cut: Cut) -> None:
    leave(cut, cut.torn, cut.copy)
    new = cut.warehouse.with_name("bench.duckdb")
    new.write_bytes(cut.new)
    become_warehouse(Workbench(new, cut.warehouse, cut.warehouse.parent))
    assert not copy_of(cut.warehouse).exists()
    assert rows_in(cut.warehouse) == 4903


def test_damage_of_another_kind_is_not_called_a_write_cut_short(cut: Cut) -> None:
    cut.warehouse.write_bytes(cut.torn)
    with pytest.raises(FileDamaged, match="from a backup"), opening(cut.warehouse):
        rows_in(cut.warehouse)
