"""Where a test replaces a stage, or a part of one."""

from types import ModuleType

from flows import report_steps, run_folders, stages


def module_of(part: str) -> ModuleType:
    """The module through which a run calls a stage, or a part of one, by this name."""
    return next(m for m in (stages, report_steps, run_folders) if hasattr(m, part))
