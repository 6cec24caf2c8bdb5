"""Lineage: what the tasks of sources and marts read and wrote, as OpenLineage's events tell it. Off unless Airflow is
told a transport, and then nothing here is imported.

names    what datasets are called
facets   what is said of them
events   what a task tells
store    a transport that leaves events in our bucket
"""
