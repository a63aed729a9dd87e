"""What every process of a pool does first: not outlive the one that began it.

A killed parent says nothing; without this its workers would go on, or wait for ever.
"""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Have this process end, at once and wherever it is, when the one that began it has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
