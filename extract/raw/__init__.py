"""From a landed delivery to rows of its raw table."""
