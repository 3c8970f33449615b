"""Errors a user can fix. Each says what, where and what to do, without row content."""


class AuditError(Exception):
    """Something the user can fix; `exit_code` is the contract's."""

    exit_code = 70


class PolicyRefused(AuditError):
    """A policy or reference file is not valid."""

    exit_code = 6
