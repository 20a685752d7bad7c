"""Long SQL in files of its own, with words, beside the module that runs it."""

from pathlib import Path


def read(module: str, name: str, **constants: str | int) -> str:
    """Return the statement in `<name>.sql` beside the file `module`, without its words.

    `{constant}` stands for a constant of the module, a number or a piece of SQL: never for what a user gave.
    """
    lines = map(str.strip, Path(module).with_name(f"{name}.sql").read_text().splitlines())
    return "\n".join(line for line in lines if not line.startswith("--")).format(**constants)
