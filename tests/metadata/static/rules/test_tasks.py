"""The rules of tasks, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_task_with_nothing_to_run": Broken(
        "job_task",
        ",,tidy,",
        ",,,",
        [
            "seeds/job_task.csv:5: (row): has nothing to run, "
            "expected exactly one of source, sql_script, python_callable"
        ],
    ),
    "a_script_on_no_connection": Broken(
        "job_task",
        "tidy,,warehouse",
        "tidy,,",
        [
            "seeds/job_task.csv:5: conn_str: is blank beside a sql_script, "
            "expected the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_on_a_connection_that_runs_none": Broken(
        "job_task",
        "tidy,,warehouse",
        "tidy,,till_share",
        [
            'seeds/job_task.csv:5: conn_str: "till_share" is of the type local_files, which runs no sql_script, '
            "expected the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_on_an_api": Broken(
        "job_task",
        "tidy,,warehouse,,",
        "tidy,,,crm_customers,",
        [
            "seeds/job_task.csv:5: conn_api: cannot run a sql_script, "
            "expected a conn_str: the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_that_asks_for_what_a_task_does_not_have": Broken(
        "sql_script",
        "where done",
        "where done = :finished and note <> ':text' and at > '12:30'::time and run = :job_inst_id",
        [
            'seeds/job_task.csv:5: sql_script: "tidy" asks for :finished, which a task does not have, '
            r"expected :job_inst_id and :job_inst_task_id, or \:finished where it is text"
        ],
    ),
    "a_procedure_with_its_call": Broken(
        "sql_script",
        'tidy,false,"delete from scratch\nwhere done"',
        "tidy,true,call scratch.tidy()",
        [
            "seeds/sql_script.csv:2: sql_text: is no name of a procedure though is_stored_proc is true, "
            "expected its name alone, such as tidy or scratch.tidy: it is called with the numbers of the run"
        ],
    ),
    "a_callable_of_no_module": Broken(
        "job_task",
        ",tidy,,warehouse",
        ",,no_such_package.module:tidy,warehouse",
        [
            'seeds/job_task.csv:5: python_callable: "no_such_package.module:tidy" cannot be called: there is no '
            "module no_such_package, expected package.module:function, of an installed package or of the project's "
            "folder"
        ],
    ),
    "a_callable_that_its_module_lacks": Broken(
        "job_task",
        ",tidy,,warehouse",
        ",,tests.airflow.callables:nota,warehouse",
        [
            'seeds/job_task.csv:5: python_callable: "tests.airflow.callables:nota" cannot be called: '
            "tests.airflow.callables has no nota, "
            "expected package.module:function, of an installed package or of the project's folder"
        ],
    ),
    "a_connection_that_the_step_of_a_source_does_not_use": Broken(
        "job_task",
        "gazetteer_page",
        "till_share",
        [
            'seeds/job_task.csv:2: conn_str: "till_share" is not what the step E of cities uses, '
            "expected gazetteer_page (in conn_str), or a blank cell"
        ],
    ),
    "a_connection_of_a_step_that_runs_in_our_own_database": Broken(
        "job_task",
        "sales,T,2,true,sales,,,,",
        "sales,T,2,true,sales,,,till_share,",
        [
            'seeds/job_task.csv:4: conn_str: "till_share" is not what the step T of sales uses, '
            "expected warehouse (in conn_str), or a blank cell"
        ],
    ),
    "a_step_that_no_active_task_does": Broken(
        "job_task",
        "sales_extract,sales,E,1,true",
        "sales_extract,sales,E,1,false",
        [
            "seeds/job_task.csv:3: is_active: is false, and no other task does step E of sales, "
            "expected true, or is_active false for the job sales"
        ],
    ),
    "a_task_that_transforms_before_it_extracts": Broken(
        "job_task",
        "sales,T,2",
        "sales,T,1",
        [
            "seeds/job_task.csv:4: step_seq: step T runs no later than step E of line 3, "
            "expected a number above 1"
        ],
    ),
    "a_step_that_two_jobs_do": Broken(
        "job_task",
        "cities,E,1,true,cities,,,gazetteer_page",
        "cities,E,1,true,sales,,,till_share",
        [
            "seeds/job_task.csv:3: etl_step: does step E of sales, which cities_extract of line 2 does, "
            "expected one active task for a step of a source",
            'seeds/source.csv:2: (row): its task "cities_extract" stands on line 2 of job_task.csv already, '
            "expected each job_task once",
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
