"""Work done ahead of the one who needs it, in a thread: decoding and encoding run side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar, cast

Item = TypeVar("Item")


class _End:
    """Ends the queue, with the error that ended the work, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """Gives the items in their order while a thread prepares the next ones; at most ``depth`` of them wait.

    An error of the work is raised here; leaving early stops the work.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    break
            else:
                put(_End())
        except BaseException as error:  # raised again by the consumer
            put(_End(error))
        finally:
            if isinstance(items, Generator):  # it ends where it ran: it may hold what belongs to this thread
                items.close()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield cast(Item, item)
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        worker.join()
