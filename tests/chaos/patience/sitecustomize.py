"""For processes under libfaketime, which breaks `time.sleep`: it shifts the one clock that it was told to leave."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
