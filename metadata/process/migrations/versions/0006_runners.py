"""The runner of a job instance: one process, whose lock shows that it is alive; Airflow, in many; or manual
dbt.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

DDL = """
alter table metadata.job_inst add column runner text not null default 'terminal';
update metadata.job_inst set runner = 'dbt' where parameters = '{"started by": "dbt"}';
alter table metadata.job_inst add constraint job_inst_runner_check
    check (runner in ('terminal', 'airflow', 'dbt'));
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    raise NotImplementedError(
        "who ran a job instance is on record once: make a new migration that goes forward"
    )
