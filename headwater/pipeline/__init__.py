"""The steps that bring sources to history, and the commands that run them."""
