"""Python's search for garbage, made seldom.

dbt and Great Expectations make a million objects that stay until the end, and each full search takes all of them in
hand. With Python's own thresholds it is a quarter of the time that importing both takes, and half of a short parse.
"""

import gc

THRESHOLDS = 50_000, 20, 10  # new objects, searches of the young, searches of the middle-aged


def search_seldom() -> None:
    """Have this process search for garbage seldom. What no cycle holds is freed at once, as ever."""
    gc.set_threshold(*THRESHOLDS)
