"""The policy language: sets, codes, facts, conditions and the eight kinds of term, parsed and
checked."""
