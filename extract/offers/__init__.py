"""What a publisher offers: found by a source type, fetched by landing."""
