"""A module of a project that ends the process when it is imported."""


def discover() -> None:
    """The function that the metadata name; nobody comes to call it."""


raise SystemExit(3)
