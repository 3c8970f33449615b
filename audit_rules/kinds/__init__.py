"""The kinds of the policy language, asked of lines: sets, conditions, kinds, and their answers."""
