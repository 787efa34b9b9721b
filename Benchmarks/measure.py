"""Runs one command and writes what it took: wall seconds, processor seconds, peak resident bytes.

    python -IS measure.py REPORT.json COMMAND [ARGUMENT]...

A process starts with the peak of the process that made it, so a large one cannot measure its children: this small one does.
"""
import json
import os
import sys
import time


def main(report, command):
    start = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    try:
        _, status, usage = os.wait4(child, 0)
    except KeyboardInterrupt:
        _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with open(report, "w") as file:
        json.dump({"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": peak}, file)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: measure.py REPORT.json COMMAND [ARGUMENT]...")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
