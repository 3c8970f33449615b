"""Compare the results of two versions of the program, file by file.

A change of form (modules moved, names, words) must leave every result as it was. Record what the
old version makes of some landing folders, record what the new one makes of them, and compare. Only
the command line is used, so that it does not matter where the modules are. Run this with a Python
that has the program's own libraries.

Usage:

    python tools/compare_results.py record --cli OLD/.venv/bin/claims-audit --output old INPUT ...
    python tools/compare_results.py record --cli NEW/.venv/bin/claims-audit --output new INPUT ...
    python tools/compare_results.py compare old new

An INPUT is [NAME=]FOLDER[,OPTION[=VALUE]]...; the options are those of `claims-audit run`, and the
as-of date is 2026-06-30 if none is given:

    sample=data/sample
    landing/pbm,as-of=2026-03-31,config=pbm.toml,no-page

A folder whose folders are all named YYYY-MM-DD holds nights: they are run one after another into
one warehouse, each as of its date. Long lists of arguments fit in a file, one a line, given as
@FILE. Options go before the inputs:

    --variants NAME   record this input again pseudonymised, as aggregates, parted by payer and with
                      a work-paper
    --later NAME      record it once more with decisions, a purge and two nights after it
    --texts NAME      record what explain, packet, verify, validate and compare say about it, and
                      what rules and lint say
    --policies DIR    policies for `compare`, compared with the shipped ones
    --go-on           add to a recording of the same program that was interrupted

Every result is compared byte for byte. The run id and the version of the program are set aside, and
timings.json is ignored. Of a Parquet file with other bytes it is said what differs: schema,
metadata of fields and file, rows, layout. Texts for people (summary.html, exceptions.xlsx, notes
and errors of a run, what --texts records) may be reworded: they are listed apart, and fail only
with --texts. Where policies or descriptions of columns were reworded, --reworded sets their hashes
aside and takes these descriptions for texts. Exit code 0: no result differs; 1: some do; 2: wrong
usage.
"""

import argparse
import csv
import difflib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb
import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = "2026-06-30"
RECORD, TEXTS, ANSWER, LEDGER = "recorded.json", "texts", "answer.json", "ledger.csv"
FOR_PEOPLE = ("summary.html", "exceptions.xlsx")
IGNORED = ("timings.json",)
VARIANTS = {
    "pseudonymised": ("--privacy", "pseudonymised"),
    "aggregate": ("--privacy", "aggregate"),
    "by-payer": ("--partition-by", "payer"),
    "xlsx": ("--xlsx",),
}
LATER = "later"
OF_TEXTS = (TEXTS, "validate", "compare.json")
DESCRIBED = ("(description of a column)", "(description of the table)")
WORDS = ("value of printed.notes[]", "length of printed.notes", "value of printed.error")
OF_JUDGEMENT = ("--config", "--policies", "--ndc-directory")
KEY = "a key for comparing results, known to all"  # pseudonyms must be the same in both recordings
PACKETS = 4
ON_SCREEN, DIFF_ON_SCREEN, WIDTH = 24, 6, 160
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


# ---------------------------------------------------------------- record: what is run


@dataclass(frozen=True)
class Input:
    """A landing folder, or a folder of nights, and the options of its runs."""

    name: str
    folder: Path
    as_of: str
    options: tuple[str, ...] = ()

    def nights(self) -> list[tuple[str, Path]]:
        """As-of date and landing folder of each run."""
        inside = sorted(self.folder.iterdir())
        if inside and all(p.is_dir() and _DAY.fullmatch(p.name) for p in inside):
            return [(p.name, p) for p in inside]
        return [(self.as_of, self.folder)]

    def fingerprint(self) -> str:
        """A hash of all that the runs are given: only results of the same input are compared."""
        digest = hashlib.sha256(self.as_of.encode())
        for word in (str(self.folder), *self.options):
            digest.update((_contents(Path(word)) if Path(word).exists() else word).encode())
        return digest.hexdigest()


def _contents(path: Path) -> str:
    """Names and hashes of the files at a path; empty nights count too."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "\n".join(f"{p.relative_to(path)} {sha256_of(p) if p.is_file() else ''}" for p in files)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def parsed(words: str) -> Input:
    """An INPUT of the command line."""
    place, *options = words.split(",")
    name, given, folder = place.partition("=")
    if not given or "/" in name:
        name, folder = "", place
    as_of, rest = AS_OF, []
    for option in options:
        key, _, value = option.partition("=")
        if key == "as-of":
            as_of = value
        else:
            rest += [f"--{key}", value] if value else [f"--{key}"]
    path = Path(folder)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder")
    return Input(name or path.resolve().name, path, as_of, tuple(rest))


class Answer(NamedTuple):
    """How a command ended and what it printed."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """The command line of one version."""

    cli: Path
    env: dict[str, str] = field(repr=False)

    def call(self, *words: str | Path) -> Answer:
        """Run one command."""
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        done = subprocess.run([self.cli, *words], env=self.env, check=False, **quiet)
        return Answer(done.returncode, done.stdout, done.stderr)


@contextmanager
def program(cli: Path) -> Iterator[Program]:
    """The program with one Prefect server for all runs: to start one takes longer than a run."""
    with TemporaryDirectory(prefix="compare-results-") as home:
        ours = ("PREFECT_", "CLAIMS_AUDIT_")
        env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        env |= {"PREFECT_HOME": home, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        env |= {"DO_NOT_TRACK": "1", "CLAIMS_AUDIT_PSEUDONYM_KEY": KEY}
        env |= {"TZ": "UTC", "LC_ALL": "C.UTF-8", "COLUMNS": "120", "NO_COLOR": "1"}
        with _server(cli.with_name("prefect"), env) as address:
            yield Program(cli, env | {"PREFECT_API_URL": address})


@contextmanager
def _server(prefect: str | Path, env: dict[str, str]) -> Iterator[str]:
    """A Prefect server on this machine only, and the address of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = [prefect, "server", "start", "--host", "127.0.0.1", "--port", port, "--no-services"]
    nowhere = subprocess.DEVNULL
    # in our own process group, so that whoever ends the group ends the server as well
    server = subprocess.Popen(words, env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    try:
        _wait_for(server, f"http://127.0.0.1:{port}/api/health")
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(server: subprocess.Popen[bytes], address: str, seconds: int = 180) -> None:
    for _ in range(seconds * 4):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    sys.exit("The Prefect server did not start.")


# ---------------------------------------------------------------- record: what is kept


def record(arguments: argparse.Namespace) -> int:
    """Run every input and keep what came out."""
    inputs, output = _all_inputs(arguments), arguments.output.resolve()
    for ended in (signal.SIGTERM, signal.SIGHUP):  # the server must not outlive us
        signal.signal(ended, lambda *_: sys.exit(1))
    with program(arguments.cli.absolute()) as cli, TemporaryDirectory() as scratch:
        kept = _begun(output, cli.call("--version").out.strip(), arguments.go_on)
        missing = [given for given in inputs if given.name not in kept["inputs"]]
        for number, given in enumerate(missing, 1):
            started = time.perf_counter()
            shutil.rmtree(output / given.name, ignore_errors=True)
            Recorder(cli, given, output / given.name, Path(scratch) / given.name).record(arguments)
            seconds = round(time.perf_counter() - started, 1)
            kept["inputs"][given.name] = {"fingerprint": given.fingerprint(), "seconds": seconds}
            (output / RECORD).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            print(f"{number:4} of {len(missing)}  {seconds:6.1f} s  {given.name}", flush=True)
        if arguments.texts:
            _record_program(cli, output / TEXTS)
    return 0


def _begun(output: Path, version: str, go_on: bool) -> dict[str, Any]:
    """What the output folder holds already: nothing, or a recording of the same version."""
    if not output.exists():
        output.mkdir(parents=True)
        return {"version": version, "inputs": {}}
    if not go_on:
        sys.exit(f"{output.name} is there already. Name another folder, or add to it with --go-on.")
    kept: dict[str, Any] = json.loads((output / RECORD).read_text(encoding="utf-8"))
    if kept["version"] != version:
        sys.exit(f"{output.name} was recorded with version {kept['version']}, this is {version}.")
    return kept


def _all_inputs(arguments: argparse.Namespace) -> list[Input]:
    """The inputs as given, and their variants after them."""
    given: dict[str, Input] = {i.name: i for i in arguments.inputs}
    unknown = {*arguments.variants, *arguments.texts, *arguments.later} - given.keys()
    if unknown or len(given) < len(arguments.inputs) or TEXTS in given:
        sys.exit(f"Two inputs have one name, one is named {TEXTS}, or none {sorted(unknown)}.")
    inputs = list(given.values())
    for name in arguments.variants:
        for kind, words in VARIANTS.items():
            options = (*given[name].options, *words)
            inputs.append(replace(given[name], name=f"{name}-{kind}", options=options))
    inputs += [replace(given[name], name=f"{name}-{LATER}") for name in arguments.later]
    return inputs


def _record_program(cli: Program, folder: Path) -> None:
    """What the program says about its rules and policies."""
    commands = {
        "help.txt": ("--help",),
        "rules.txt": ("rules",),
        "rules-coverage.txt": ("rules", "--coverage"),
        "lint.txt": ("lint", "--as-of", AS_OF),
        "lint.json": ("lint", "--as-of", AS_OF, "--json"),
    }
    for name, words in commands.items():
        keep_text(folder / name, cli.call(*words), {})


def keep_text(path: Path, answer: Answer, places: dict[str, str]) -> None:
    """Keep what a command printed, with words in place of the folders of this recording."""
    text = f"exit code {answer.exit_code}\n{answer.out}{answer.err}"
    for place, word in places.items():
        text = text.replace(place, word)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def keep_answer(path: Path, answer: Answer) -> None:
    """Keep what a command printed as JSON."""
    try:
        printed = json.loads(answer.out)
    except ValueError:
        printed = {"error": answer.out + answer.err}
    if isinstance(printed, dict) and "folder" in printed:
        printed["folder"] = Path(printed["folder"]).name
    kept = {"exit_code": answer.exit_code, "printed": printed}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Recorder:
    """Runs one input; results go to `home`, the warehouse is in `scratch` meanwhile."""

    cli: Program
    given: Input
    home: Path
    scratch: Path

    @property
    def warehouse(self) -> Path:
        """The warehouse of this input."""
        return self.scratch / "audit.duckdb"

    def given_for(self, *names: str) -> list[str | Path]:
        """Those options of the run that other commands need too, with their values."""
        words = self.given.options
        pairs = (words[i : i + 2] for i, word in enumerate(words) if word in names)
        return list(chain.from_iterable(pairs))

    def record(self, arguments: argparse.Namespace) -> None:
        """Every night, the ledger after the last one, and what else was asked for."""
        self.scratch.mkdir(parents=True)
        for day, landing in self.given.nights():
            self.night(day, landing)
        name, has_run = self.given.name, any((self.home / day).glob("run=*"))
        if has_run and name in {f"{given}-{LATER}" for given in arguments.later}:
            self.later(date.fromisoformat(day))
        if self.warehouse.exists():
            self.ledger()
        if has_run and name in arguments.texts:
            self.texts(day, landing, arguments.policies)
        shutil.rmtree(self.scratch)

    def night(self, day: str, landing: Path | None) -> None:
        """One run, as JSON."""
        (self.home / day).mkdir(parents=True)
        answer = self.cli.call("run", *self.words(day, landing), "--json")
        keep_answer(self.home / day / ANSWER, answer)

    def ledger(self) -> None:
        """The ledger of the warehouse; what hinders reading it, in its place."""
        path = self.home / LEDGER
        try:
            with duckdb.connect(str(self.warehouse), read_only=True) as connection:
                connection.sql("SELECT * FROM ledger ORDER BY ALL").write_csv(str(path))
        except duckdb.Error as error:
            path.write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")

    def words(self, day: str, landing: Path | None) -> list[str | Path]:
        """The options of a run."""
        reads: list[str | Path] = ["--input", landing] if landing else []
        writes: list[str | Path] = ["--output", self.home / day, "--warehouse", self.warehouse]
        return [*reads, *writes, "--as-of", day, *self.given.options]

    def later(self, day: date) -> None:
        """Two nights without extracts, after decisions about two exceptions and after a purge."""
        ids = self.chosen(day.isoformat())["exception_id"].to_list()[:2]
        warehouse: list[str | Path] = ["--warehouse", self.warehouse]
        who, keep = [*warehouse, "--by", "a tester", "--reason", "a reason"], self.home / TEXTS
        keep_text(keep / "dismiss.txt", self.cli.call("dismiss", *ids, *who), {})
        self.night((day + timedelta(days=1)).isoformat(), None)
        keep_text(keep / "reopen.txt", self.cli.call("reopen", *ids[:1], *who), {})
        before = (day - timedelta(days=150)).isoformat()
        purged = self.cli.call("purge", *warehouse, "--before", before)
        keep_text(keep / "purge.txt", purged, {})
        self.night((day + timedelta(days=2)).isoformat(), None)

    def run_folder(self, day: str) -> Path:
        """The folder run=ID of a night."""
        return next((self.home / day).glob("run=*"))

    def chosen(self, day: str) -> pl.DataFrame:
        """One exception of each rule that found some."""
        exceptions = pl.read_parquet(self.run_folder(day) / "exceptions.parquet")
        return exceptions.unique("rule_id", keep="first", maintain_order=True).sort("rule_id")

    def texts(self, day: str, landing: Path, policies: Path | None) -> None:
        """What the other commands say about this input after its last night."""
        folder, run, chosen = self.home / TEXTS, self.run_folder(day), self.chosen(day)
        places = {str(self.home): "OUTPUT", str(self.scratch): "SCRATCH"}

        def kept(name: str, *words: str | Path) -> None:
            keep_text(folder / name, self.cli.call(*words), places)

        kept("screen.txt", "run", *self.words(day, landing))
        warehouse: list[str | Path] = [
            "--warehouse",
            self.warehouse,
            *self.given_for(*OF_JUDGEMENT),
        ]
        for rule, claim in chosen.select("rule_id", "claim_id").iter_rows():
            kept(f"explain-{rule}.txt", "explain", claim, *warehouse)
        into: list[str | Path] = ["--run", run, "--output", folder, "--no-pdf"]
        for exception in chosen["exception_id"].to_list()[:PACKETS]:
            kept(f"packet-{exception}.txt", "packet", exception, *into)
        for packet in sorted(folder.glob("packet-*.html")):
            kept(f"verify-{packet.stem}.txt", "verify", packet, "--run", run)
        checked: list[str | Path] = [
            "--output",
            self.home / "validate",
            *self.given_for("--config"),
        ]
        kept("validate.txt", "validate", "--input", landing, "--as-of", day, *checked)
        if policies:
            words: list[str | Path] = ["compare", *warehouse, "--policies", policies]
            kept("compare.txt", *words)
            keep_answer(self.home / "compare.json", self.cli.call(*words, "--json"))


# ---------------------------------------------------------------- compare: two recordings


class Difference(NamedTuple):
    """What differs: `what` is worded so that many files can share it, `example` is of this one."""

    where: str
    file: str
    what: str
    example: str
    is_text: bool


Differences = Iterator[tuple[str, str]]
"""What differs in a file, and an example."""


@dataclass(frozen=True)
class Side:
    """One recording of one input: its files, and the words that are set aside in them."""

    files: dict[str, Path]
    run_ids: dict[str, str]
    more: dict[str, str]

    def result(self, path: Path) -> str:
        """The text of a result, with the run id set aside."""
        return _replaced(path.read_bytes().decode("utf-8", "surrogateescape"), self.run_ids)

    def text(self, path: Path) -> str:
        """A text for people, with the version and hashes of texts set aside too."""
        return _replaced(self.result(path), self.more)


def _replaced(text: str, words: dict[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return text


def side(home: Path, version: str) -> Side:
    """What was recorded in a folder."""
    folders = [p for p in sorted(home.rglob("run=*")) if p.is_dir()]
    numbers = {p: sorted(p.parent.glob("run=*")).index(p) + 1 for p in folders}
    places = {p: f"{p.parent.name}/run={number}" for p, number in numbers.items()}
    files: dict[str, Path] = {}
    more = {version: "<version>"} if version else {}
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p.name not in IGNORED):
        run = next((p for p in places if p in path.parents), None)
        key = f"{places[run]}/{path.relative_to(run)}" if run else f"{path.relative_to(home)}"
        files[key] = path
        if run and path.name in ("manifest.json", *FOR_PEOPLE):
            more[sha256_of(path)] = f"<sha256 of {key}>"
    run_ids = {p.name.removeprefix("run="): f"<{places[p]}>" for p in folders}
    return Side(files, run_ids, more)


@dataclass
class Comparison:
    """Two recordings, and what was found to differ."""

    old: Path
    new: Path
    partial: bool
    reworded: bool
    differences: list[Difference] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def compare(self) -> None:
        """Look at every input that was recorded, and at the texts of the program."""
        old, new = (json.loads((home / RECORD).read_text()) for home in (self.old, self.new))
        versions = (old["version"], new["version"])
        for name in sorted(old["inputs"].keys() | new["inputs"].keys()):
            before, after = (k["inputs"].get(name, {}).get("fingerprint") for k in (old, new))
            if before == after:
                self.counted["inputs"] += 1
                self.compare_folder(name, versions)
            elif not before or not after:
                if before and self.partial:
                    continue
                self.note(name, RECORD, "in one recording only", name, False)
            else:
                self.note(name, RECORD, "recorded from another input or options", name, False)
        self.compare_folder(TEXTS, versions)

    def note(self, where: str, file: str, what: str, example: str, is_text: bool) -> None:
        """One more difference."""
        self.differences.append(Difference(where, file, what, example, is_text))

    def compare_folder(self, name: str, versions: tuple[str, str]) -> None:
        """Every file of one input."""
        old, new = side(self.old / name, versions[0]), side(self.new / name, versions[1])
        lacking = self.partial and not any(TEXTS in (name, k.split("/")[0]) for k in new.files)
        self.counted["run ids that differ"] += old.run_ids.keys() != new.run_ids.keys()
        for key in sorted(old.files.keys() | new.files.keys()):
            is_text = Path(key).name in FOR_PEOPLE or TEXTS in (name, key.split("/")[0])
            where = f"{name}/{key}"
            if key in old.files and key in new.files:
                self.counted["files"] += 1
                for what, example in self.of_file(key, old, new, is_text):
                    words = is_text or what in WORDS or (self.reworded and what.endswith(DESCRIBED))
                    self.note(where, Path(key).name, what, example, words)
            elif not (lacking and (is_text or key.split("/")[0] in OF_TEXTS)):
                self.note(where, Path(key).name, "in one recording only", key, is_text)

    def of_file(self, key: str, old: Side, new: Side, is_text: bool) -> Differences:
        """What differs between two files."""
        a, b = old.files[key], new.files[key]
        if a.name == "manifest.json":  # with the same bytes, too: its hashes are those of the files
            yield from _walk(self.manifest(a), self.manifest(b), "", "")
        elif a.read_bytes() == b.read_bytes():
            return
        elif a.suffix == ".xlsx":
            yield from workbook_differences(a, b, old, new)
        elif is_text:
            yield from text_differences(old.text(a), new.text(b), a.suffix == ".html")
        elif a.suffix == ".parquet":
            yield from parquet_differences(a, b, old, new)
        elif a.suffix == ".csv":
            yield from csv_differences(old.result(a), new.result(b))
        elif a.suffix == ".json":
            yield from json_differences(old.result(a), new.result(b))
        else:
            yield "other bytes", f"{a.stat().st_size} bytes -> {b.stat().st_size}"

    def manifest(self, path: Path) -> dict[str, Any]:
        """What a manifest says, without run id and version; of each hash, whether it is right."""
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        del said["version"], said["run_id"]
        for name, sha256 in said["results"].items():
            said["results"][name] = _held(path.parent / name, sha256)
        if self.reworded:
            for policy in said["policies"].values():
                policy["sha256"] = "set aside"
            said["reference"] = dict.fromkeys(said["reference"], "set aside")
        return said


def _held(path: Path, sha256: str) -> str:
    """Whether a file has the hash that the manifest says; its bytes are compared elsewhere."""
    if not path.exists():
        return "the file is missing"
    return "the hash of the file" if sha256_of(path) == sha256 else "not the hash of the file"


# ---------------------------------------------------------------- compare: files of each kind


def shortened(text: object, width: int = WIDTH) -> str:
    """The beginning of a text, on one line."""
    line = str(text).replace("\n", "\\n")
    return line if len(line) <= width else line[: width - 3] + "..."


def pair(old: object, new: object) -> str:
    """Two values next to each other; long ones from shortly before they differ."""
    a, b = str(old), str(new)
    parts = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    same = next(parts, min(len(a), len(b)))
    start = max(0, same - 20) if max(len(a), len(b)) > WIDTH // 2 else 0
    lead = "..." if start else ""
    return " -> ".join(lead + shortened(text[start:], WIDTH // 2) for text in (a, b))


def json_differences(old: str, new: str) -> Differences:
    """Differences of two JSON texts."""
    found = list(_walk(json.loads(old), json.loads(new), "", ""))
    if not found and old != new:
        found = [("layout of the text", "the same values, written in another way")]
    yield from found


def _walk(old: Any, new: Any, what: str, place: str) -> Differences:
    """Every place where two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        if list(old) != list(new):
            gone, come = [k for k in old if k not in new], [k for k in new if k not in old]
            moved = f"{place}: gone {gone}, new {come}" if gone or come else f"{place}: their order"
            yield f"keys of {what or 'the file'}", moved
        for key in (k for k in old if k in new):
            names = (f"{where}.{key}".lstrip(".") for where in (what, place))
            yield from _walk(old[key], new[key], *names)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"length of {what}", f"{place}: {len(old)} -> {len(new)}"
        for i, (a, b) in enumerate(zip(old, new, strict=False)):
            yield from _walk(a, b, f"{what}[]", f"{place}[{i}]")
    elif repr(old) != repr(new):  # 1, 1.0 and True differ
        yield f"value of {what}", f"{place}: {pair(old, new)}"


class Rows(NamedTuple):
    """A table as text."""

    columns: list[str]
    rows: list[tuple[str, ...]]


def row_differences(old: Rows, new: Rows) -> Differences:
    """Differences of two tables, row by row."""
    if old.columns != new.columns:
        yield "columns", pair(old.columns, new.columns)
        return
    if old.rows == new.rows:
        return
    before, after = Counter(old.rows), Counter(new.rows)
    gone, come = list((before - after).elements()), list((after - before).elements())
    if not gone and not come:
        pairs = enumerate(zip(old.rows, new.rows, strict=True), 1)
        first = next(i for i, (a, b) in pairs if a != b)
        yield "order of rows", f"the same rows, from row {first} on in another order"
    elif len(old.rows) != len(new.rows):
        example = f"; gone: {shortened(gone[0])}" if gone else f"; new: {shortened(come[0])}"
        yield "number of rows", f"{len(old.rows)} -> {len(new.rows)}{example}"
    else:
        yield from _values(old, new)


def _values(old: Rows, new: Rows) -> Differences:
    rows = list(zip(old.rows, new.rows, strict=True))
    for i, column in enumerate(old.columns):
        differ = [n for n, (a, b) in enumerate(rows) if a[i] != b[i]]
        if differ:
            values = pair(*(row[i] for row in rows[differ[0]]))
            yield f"values of {column}", f"{len(differ)} rows, row {differ[0] + 1}: {values}"


def csv_differences(old_text: str, new_text: str) -> Differences:
    """Differences of two CSV files."""
    if old_text == new_text:
        return
    found = list(row_differences(_csv_rows(old_text), _csv_rows(new_text)))
    yield from found or [("quoting or ends of lines", "the same rows, written in another way")]


def _csv_rows(text: str) -> Rows:
    csv.field_size_limit(sys.maxsize)
    header, *rows = list(csv.reader(text.splitlines(keepends=True))) or [[]]
    return Rows(header, [tuple(row) + ("",) * (len(header) - len(row)) for row in rows])


def parquet_differences(a: Path, b: Path, old: Side, new: Side) -> Differences:
    """Differences of two Parquet files whose bytes are not the same."""
    found = [*_fields("", pq.read_schema(a), pq.read_schema(b)), *_key_values(a, b)]
    tables = [_table(path, words.run_ids) for path, words in ((a, old), (b, new))]
    found += row_differences(*tables)
    found += [] if found else _layout(a, b)
    if not found and not (_holds(a, old.run_ids) and _holds(b, new.run_ids)):
        found = [("other bytes", "the same schema and rows, and no run id in them")]
    yield from found


def _table(path: Path, run_ids: dict[str, str]) -> Rows:
    rows = pq.read_table(path, partitioning=None).to_pylist()
    names = pq.read_schema(path).names
    return Rows(names, [tuple(_replaced(repr(row[n]), run_ids) for n in names) for row in rows])


def _holds(path: Path, run_ids: dict[str, str]) -> bool:
    """Whether a file holds a run id; compressed columns are read for it."""
    metadata = repr(pq.read_metadata(path).metadata)
    rows = chain.from_iterable(_table(path, {}).rows)
    return any(run_id in text for text in (metadata, *rows) for run_id in run_ids)


def _fields(place: str, old: Iterable[pa.Field], new: Iterable[pa.Field]) -> Differences:
    """Differences of name, type, nullability and metadata, in lists and structs too."""
    before, after = {f.name: f for f in old}, {f.name: f for f in new}
    if list(before) != list(after):
        yield f"columns of {place or 'the schema'}", pair(list(before), list(after))
    for name in (n for n in before if n in after):
        a, b, at = before[name], after[name], f"{place}{name}"
        if a.type != b.type or a.nullable != b.nullable:
            yield (
                f"type of {at}",
                f"{a.type} -> {b.type}; null allowed: {a.nullable} -> {b.nullable}",
            )
        for key in sorted((a.metadata or {}).keys() | (b.metadata or {}).keys()):
            said = [(f.metadata or {}).get(key, b"(nothing)").decode() for f in (a, b)]
            if said[0] != said[1]:
                kind = "description of a column" if key == b"description" else "field metadata"
                yield f"{key.decode()} of {at} ({kind})", pair(*said)
        yield from _fields(f"{at}.", _within(a.type), _within(b.type))


def _within(kind: pa.DataType) -> list[pa.Field]:
    """The fields of a struct or list."""
    return [kind.field(i) for i in range(kind.num_fields)]


def _key_values(a: Path, b: Path) -> Differences:
    """Differences of the files' own metadata, but for the schema in it."""
    before, after = (dict(pq.read_metadata(p).metadata or {}) for p in (a, b))
    for key in sorted((before.keys() | after.keys()) - {b"ARROW:schema"}):
        name, said = key.decode(), [m.get(key, b"").decode() for m in (before, after)]
        if said[0] != said[1]:
            kind = "description of the table" if _only_described(name, *said) else "file metadata"
            yield f"{name} ({kind})", pair(*(text or "(nothing)" for text in said))


def _only_described(name: str, *said: str) -> bool:
    """Whether two values of a file's metadata differ in nothing but descriptions."""
    if not all(said) or not name.endswith((".description", ".columns")):
        return False
    if name.endswith(".description"):
        return True
    bare = [{c: {**about, "description": ""} for c, about in json.loads(s).items()} for s in said]
    return list(bare[0].items()) == list(bare[1].items())


def _layout(a: Path, b: Path) -> Differences:
    """Differences of row groups, encodings and compression."""
    before, after = _groups(a), _groups(b)
    if before != after:
        yield "layout of the file", pair(before, after)


def _groups(path: Path) -> list[str]:
    about = pq.read_metadata(path)
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    parts = [f"{about.created_by} {about.format_version}"]
    for group in groups:
        columns = [group.column(i) for i in range(group.num_columns)]
        coded = [f"{c.path_in_schema} {c.compression} {c.encodings}" for c in columns]
        parts.append(f"{group.num_rows} rows: {coded}")
    return parts


def workbook_differences(a: Path, b: Path, old: Side, new: Side) -> Differences:
    """Differences of cell values, sheet by sheet."""
    before, after = (_sheets(path, words) for path, words in ((a, old), (b, new)))
    if list(before) != list(after):
        yield "sheets", pair(list(before), list(after))
    for name in (n for n in before if n in after):
        for what, example in row_differences(before[name], after[name]):
            yield f"sheet {name}, {what}", example


def _sheets(path: Path, words: Side) -> dict[str, Rows]:
    """Every sheet as text; columns are numbered."""
    book, aside = fastexcel.read_excel(path), words.run_ids | words.more
    sheets = {}
    for name in book.sheet_names:
        cells = book.load_sheet(name, header_row=None, dtypes="string").to_polars()
        as_text = ([_replaced(cell or "", aside) for cell in row] for row in cells.iter_rows())
        sheets[name] = Rows(
            [f"column {i}" for i in range(1, cells.width + 1)], [*map(tuple, as_text)]
        )
    return sheets


def text_differences(old: str, new: str, is_html: bool) -> Differences:
    """A unified diff; HTML is broken into lines at its tags and its scripts' objects first."""
    a, b = (re.sub(r"(?=<)|(?<=\},)", "\n", t) if is_html else t for t in (old, new))
    diff = difflib.unified_diff(a.splitlines(), b.splitlines(), lineterm="", n=1)
    lines = [shortened(line) for line in diff][2:]
    if lines:
        yield "words", "\n".join(lines)


# ---------------------------------------------------------------- compare: what is printed


def compare(arguments: argparse.Namespace) -> int:
    """Compare two recordings and print what differs."""
    options = (arguments.partial, arguments.reworded)
    comparison = Comparison(arguments.old, arguments.new, *options)
    comparison.compare()
    results = [d for d in comparison.differences if not d.is_text]
    texts = [d for d in comparison.differences if d.is_text]
    print_differences("RESULTS THAT DIFFER", results, ON_SCREEN)
    print_differences("Texts that differ", texts, ON_SCREEN // 3)
    if arguments.details:
        in_full = "".join(_in_full(d) for d in [*results, *texts])
        arguments.details.write_text(in_full, encoding="utf-8", errors="surrogateescape")
    counted, other_ids = comparison.counted, comparison.counted["run ids that differ"]
    print(
        f"{counted['files']} files of {counted['inputs']} inputs compared; run ids differ in "
        f"{other_ids}; {_files(results)} results and {_files(texts)} texts differ."
    )
    return int(bool(results or (texts and arguments.texts) or not counted["inputs"]))


def _files(differences: Sequence[Difference]) -> int:
    return len({d.where for d in differences})


def print_differences(title: str, differences: Sequence[Difference], most: int) -> None:
    """Differences of one kind together, with an example each; no more than fit on a screen."""
    if not differences:
        return
    groups: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.file, difference.what), []).append(difference)
    print(title)
    # words of descriptions and hashes in manifests come last: they must not hide a value
    order = sorted(
        groups.items(), key=lambda g: g[0][1].endswith(DESCRIBED) or ".sha256" in g[0][1]
    )
    for (file, what), members in order[:most]:
        first = members[0]
        print(f"  {file}: {what}; {len(members)} times, such as in {first.where}")
        lines = first.example.splitlines()
        print(*(f"      {line}" for line in lines[:DIFF_ON_SCREEN]), sep="\n")
        if len(lines) > DIFF_ON_SCREEN:
            print(f"      ... {len(lines) - DIFF_ON_SCREEN} more lines")
    if len(groups) > most:
        print(f"  ... and {len(groups) - most} more kinds; --details FILE writes them all")


def _in_full(difference: Difference) -> str:
    kind = "text" if difference.is_text else "RESULT"
    return f"{kind} {difference.where}: {difference.what}\n{difference.example}\n\n"


def main() -> int:
    """Read the command line and do what it says."""
    about, _, more = (__doc__ or "").partition("\n")
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=form, fromfile_prefix_chars="@"
    )
    commands = parser.add_subparsers(required=True)
    _add_record(commands.add_parser("record", help="run every input and keep the results"))
    _add_compare(commands.add_parser("compare", help="compare two recordings"))
    arguments = parser.parse_args()
    return int(arguments.does(arguments))


def _add_record(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    several: dict[str, Any] = {"action": "append", "default": [], "metavar": "NAME"}
    add("--cli", type=Path, required=True, help="the program claims-audit of the version at hand")
    add("--output", type=Path, required=True, help="a new folder for what is recorded")
    add("--variants", help="an input to record in variants", **several)
    add("--later", help="an input to record with two more nights", **several)
    add("--texts", help="an input to record texts about", **several)
    add("--go-on", action="store_true", help="add what an earlier recording lacks")
    add("--policies", type=Path, metavar="DIR", help="policies to compare with the shipped ones")
    form = "[NAME=]FOLDER[,OPTION[=VALUE]]..."
    add("inputs", type=parsed, nargs="+", metavar="INPUT", help=form)
    command.set_defaults(does=record)


def _add_compare(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("old", type=Path, help="what the old version made")
    add("new", type=Path, help="what the new version made")
    add("--texts", action="store_true", help="fail if texts for people differ, too")
    add("--partial", action="store_true", help="the new recording may lack inputs and texts")
    words = (
        "set aside hashes of policies and of reference tables; descriptions of columns are texts"
    )
    add("--reworded", action="store_true", help=words)
    add("--details", type=Path, metavar="FILE", help="write every difference here, in full")
    command.set_defaults(does=compare)


if __name__ == "__main__":
    sys.exit(main())
