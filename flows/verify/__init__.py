"""Check what a run published and what the warehouse holds: nothing lost, nothing forged."""
