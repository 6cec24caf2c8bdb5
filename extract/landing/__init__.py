"""From an offer to a registered delivery: an object on S3 and a manifest beside it."""
