"""For processes under libfaketime, which breaks `time.sleep`: it shifts the one clock that it was told to leave."""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], seconds if isinstance(seconds, float) else seconds.__index__())


time.sleep = _sleep
