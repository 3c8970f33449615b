"""What a run says besides its findings; `schemas/notes.py` has the kinds of note."""
