"""The group `claims-audit policy`: commands that write policy files, a module each."""

from cyclopts import App

from flows.cli.policy_import import import_table

policy = App(name="policy", help="Write a policy file from a public table.")
policy.command(import_table, name="import")
