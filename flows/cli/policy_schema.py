"""The command `policy schema`."""

from importlib.resources import files


def schema() -> None:
    """Print the JSON Schema of policy files, with which an editor completes and explains them.

    Save it next to the policy, and name it in the first line of the policy: `#:schema FILE`.
    """
    published = files("schemas") / "json" / "policy.schema.json"
    print(published.read_text(encoding="utf-8"), end="")
