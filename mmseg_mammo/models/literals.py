"""Literals: reads the text of a config as plain data, so that no line of it is run."""

import ast
from typing import Any

from mmengine.config import Config

from mmseg_mammo.errors import CheckpointError


def read_literals(text: str, place: str) -> Config:
    """A config from text of Python, of which no line is run.

    Args:
        text: Assignments of plain values, lists, tuples, dicts and ``dict(…)``, as MMEngine writes
            a resolved config into a checkpoint.
        place: What an error names.

    Raises:
        CheckpointError: It holds anything else.
    """
    try:
        values: dict[str, Any] = {}
        for node in ast.parse(text).body:
            values |= _assigned(node)
    # The last two of text that is nested too deeply.
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise CheckpointError(
            f'{place}: the config inside is not plain data ({str(error)[:80]!r}), and is not run',
            remedy='Give the config: before the checkpoint, or to mammoseg predict by --config',
        ) from error
    return Config(values)


def _assigned(node: ast.stmt) -> dict[str, Any]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return {node.targets[0].id: _literal(node.value)}
    raise ValueError(ast.unparse(node))


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        if not (isinstance(node.func, ast.Name) and node.func.id == 'dict') or node.args:
            raise ValueError(ast.unparse(node))
        if any(one.arg is None for one in node.keywords):
            raise ValueError(ast.unparse(node))
        return {str(one.arg): _literal(one.value) for one in node.keywords}
    if isinstance(node, ast.Dict):
        keys = [ast.literal_eval(key) if key else None for key in node.keys]
        return dict(zip(keys, map(_literal, node.values), strict=True))
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        found = [_literal(one) for one in node.elts]
        return {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)](found)
    return ast.literal_eval(node)
