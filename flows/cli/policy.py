"""The group `claims-audit policy`: commands that write and test policy files, a module each."""

from cyclopts import App

from flows.cli.policy_import import import_table
from flows.cli.policy_new import new
from flows.cli.policy_schema import schema
from flows.cli.policy_test import test

policy = App(
    name="policy",
    help="Write a policy file, also from a public table, test it on cases, or print its schema.",
)
policy.command(import_table, name="import")
for _command in (new, test, schema):
    policy.command(_command)
