"""No dead promises: whatever a contract offers is used by the product, by a first-party plugin or by a sketch."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRACTS = sorted((ROOT / "autosft" / "contracts").glob("*.py"))
USERS = [
    *(path for path in (ROOT / "autosft").rglob("*.py") if "testing" not in path.parts),
    *(path for path in (ROOT / "plugins").rglob("*.py") if "tests" not in path.parts),
    *(path for path in (ROOT / "tests" / "sketches").glob("*.py") if not path.name.startswith("test_")),
]

BY_OTHERS = {"fewest": "for strategies of others, which are asked with it"}
"""What nobody here names, and why it is there."""


def names_of(body):
    """Fields and methods of a class."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_every_field_and_hook_of_the_contracts_is_used():
    trees = [ast.parse(path.read_text()) for path in USERS]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    offered = {
        (one, name)
        for path in CONTRACTS
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        for one, names in [(node.name, names_of(node.body))]
        for name in names
        if not name.startswith("_")
    }

    assert len(offered) > 250
    assert {(one, name) for one, name in offered if name not in used | BY_OTHERS.keys()} == set()
    assert BY_OTHERS.keys() <= {name for _, name in offered} - used
