"""How the long-running processes treat memory."""

import gc


def collect_garbage_seldom() -> None:
    """Leave what start-up made out of every later collection, and collect less often.

    Each action makes thousands of short-lived objects without cycles, which reference counting frees by itself:
    at the interpreter's default thresholds, looking for cycles among them took a tenth of the worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
