"""Sends every sample event to functions that `cargo lambda watch` runs, and prints each response.

    samples.py [ADDRESS]     address of `cargo lambda watch`; default 127.0.0.1:9000
"""

import sys
import urllib.error
import urllib.request
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parent.parent.parent / "functions"
# The first invocation of a function builds it.
ANSWERED_WITHIN_S = 900


def main(address="127.0.0.1:9000"):
    silent = 0
    for path in sorted(FUNCTIONS.glob("*/events/*.json"), key=order):
        function = path.parent.parent.name
        url = f"http://{address}/2015-03-31/functions/{function}/invocations"
        status, answer = invoke(url, path.read_bytes())
        silent += not is_answer(status, answer)
        print(f"{status} {function} {path.stem}: {answer}", flush=True)
    return 1 if silent else 0


def order(path):
    """The export that the other samples refer to is started first and cancelled last."""
    return (path.stem != "start", path.stem == "cancel", str(path))


def is_answer(status, answer):
    """A refusal with a reason counts as a success, too."""
    return status == 200 or '"errorType":"Refused"' in answer


def invoke(url, event):
    try:
        with urllib.request.urlopen(url, data=event, timeout=ANSWERED_WITHIN_S) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
