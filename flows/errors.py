"""Failures of a run, each with the contract's exit code. Messages hold counts, file and column names only."""

from audit_rules.errors import AuditError


class Usage(AuditError):
    """Wrong usage, or a config file that does not hold."""

    exit_code = 2


class InputRefused(AuditError):
    """An extract cannot be read as a table of the contract."""

    exit_code = 3


class TooManyBadRows(AuditError):
    """More rows of one file were quarantined than the config allows."""

    exit_code = 4


class DoesNotBalance(AuditError):
    """A conservation law does not hold: rows were lost or counted twice."""

    exit_code = 5


class WarehouseBusy(AuditError):
    """Another run holds the warehouse."""

    exit_code = 7


class DiskTrouble(AuditError):
    """The disk or the file system failed."""

    exit_code = 8


class PrefectTrouble(AuditError):
    """Prefect could not start or record the run."""

    exit_code = 9
