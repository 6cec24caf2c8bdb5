"""Requests to publishers: one client, which retries and resumes."""
