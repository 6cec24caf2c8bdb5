"""HTTP requests to publishers: one client, which retries and resumes."""
