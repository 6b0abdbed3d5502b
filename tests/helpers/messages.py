"""Whether a message is fit for a user: whole, short lines in words of our own."""

from __future__ import annotations

import re
import subprocess

FOREIGN = (
    "Traceback", "Errno", "Error:", "Error(s)", "0x7f", "object at", "<unicode string>", "codec",
    "sys.set_int", "pydantic", "Input should", "ruamel", "yaml.dev", "data[", "To suppress",
    "weights_only", "torch.load", "safe_globals", "strict=", "Please", "file an issue", "docs.",
    "https://", "MLFLOW_HTTP", "set the environment", "sqlalche.me",
    "download=True", "trust_remote_code", "DOS attack", "MAX_TEXT_CHUNK",
)  # fmt: skip
"""Words of the libraries beneath, and of Python."""

LONGEST = 600
"""Characters of a line, names of files among them."""


def unclean(message: str, *also: str, longest: int = LONGEST) -> str:
    """What is wrong with a message, nothing for a good one; ``also`` are more words of others'."""
    for line in message.split("\n"):
        if not line.strip() or len(line) > longest or not line.isprintable():
            return f"a line that is empty, long or not printable: {line[:200]!r}"
        if any(word in line for word in (*FOREIGN, *also)):
            return f"a line of somebody else's: {line!r}"
        if line.rstrip().endswith((":", ",", ";", "(")):
            return f"a line that is cut off: {line!r}"
    return ""


def one_line(error: BaseException | str, *also: str, longest: int = LONGEST) -> str:
    """The message, which is clean and one line."""
    message = str(error)
    assert not (fault := unclean(message, *also, longest=longest)), fault
    assert "\n" not in message
    return message


def unclean_end(done: subprocess.CompletedProcess[str], name: str) -> str:
    """What is wrong with how a program refuses its work: with 1 and a clean message of its own."""
    if done.returncode != 1:
        return f"exit code {done.returncode}"
    if "Traceback" in done.stderr:
        return "a traceback"
    begins = _begins(done.stderr, name)
    return "no line says why" if begins is None else unclean(done.stderr[begins:].rstrip("\n"))


def refusal(done: subprocess.CompletedProcess[str], name: str) -> str:
    """The message with which a program ends, which refuses its work as it should."""
    assert not (fault := unclean_end(done, name)), f"{fault}\n{done.stderr}"
    return done.stderr[_begins(done.stderr, name) :].rstrip("\n")


def _begins(said: str, name: str) -> int | None:
    """Where the program's own message begins, which comes after the lines of its log."""
    found = re.search(rf"^{name}: ", said, re.MULTILINE)
    return found and found.start()
