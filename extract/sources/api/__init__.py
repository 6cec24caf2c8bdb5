"""Reading an API: its addresses, its credentials, its pages, and its watermarks."""
