"""What reading an API takes: its addresses, its credentials, its pages, and its watermarks."""
