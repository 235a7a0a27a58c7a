"""Writes a C program that misuses every declaration of resnet.h.

usage: generate.py HEADER FOLDER   (writes misuse.c and structs.inc there)

Each function is called with good values, then with each of its parameters, and each member of the
structs that they point to, bad in every way that the rules know, and then with several bad at once,
by chance. What the header declares and the rules do not know is an error.
"""

from __future__ import annotations

import itertools
import random
import re
import sys
from pathlib import Path

import rules
from header import Function, Header, Variable, read_header
from rules import Value

COMBINATIONS = 48
SHARE = 0.6  # of the parameters that are bad in a combination


class UnknownError(Exception):
    """The header has something that the rules do not know."""


def initializer(struct: str) -> str:
    """The macro that a struct begins with."""
    return rules.BEGINNINGS.get(struct, struct.upper() + "_INIT")


class Generator:
    """Writes the calls for one header."""

    def __init__(self, header: Header) -> None:
        """For the declarations of that header."""
        self.header = header
        self.random = random.Random(1)  # noqa: S311
        self.lines: list[str] = []

    # ---- What there is ---------------------------------------------------------------------------

    def pointee(self, kind: str) -> str:
        """What a pointer points to, without const."""
        return kind.removesuffix("*").strip().removeprefix("const ").strip()

    def is_handle(self, kind: str) -> bool:
        """Whether it is a handle, as an argument."""
        return kind.endswith(" *") and self.pointee(kind) in self.header.handles

    def is_new_handle(self, kind: str) -> bool:
        """Whether it is where a handle is written."""
        return kind.endswith(" **") and self.pointee(kind[:-1]) in self.header.handles

    def struct(self, kind: str) -> str | None:
        """The struct that a pointer points to."""
        name = self.pointee(kind) if kind.endswith("*") else ""
        return name if name in self.header.structs else None

    def good(self, function: str, index: int, parameter: Variable) -> str:
        """What a call that should succeed is given."""
        own = f"{function}.{parameter.name}"
        if own in rules.GOOD:
            return rules.GOOD[own]
        kind = parameter.type
        if self.is_handle(kind):
            return f"fixture.{self.pointee(kind).removeprefix('rn_')}"
        if self.is_new_handle(kind):
            return f"&fixture.new_{self.pointee(kind[:-1]).removeprefix('rn_')}[{index % 2}]"
        if struct := self.struct(kind):
            return f"&fixture.{struct.removeprefix('rn_')}.known"
        is_buffer = kind in rules.INPUTS and parameter.name not in rules.GOOD
        if kind in rules.OUTPUTS or is_buffer:
            return f"({kind})area({index})"
        if parameter.name in rules.GOOD:
            return rules.GOOD[parameter.name]
        raise UnknownError(f"no good value for the parameter {kind} {parameter.name} of {function}")

    def bad(self, owner: str, index: int, variable: Variable) -> list[Value]:
        """What a parameter or member may be given besides."""
        own, kind = f"{owner}.{variable.name}", variable.type
        if self.is_handle(kind):
            return self.bad_handles(own, kind)
        null = [Value("NULL", self.of_null(own, variable))] if kind.endswith("*") else []
        if own in rules.BAD:
            return null + rules.BAD[own]
        if kind.endswith("*"):
            return null + self.bad_pointers(own, index, kind)
        return self.bad_numbers(own, variable)

    def bad_pointers(self, own: str, index: int, kind: str) -> list[Value]:
        """Strings that name nothing; addresses that are not a multiple of the type's alignment."""
        if kind == "const char *":
            return rules.STRING_EXCEPTIONS.get(own, rules.STRINGS)
        if kind in rules.BYTES:
            return []
        return [Value(f"({kind})((char *)area({index}) + 1)", "ARG")]

    def bad_numbers(self, own: str, variable: Variable) -> list[Value]:
        """Those that the rules have for the name, perhaps of that type; all that enums lack."""
        for name in (f"{variable.type} {variable.name}", variable.name):
            if name in rules.BAD:
                return rules.BAD[name]
        if variable.type in self.header.enums:
            return [Value(f"({variable.type}){text}", "FAIL") for text in rules.ENUM]
        if variable.name.endswith("capacity"):
            return []  # what is too small is found out by trying
        raise UnknownError(f"no rule for {variable.type} {variable.name}, which is {own}")

    def of_null(self, own: str, variable: Variable) -> str:
        """What is expected of a null pointer."""
        if own in rules.NULL_ANY:
            return "ANY"
        return "PASS" if own in rules.OPTIONAL or variable.name in rules.OPTIONAL else "ARG"

    def bad_handles(self, own: str, kind: str) -> list[Value]:
        """Handles that were freed, of other kinds, or never made."""
        name = self.pointee(kind).removeprefix("rn_")
        others = [h.removeprefix("rn_") for h in self.header.handles]
        texts = [
            f"fixture.freed_{name}",
            *(f"({kind})fixture.{other}" for other in others if other != name),
            f"({kind})1",
            f"({kind})UINTPTR_MAX",
            f"({kind})area(0)",
            f"({kind})unreadable()",
            *(
                f"({kind})((uintptr_t)fixture.{name} ^ (uintptr_t)1 << {bit})"
                for bit in sorted(self.random.sample(range(64), 6))
            ),
        ]
        null = "PASS" if own in rules.OPTIONAL or "_free." in own else "HANDLE"
        return [Value("NULL", null), *(Value(text, "HANDLE") for text in texts)]

    # ---- What is written -------------------------------------------------------------------------

    def call(self, function: Function, arguments: list[str]) -> str:
        """The call with those arguments."""
        return f"{function.name}({', '.join(arguments)})"

    def case(
        self, function: Function, arguments: list[str], expectation: str, setup: str, what: str
    ) -> None:
        """One call, after a fresh start."""
        text = f"{function.name}: {what}".replace("\\", "\\\\").replace('"', '\\"')
        call = self.call(function, arguments)
        if function.result != "rn_status":
            call = f"string_status({call})"
        self.lines.append(f'  begin("{text}");')
        if setup:
            self.lines.append(f"  {setup}")
        self.lines.append(f"  judge({expectation}, {call});")

    def members(self, function: Function, struct: str, arguments: list[str]) -> None:
        """A struct that a parameter points to, with one member after the other bad."""
        field = f"fixture.{struct.removeprefix('rn_')}.known"
        for index, member in enumerate(self.header.structs[struct]):
            place, own = f"{field}.{member.name}", f"{struct}.{member.name}"
            if member.name == "size":
                sizes = [("0", "ARG"), ("1", "ARG"), (f"sizeof({struct}) - 1", "ARG")]
                sizes += [(f"sizeof({struct}) + TAIL", "PASS"), ("SIZE_MAX", "PASS")]
                for size, expectation in sizes:
                    self.case(
                        function, arguments, expectation, f"{place} = {size};", f"{own} = {size}"
                    )
                continue
            for value in rules.CONTENTS.get(own, []):
                self.case(
                    function, arguments, value.expectation, value.text, f"{own}: {value.text}"
                )
            if array := re.fullmatch(r"(\w+)\[(\d+)\]", member.type):
                for element, value in itertools.product(range(int(array[2])), rules.ELEMENTS[own]):
                    setup = f"{value.setup} {place}[{element}] = {value.text};"
                    what = f"{own}[{element}] = {value.text}"
                    self.case(function, arguments, value.expectation, setup, what)
                continue
            for value in self.bad(struct, index, member):
                setup = f"{value.setup} {place} = {value.text};"
                self.case(function, arguments, value.expectation, setup, f"{own} = {value.text}")
            if (inner := self.struct(member.type)) and inner in ("rn_stage", "rn_layer"):
                setup = ""
                if inner == "rn_layer":
                    setup = f"{field}.block = RN_BLOCK_LAYERS; {field}.layer_count = 1;"
                self.inner(function, inner, arguments, setup)

    def inner(self, function: Function, struct: str, arguments: list[str], setup: str) -> None:
        """A struct in an array that another struct points to."""
        for member in self.header.structs[struct]:
            place = f"fixture.{struct.removeprefix('rn_')}.known.{member.name}"
            for value in rules.BAD[f"{struct}.{member.name}"]:
                text = f"{setup} {place} = {value.text};"
                what = f"{struct}.{member.name} = {value.text}"
                self.case(function, arguments, value.expectation, text, what)

    def is_read(self, struct: str, kind: str) -> bool:
        """Whether the struct of that type is read, and not only written."""
        return kind.startswith("const ") or struct == "rn_calibration"

    def capacities(self, function: Function, arguments: list[str]) -> str:
        """Looks for the least capacity that is enough; nothing behind it may be touched."""
        definitions = ""
        for index, parameter in enumerate(function.parameters):
            if not (parameter.type == "size_t" and parameter.name.endswith("capacity")):
                continue
            buffer = function.parameters[index - 1]
            name = f"probe_{function.name}_{buffer.name}"
            given = list(arguments)
            given[index - 1], given[index] = f"({buffer.type})buffer", "capacity"
            definitions += (
                f"static rn_status {name}(void *buffer, size_t capacity) {{\n"
                f"  return {self.call(function, given)};\n}}\n\n"
            )
            what = f"{function.name}: {buffer.name} of some capacity"
            size = f"sizeof({self.pointee(buffer.type)})"
            self.lines.append(f'  probe("{what}", {name}, {size});')
        return definitions

    def overlaps(self, function: Function, arguments: list[str]) -> None:
        """Results where the images or arrays are that they are made of."""
        for out, target in enumerate(function.parameters):
            if target.type not in rules.OUTPUTS:
                continue
            for source, parameter in enumerate(function.parameters):
                if parameter.type == "const rn_images *":
                    place = "fixture.images.known.pixels"
                elif parameter.type in rules.INPUTS or (
                    parameter.type in rules.OUTPUTS and source < out
                ):
                    place = arguments[source]
                else:
                    continue
                given = list(arguments)
                given[out] = f"({target.type})({place})"
                what = f"{target.name} is where {parameter.name} is"
                self.case(function, given, "ANY", "", what)

    def function(self, function: Function) -> str:
        """A C function that misuses one of the library's, and what it needs."""
        self.lines = []
        parameters = function.parameters
        arguments = [self.good(function.name, i, p) for i, p in enumerate(parameters)]
        self.case(function, arguments, "PASS", "", "good values")
        choices: list[list[Value]] = []
        for index, parameter in enumerate(parameters):
            own = f"{function.name}.{parameter.name}"
            values = self.bad(function.name, index, parameter)
            choices.append([v for v in values if not v.setup])
            for value in values:
                given = [*arguments[:index], value.text, *arguments[index + 1 :]]
                what = f"{parameter.name} = {value.text}"
                self.case(function, given, value.expectation, value.setup, what)
            for value in rules.CONTENTS.get(own, []):
                setup = value.text.replace("$", f"area({index})")
                self.case(function, arguments, value.expectation, setup, f"{own}: {value.text}")
            struct = self.struct(parameter.type)
            if struct and self.is_read(struct, parameter.type):
                self.members(function, struct, arguments)
            elif struct:
                field = f"fixture.{struct.removeprefix('rn_')}.known"
                for size, expectation in [
                    ("0", "ARG"),
                    (f"sizeof({struct}) - 1", "ARG"),
                    ("SIZE_MAX", "PASS"),
                ]:
                    what = f"{struct}.size = {size}"
                    self.case(function, arguments, expectation, f"{field}.size = {size};", what)
        self.overlaps(function, arguments)
        definitions = self.capacities(function, arguments)
        if len(parameters) > 1:
            for number in range(COMBINATIONS):
                given = [
                    self.random.choice(values).text
                    if values and self.random.random() < SHARE
                    else good
                    for values, good in zip(choices, arguments, strict=True)
                ]
                self.case(function, given, "ANY", "", f"combination {number}: {', '.join(given)}")
        body = "\n".join(self.lines)
        return f"{definitions}static void misuse_{function.name}(void) {{\n{body}\n}}\n"

    def fixture(self) -> str:
        """The structs that are passed, each with a tail that is not the library's."""
        structs = list(self.header.structs)
        names = [s.removeprefix("rn_") for s in structs]
        starts, tails = [], []
        for struct, name in zip(structs, names, strict=True):
            starts.append(f"  fixture.{name}.known = ({struct}){initializer(struct)};")
            starts += [
                f"  fixture.{name}.known.{member} = {value};"
                for member, value in rules.MEMBERS.get(struct, {}).items()
            ]
            starts.append(f"  memset(fixture.{name}.tail, TAIL_BYTE, TAIL);")
            tails.append(f'  check_tail(fixture.{name}.tail, "{struct}");')
        return (
            '#include "fixture.h"\n\n'
            "void begin_structs(void) {\n"
            + "\n".join(starts)
            + "\n}\n\n"
            + "void check_tails(void) {\n"
            + "\n".join(tails)
            + "\n}\n\n"
        )

    def members_of_fixture(self) -> str:
        """The members of the fixture that are structs of the header, for each a good one."""
        structs = self.header.structs
        lines = (f"WITH_TAIL({struct}) {struct.removeprefix('rn_')};" for struct in structs)
        return "/* Written by generate.py. */\n" + "\n".join(lines) + "\n"

    def program(self) -> str:
        """The whole program."""
        functions = [self.function(f) for f in self.header.functions]
        calls = "\n".join(f"  misuse_{f.name}();" for f in self.header.functions)
        return (
            "/* Written by generate.py. */\n"
            + self.fixture()
            + "\n".join(functions)
            + f"\nvoid misuse_all(void) {{\n{calls}\n}}\n"
        )


def main() -> int:
    """Writes the program."""
    try:
        generator = Generator(read_header(Path(sys.argv[1])))
        folder = Path(sys.argv[2])
        (folder / "structs.inc").write_text(generator.members_of_fixture())
        (folder / "misuse.c").write_text(generator.program())
    except UnknownError as error:
        print(f"generate.py: {error}; add it to rules.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
