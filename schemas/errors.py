"""Faults of this program whose message is safe to print."""


class FrameError(Exception):
    """A frame without the declared columns. Names frame and column only, never row content."""
