"""Reads resnet.h, as the compiler understands it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Variable:
    """A parameter of a function, or a member of a struct."""

    type: str
    name: str


@dataclass(frozen=True)
class Function:
    """A declaration, with the type of its result."""

    name: str
    result: str
    parameters: tuple[Variable, ...]


@dataclass(frozen=True)
class Header:
    """All that the header declares, by name; of an enum how many values it has."""

    functions: tuple[Function, ...]
    structs: dict[str, tuple[Variable, ...]]
    enums: dict[str, int]
    handles: tuple[str, ...]


def read_header(path: Path) -> Header:
    """What is declared there under names that begin with ``rn_``."""
    command = ["clang", "-Xclang", "-ast-dump=json", "-fsyntax-only", "-x", "c", str(path)]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    nodes = [n for n in json.loads(dump)["inner"] if n.get("name", "").startswith("rn_")]
    records = {n["name"]: n for n in nodes if n["kind"] == "RecordDecl" and "inner" in n}
    names = {n["name"] for n in nodes if n["kind"] == "RecordDecl"}
    return Header(
        functions=tuple(
            Function(
                n["name"],
                n["type"]["qualType"].split("(")[0].strip(),
                variables(n, "ParmVarDecl"),
            )
            for n in nodes
            if n["kind"] == "FunctionDecl"
        ),
        structs={name: variables(n, "FieldDecl") for name, n in records.items()},
        enums={
            n["name"]: sum(c["kind"] == "EnumConstantDecl" for c in n["inner"])
            for n in nodes
            if n["kind"] == "EnumDecl"
        },
        handles=tuple(sorted(names - set(records))),
    )


def variables(node: dict, kind: str) -> tuple[Variable, ...]:
    """The parts of a declaration that are of that kind."""
    return tuple(
        Variable(part["type"]["qualType"], part["name"])
        for part in node.get("inner", [])
        if part["kind"] == kind
    )
