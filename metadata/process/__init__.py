"""Process metadata: what was delivered, judged, loaded and run. Written at run time, versioned by migrations."""
