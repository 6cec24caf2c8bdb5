"""The steps of a run, one module a step: functions of a context, a source and the work that an earlier step left.

Each asks what is there and not yet processed, so it can be called alone, and again. `StepName` has their names. Steps
that dbt does take several sources, since a dbt run costs seconds whatever it runs.
"""
