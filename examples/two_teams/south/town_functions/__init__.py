"""Transforms and extractors of the project, which seeds/source.csv names as `town_functions.module:function`."""
