"""The steps of a job as processes of their own: killed between two of their deeds, the next try does the rest."""

from __future__ import annotations

import pytest

from headwater.job_run import JobRun
from headwater.run import Run
from tests.pipeline.line import Line, cities


def test_what_a_killed_try_landed_and_did_not_load_is_loaded_by_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    job = JobRun.begin(line.project, "cities", "run 1", line.said.append)
    source = job.step("cities_extract").source_or_fail
    (batch,) = job.discover(source)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "load_raw", killed)
        with pytest.raises(KeyboardInterrupt):
            job.bring(source, batch)
    assert line.query("select count(*) from metadata.delivery") == [(1,)]
    job.bring(source, batch)
    assert line.query("select count(*) from metadata.delivery") == [(1,)]
    assert line.query("select count(*) from raw.cities") == [(1,)]
    job.finish({})
