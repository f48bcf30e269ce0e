"""Converts the template for functions that are already built: each function gets the address of its code.

    packaged.py TEMPLATE 'DIR/{name}.zip' > PACKAGED
"""

import re
import sys

FUNCTIONS = (
    "start-export",
    "archive-page",
    "await-ready",
    "complete-export",
    "send-webhook",
    "record-failure",
    "sweep-exports",
    "archive-events",
    "fetch-ended",
)

# How each function of the template begins. The template is edited as text, which keeps its comments for the operator.
BUILT = re.compile(
    r"    Metadata:\n"
    r"      BuildMethod: rust-cargolambda\n"
    r"      BuildProperties: \{ Binary: (?P<name>[a-z-]+) \}\n"
    r"(?P<rest>    Properties:\n"
    r"      FunctionName: .+\n)"
    r"      CodeUri: \.\.\n"
)


def packaged(template, address):
    """Replaces the build of each function with the code at `address(name)`."""
    found = []

    def replaced(match):
        name = match["name"]
        found.append(name)
        return f"{match['rest']}      CodeUri: {address(name)}\n"

    text = BUILT.sub(replaced, template)
    left_over = text.count("rust-cargolambda") + text.count("CodeUri: ..")
    if sorted(found) != sorted(FUNCTIONS) or left_over:
        sys.exit(f"the template's functions do not begin as packaged.py expects; it recognised {found}")
    return text


if __name__ == "__main__":
    _, path, form = sys.argv
    with open(path, encoding="utf-8") as file:
        sys.stdout.write(packaged(file.read(), lambda name: form.format(name=name)))
