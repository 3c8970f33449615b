"""The kinds of change that are tried, by what they change.

Every value comes from the terms in force, the reference tables, the line or the person's own rows.
"""
