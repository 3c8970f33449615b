"""Errors that a user can mend. Each says what, where and what to do, without row content."""


class AuditError(Exception):
    """Something the user can put right; `exit_code` is the contract's."""

    exit_code = 70


class PolicyRefused(AuditError):
    """A policy or reference file does not hold."""

    exit_code = 6
