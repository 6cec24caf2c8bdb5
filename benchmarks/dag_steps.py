"""The steps of reading DAGs, one after the other in this process; prints their seconds as JSON.

python -m benchmarks.dag_steps MANIFEST     HEADWATER_PROJECT names the project; MANIFEST is that of the whole project
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from unittest.mock import patch

from benchmarks.measure import median, timed

GROUPS = 3


def main(whole: Path) -> dict[str, float]:
    began = time.perf_counter()
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    from headwater.airflow import build, metadata, models
    from headwater.metadata.static.plan import plan
    from headwater.metadata.static.step_names import StepName

    found = {"import": time.perf_counter() - began}
    read = metadata.read()
    jobs = list(read.valid_jobs())
    began = time.perf_counter()
    made = [build.build_dag(read.project, read.catalog, job) for job in metadata.read().valid_jobs()]
    found["build"] = time.perf_counter() - began
    found["serialise"] = timed(lambda: [json.dumps(DagSerialization.to_dict(dag)) for dag in made])
    found["one"] = timed(lambda: build.build_dag(read.project, metadata.read().catalog, jobs[-1]))
    step = next(step for step in plan(read.catalog, jobs[-1]) if step.etl_step == "T")

    def group() -> None:
        with DAG("alone"):
            models.layer_group(read.project, step, StepName.STAGE)

    found["piece"] = median(timed(group) for _ in range(GROUPS))
    with patch.object(models, "shard", lambda _project, _name: whole):
        found["whole"] = median(timed(group) for _ in range(GROUPS))
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
