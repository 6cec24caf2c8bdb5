"""Process metadata: deliveries, checks, loads and runs. Written at run time, versioned by migrations."""
