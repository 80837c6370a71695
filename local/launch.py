"""Become another program that ends when its parent ends: `launch.py PARENT SIGNAL USER COMMAND...`.

A program of its own instead of a `preexec_fn`, because Python code between fork and exec may deadlock in a
process with threads, and a Temporal client has some. The process id stays that of the launcher.

It runs from its path, isolated, so it imports the standard library only.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Drop privileges, ask the kernel for the signal, become the command: in this order, since a change of
    user clears the request."""
    parent, death_signal, user, *command = sys.argv[1:]
    if user:
        import pwd

        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):  # it ended before the request was made
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the arguments are a list of our own
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


main()
