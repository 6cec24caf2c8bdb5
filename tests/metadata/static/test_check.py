from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headwater.metadata.errors import MetadataInvalid
from headwater.metadata.static.check import Problem, check
from headwater.metadata.static.delivery_checks import DOUBTS, REACTIONS
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.source_types import all_options

if TYPE_CHECKING:
    from tests.metadata.static.conftest import EditableSeeds

PROJECT = Path(__file__).resolve().parents[3]

MOMENT = "a day such as 2026-01-31, or a moment in UTC such as 2026-01-31T18:00:00Z"

# (table, text that stands there once, what it becomes, the messages)
Broken = tuple[str, str, str, list[str]]

BROKEN: dict[str, Broken] = {
    "a_source_without_key": (
        "attribute",
        "city_id,integer,,,true,",
        "city_id,integer,,,,",
        [
            'seeds/source.csv:2: source: "cities" has no key attribute, '
            "expected one row at least in attribute.csv with is_key true"
        ],
    ),
    "an_optional_key": (
        "attribute",
        "city_id,integer,,,true,,",
        "city_id,integer,,,true,,true",
        ["seeds/attribute.csv:2: is_optional: is true for a key, expected false: every row needs its key"],
    ),
    "a_tracked_key": (
        "attribute",
        "city_id,integer,,,true,,",
        "city_id,integer,,,true,true,",
        ["seeds/attribute.csv:2: is_tracked: is true for a key, expected a blank cell: a key cannot change"],
    ),
    "a_datatype_that_postgres_does_not_know": (
        "attribute",
        "city_id,integer",
        "city_id,datetime",
        [
            'seeds/attribute.csv:2: target_datatype: "datetime" is not a datatype of an attribute, '
            "expected timestamp"
        ],
    ),
    "json_instead_of_jsonb": (
        "attribute",
        "amount_eur,numeric",
        "amount_eur,json",
        ['seeds/attribute.csv:9: target_datatype: "json" is not a datatype of an attribute, expected jsonb'],
    ),
    "more_digits_behind_the_point_than_digits": (
        "attribute",
        "numeric(9,6)",
        "numeric(6,9)",
        [
            'seeds/attribute.csv:4: target_datatype: "numeric(6,9)" has digits that Postgres does not know, '
            "expected numeric(p,s) with p from 1 to 1000 and s from 0 to p"
        ],
    ),
    "a_format_for_a_number": (
        "attribute",
        "amount_eur,numeric,",
        "amount_eur,numeric,0.00",
        [
            'seeds/attribute.csv:9: format: "0.00" does not say how a number is written, '
            "expected 1.234,56 or 1 234,56 or 1234,56, with the signs of the source"
        ],
    ),
    "a_format_without_the_year": (
        "attribute",
        "DD.MM.YYYY",
        "DD.MM.",
        ['seeds/attribute.csv:7: format: "DD.MM." has no YYYY, expected YYYY MM DD in it'],
    ),
    "a_target_name_that_is_ours": (
        "attribute",
        "Name,name,",
        "Name,valid_from,",
        [
            'seeds/attribute.csv:3: target_name: "valid_from" is a column that Headwater makes itself, '
            "expected another name"
        ],
    ),
    "a_target_name_that_macros_use": (
        "attribute",
        "Name,name,",
        "Name,reject_reason,",
        [
            'seeds/attribute.csv:3: target_name: "reject_reason" is a column that Headwater makes itself, '
            "expected another name"
        ],
    ),
    "a_target_name_that_is_sql": (
        "attribute",
        "Name,name,",
        "Name,order,",
        ['seeds/attribute.csv:3: target_name: "order" is a reserved word of SQL, expected another name'],
    ),
    "a_target_name_twice": (
        "attribute",
        "Name,name,",
        "Name,city_id,",
        [
            'seeds/attribute.csv:3: target_name: "city_id" stands on line 2 already, '
            "expected each target_name once in a source"
        ],
    ),
    "two_attributes_in_one_raw_column": (
        "attribute",
        "Name,name,",
        "_bus_line,name,",
        [
            'seeds/attribute.csv:6: target_name: needs the raw column "_bus_line", which line 3 has, '
            "expected another target name"
        ],
    ),
    "a_misspelled_null_token": (
        "attribute",
        "NA|<empty>",
        "NA|<emtpy>",
        [
            'seeds/attribute.csv:4: null_tokens: "<emtpy>" is not a spelling, '
            r"expected one of <empty>, <none>, <space>, \t, \n, \r (perhaps <empty>)"
        ],
    ),
    "a_null_token_that_dbt_loses": (
        "attribute",
        "NA|<empty>",
        "NULL",
        [
            'seeds/attribute.csv:4: null_tokens: "NULL" alone is a blank cell to dbt, '
            'expected another token beside it, such as "NULL|<empty>"'
        ],
    ),
    "white_space_that_nobody_sees": (
        "attribute",
        "cities,Name,",
        "cities,Name ,",
        [
            'seeds/attribute.csv:3: source_name: "Name " begins or ends with white space, '
            'expected none, or "<space>" where it is meant'
        ],
    ),
    "an_unknown_column": (
        "attribute",
        "source_name,target_name",
        "source_nme,target_name",
        [
            'seeds/attribute.csv:1: source_nme: "source_nme" is not a column of attribute, '
            "expected source_name",
            "seeds/attribute.csv:1: source_name: is missing in the header, expected the columns source, "
            "source_name, target_name, target_datatype, format, null_tokens, is_key, is_tracked, "
            "is_optional, description",
        ],
    ),
    "a_name_that_is_not_safe": (
        "sql_script",
        "tidy,false",
        "Robert'); drop table students;--,false",
        [
            'seeds/sql_script.csv:2: sql_script: "Robert\'); drop table students;--" is not a safe name, '
            "expected a to z, 0 to 9 and _, a letter first, 50 characters at most",
            'seeds/job_task.csv:5: sql_script: "tidy" is not in sql_script.csv, '
            "expected the name of a row there",
        ],
    ),
    "a_reference_to_nothing": (
        "source",
        "cities,cities,gazetteer,",
        "cities,cities,gazeteer,",
        [
            'seeds/source.csv:2: data_source: "gazeteer" is not in data_source.csv, '
            "expected the name of a row there (perhaps gazetteer)"
        ],
    ),
    "a_value_that_is_not_accepted": (
        "source",
        "snapshot",
        "snapshots",
        [
            'seeds/source.csv:2: delivery_type: "snapshots" is not known, '
            "expected one of snapshot, delta (perhaps snapshot)"
        ],
    ),
    "a_boolean_that_is_none": (
        "source",
        ",true,true,false,",
        ",true,yes,false,",
        ['seeds/source.csv:3: load_changed: "yes" is not a boolean, expected true or false'],
    ),
    "a_percentage_that_is_none": (
        "source",
        ",5,1.5,",
        ",5,150,",
        [
            'seeds/source.csv:2: max_fallen_out_pct: "150" is not a percentage, '
            "expected a number from 0 to 100",
        ],
    ),
    "a_guard_of_snapshots_on_a_delta": (
        "source",
        "last_wins,ignore,,,",
        "last_wins,ignore,5,,",
        ["seeds/source.csv:3: max_removed_pct: guards snapshots only, expected a blank cell for a delta"],
    ),
    "a_row_too_short": (
        "source",
        ",5,1.5,A city",
        ",5,1.5",
        ["seeds/source.csv:2: (row): has 18 fields, expected 19 as in the header"],
    ),
    "an_unknown_function": (
        "source",
        "delta,,unpivot",
        "delta,own_functions.fetch,unpivot",
        [
            'seeds/source.csv:3: extract_function: "own_functions.fetch" is not a function that we know, '
            "expected one of http_files, rest_api, rdbms, object_store, kafka, local_files, "
            "or package.module:function"
        ],
    ),
    "a_quality_check_that_is_not_json": (
        "source",
        '""warning""}]',
        '""warning""}',
        ["seeds/source.csv:2: quality_checks: is not JSON from character 130 on, expected JSON"],
    ),
    "a_quality_check_of_an_unknown_column": (
        "source",
        '""latitude""',
        '""latitud""',
        [
            'seeds/source.csv:2: quality_checks: check 1 names the column "latitud", which the source has '
            "not, expected one of bus_line, city_id, latitude, name (perhaps latitude)"
        ],
    ),
    "an_unknown_expectation": (
        "source",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_betwen",
        [
            "seeds/source.csv:2: quality_checks: check 1 names the expectation "
            '"expect_column_values_to_be_betwen", which is not known, '
            "expected expect_column_values_to_be_between"
        ],
    ),
    "two_jobs_that_wait_for_each_other": (
        "job",
        "0 5 * * *,,",
        ",sales,",
        [
            "seeds/job.csv:2: after_job: waits for itself: cities → sales → cities, "
            "expected a job that does not lead back"
        ],
    ),
    "a_job_that_waits_for_one_at_rest": (
        "job",
        ",,cities,retail",
        ",,resting,retail",
        [
            'seeds/job.csv:3: after_job: waits for "resting", which is not active, '
            "expected an active job, or is_active false here too"
        ],
    ),
    "a_schedule_of_25_hours": (
        "job",
        "0 5 * * *",
        "0 25 * * *",
        [
            'seeds/job.csv:2: schedule: "25" does not say the hour of a schedule, '
            "expected * or numbers from 0 to 23"
        ],
    ),
    "a_task_with_nothing_to_run": (
        "job_task",
        ",,tidy,",
        ",,,",
        [
            "seeds/job_task.csv:5: (row): has nothing to run, "
            "expected exactly one of source, sql_script, python_callable"
        ],
    ),
    "a_script_on_no_connection": (
        "job_task",
        "tidy,,warehouse",
        "tidy,,",
        [
            "seeds/job_task.csv:5: conn_str: is blank beside a sql_script, "
            "expected the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_on_a_connection_that_runs_none": (
        "job_task",
        "tidy,,warehouse",
        "tidy,,till_share",
        [
            'seeds/job_task.csv:5: conn_str: "till_share" is of the type local_files, which runs no sql_script, '
            "expected the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_on_an_api": (
        "job_task",
        "tidy,,warehouse,,",
        "tidy,,,crm_customers,",
        [
            "seeds/job_task.csv:5: conn_api: cannot run a sql_script, "
            "expected a conn_str: the connection of a database, such as that of the data source warehouse"
        ],
    ),
    "a_script_that_asks_for_what_a_task_does_not_have": (
        "sql_script",
        "where done",
        "where done = :finished and note <> ':text' and at > '12:30'::time and run = :job_inst_id",
        [
            'seeds/job_task.csv:5: sql_script: "tidy" asks for :finished, which a task does not have, '
            r"expected :job_inst_id and :job_inst_task_id, or \:finished where it is text"
        ],
    ),
    "a_procedure_with_its_call": (
        "sql_script",
        'tidy,false,"delete from scratch\nwhere done"',
        "tidy,true,call scratch.tidy()",
        [
            "seeds/sql_script.csv:2: sql_text: is no name of a procedure though is_stored_proc is true, "
            "expected its name alone, such as tidy or scratch.tidy: it is called with the numbers of the run"
        ],
    ),
    "a_callable_of_no_module": (
        "job_task",
        ",tidy,,warehouse",
        ",,no_such_package.module:tidy,warehouse",
        [
            'seeds/job_task.csv:5: python_callable: "no_such_package.module:tidy" cannot be called: there is no '
            "module no_such_package, expected package.module:function, of an installed package or of the project's "
            "folder"
        ],
    ),
    "a_callable_that_its_module_lacks": (
        "job_task",
        ",tidy,,warehouse",
        ",,tests.airflow.callables:nota,warehouse",
        [
            'seeds/job_task.csv:5: python_callable: "tests.airflow.callables:nota" cannot be called: '
            "tests.airflow.callables has no nota, "
            "expected package.module:function, of an installed package or of the project's folder"
        ],
    ),
    "a_connection_that_the_step_of_a_source_does_not_use": (
        "job_task",
        "gazetteer_page",
        "till_share",
        [
            'seeds/job_task.csv:2: conn_str: "till_share" is not what the step E of cities uses, '
            "expected gazetteer_page (in conn_str), or a blank cell"
        ],
    ),
    "a_connection_of_a_step_that_runs_in_our_own_database": (
        "job_task",
        "sales,T,2,true,sales,,,,",
        "sales,T,2,true,sales,,,till_share,",
        [
            'seeds/job_task.csv:4: conn_str: "till_share" is not what the step T of sales uses, '
            "expected warehouse (in conn_str), or a blank cell"
        ],
    ),
    "a_job_with_nothing_to_do": (
        "job_task",
        "tidy_up,tidying,,1,true",
        "tidy_up,tidying,,1,false",
        [
            'seeds/job.csv:4: job: "tidying" has nothing to do, '
            "expected an active row in job_task.csv, a source that names it, or is_active false"
        ],
    ),
    "a_step_that_no_active_task_does": (
        "job_task",
        "sales_extract,sales,E,1,true",
        "sales_extract,sales,E,1,false",
        [
            "seeds/job_task.csv:3: is_active: is false, and no other task does step E of sales, "
            "expected true, or is_active false for the job sales"
        ],
    ),
    "a_task_that_transforms_before_it_extracts": (
        "job_task",
        "sales,T,2",
        "sales,T,1",
        [
            "seeds/job_task.csv:4: step_seq: step T runs no later than step E of line 3, "
            "expected a number above 1"
        ],
    ),
    "a_step_that_two_jobs_do": (
        "job_task",
        "cities,E,1,true,cities,,,gazetteer_page",
        "cities,E,1,true,sales,,,till_share",
        [
            "seeds/job_task.csv:3: etl_step: does step E of sales, which cities_extract of line 2 does, "
            "expected one active task for a step of a source"
        ],
    ),
    "a_job_that_is_started_in_two_ways": (
        "job",
        "batch,,cities,retail",
        "batch,@daily,cities,retail",
        [
            'seeds/job.csv:3: schedule: stands beside after_job "cities", which starts it, '
            "expected one of schedule, after_job"
        ],
    ),
    "a_job_that_tries_again_half_a_time": (
        "job",
        "Places,0,60",
        "Places,0.5,60",
        ['seeds/job.csv:2: retries: "0.5" is not a whole number from 0, expected 0, 1, 2 …'],
    ),
    "a_password_in_secret_ref": (
        "conn_str",
        "env:TILL_READER",
        "hunter2",
        [
            "seeds/conn_str.csv:3: secret_ref: does not say where the secret is, "
            "expected env:NAME, file:/path, aws:id#key or airflow:conn_id"
        ],
    ),
    "a_password_in_an_address": (
        "conn_str",
        "https://example.org",
        "https://joe:hunter2@example.org",
        ["seeds/conn_str.csv:2: url_template: holds a password, expected only its name, in secret_ref"],
    ),
    "a_password_in_the_options": (
        "conn_str",
        ",env:TILL_READER,,",
        ",env:TILL_READER,sslmode=require;password=hunter2,",
        ["seeds/conn_str.csv:3: options: holds a password, expected only its name, in secret_ref"],
    ),
    "a_secret_in_a_payload": (
        "conn_api",
        "${CRM_SECRET}",
        "hunter2",
        [
            "seeds/conn_api.csv:2: payload_json: holds a secret, "
            "expected ${NAME} for it, which the environment knows"
        ],
    ),
    "a_key_among_the_options_of_a_source": (
        "source_attribute",
        "sales,delimiter,",
        "sales,api_key,",
        [
            'seeds/source_attribute.csv:6: name: "api_key" stands for a secret, '
            "expected only its name, in secret_ref of conn_str or conn_api"
        ],
    ),
    "a_variable_without_braces": (
        "conn_str",
        "${TILL_FOLDER}",
        "$TILL_FOLDER",
        [
            'seeds/conn_str.csv:3: file_path: "$TILL_FOLDER/out" has a $ that names no variable, '
            "expected ${NAME} in capitals"
        ],
    ),
    "pages_by_cursor_without_a_cursor": (
        "conn_api",
        "page,page,per_page",
        "cursor,page,per_page",
        [
            "seeds/conn_api.csv:3: cursor_param_name: is blank, "
            "expected a cursor_param_name for pagination_type cursor",
            "seeds/conn_api.csv:3: cursor_path: is blank, expected a cursor_path for pagination_type cursor",
        ],
    ),
    "tokens_that_come_from_themselves": (
        "conn_api",
        "crm_token,crm,,",
        "crm_token,crm,crm_customers,",
        [
            "seeds/conn_api.csv:2: parent_conn_api: gets its token from itself: "
            "crm_token → crm_customers → crm_token, expected a parent that does not lead back"
        ],
    ),
    "a_data_source_that_nothing_reaches": (
        "conn_str",
        "till_share,till,,,clerk,env:TILL_READER,,,${TILL_FOLDER}/out\n",
        "",
        [
            'seeds/data_source.csv:3: data_source: "till" has no row in conn_str.csv, '
            "expected one, as its type is local_files",
            'seeds/job_task.csv:3: conn_str: "till_share" is not in conn_str.csv, '
            "expected the name of a row there",
        ],
    ),
    "an_unknown_option": (
        "source_attribute",
        "sales,delimiter,",
        "sales,delimeter,",
        [
            'seeds/source_attribute.csv:6: name: "delimeter" is not an option, expected one of '
            f"{', '.join(all_options())} (perhaps delimiter)"
        ],
    ),
    "a_later_name_of_no_column": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,renamed_columns,name=Label|Name=|Name=lat|Name=N=1|lat=latitude|id=latitude",
        [
            'seeds/source_attribute.csv:3: value: renamed_columns: "name=Label" begins with no column of the source, '
            "expected source_name=its later name",
            'seeds/source_attribute.csv:3: value: renamed_columns: "Name=" has no later name, '
            "expected source_name=its later name",
            'seeds/source_attribute.csv:3: value: renamed_columns: "lat" is the source_name of an attribute, '
            "expected a name that none has",
            'seeds/source_attribute.csv:3: value: renamed_columns: "latitude" stands for lat and for id, '
            "expected one column for each name",
        ],
    ),
    "a_date_for_what_holds_always": (
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,null_tokens,-|<empty>,2026-03-01",
        [
            "seeds/source_attribute.csv:3: valid_from: null_tokens does not say how a file is read, and holds for all "
            "deliveries, expected a blank cell; from a date on may hold zip_member, zip_members, format, record_path, "
            "fixed_columns, first_line, sheet, header_rows, skip_last_lines, skip_lines_matching, trailer_count, "
            "delimiter, encoding, quote_char, header_line, unpivot_keep, unpivot_name, unpivot_value, unpivot_skip"
        ],
    ),
    "dates_that_are_none": (
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,encoding,latin1,1.3.2026\ncities,encoding,latin1,2026-02-30\ncities,encoding,latin1,2026-03-01T00:00:00Z\n"
        "cities,encoding,latin1,2026-03-01T18:00\ncities,encoding,latin1,20260301\n"
        "cities,encoding,latin1,2026-03-01T18:00:00+02:00",
        [
            f'seeds/source_attribute.csv:{line}: valid_from: "{cell}" is {wrong}'
            for line, cell, wrong in (
                (3, "1.3.2026", f"not a moment, expected {MOMENT}"),
                (4, "2026-02-30", f"not a moment, expected {MOMENT}"),
                (5, "2026-03-01T00:00:00Z", "the beginning of a day, expected 2026-03-01"),
                (6, "2026-03-01T18:00", f"not a moment, expected {MOMENT}"),
                (7, "20260301", f"not a moment, expected {MOMENT}"),
                (8, "2026-03-01T18:00:00+02:00", f"not a moment, expected {MOMENT}"),
            )
        ],
    ),
    "an_option_twice_from_one_date_on": (
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,encoding,latin1,\ncities,encoding,latin1,2026-03-01\ncities,encoding,utf-8,2026-03-01\n"
        "cities,encoding,utf-8,2026-03-01T00:00:01Z\ncities,encoding,utf-16,",
        [
            'seeds/source_attribute.csv:5: valid_from: "2026-03-01" stands on line 4 already, '
            "expected each valid_from once in a source and name",
            'seeds/source_attribute.csv:7: name: "encoding" stands on line 3 already, '
            "expected each name once in a source",
        ],
    ),
    "characters_that_are_the_same_from_a_date_on": (
        "source_attribute",
        "cities,null_tokens,-|<empty>,",
        "cities,delimiter,;,2026-03-01\ncities,quote_char,',2026-03-01\ncities,quote_char,;,2026-05-01",
        [
            'seeds/source_attribute.csv:5: value: quote_char ";" both separates and quotes, '
            "expected two different characters"
        ],
    ),
    "a_table_that_is_unpivoted_only_from_a_date_on": (
        "source_attribute",
        "sales,unpivot_name,product,",
        "sales,unpivot_name,product,2026-03-01",
        [
            "seeds/source.csv:3: wrangle_function: unpivot has no unpivot_name, "
            "expected unpivot_name in source_attribute.csv with a blank valid_from"
        ],
    ),
    "a_column_that_unpivot_makes_no_more_from_a_date_on": (
        "source_attribute",
        "sales,unpivot_value,amount,",
        "sales,unpivot_value,amount,\nsales,unpivot_value,sum,2026-03-01",
        [
            'seeds/attribute.csv:9: source_name: "amount" is not a column that unpivot makes, '
            "expected one of Day, flag, product, sum"
        ],
    ),
    "a_source_whose_files_nobody_finds": (
        "source_attribute",
        "sales,file_pattern,sales,\n",
        "",
        [
            'seeds/source.csv:3: source: "sales" has no file_pattern, '
            "expected one in source_attribute.csv for a source of type local_files"
        ],
    ),
    "a_pattern_that_does_not_compile": (
        "source_attribute",
        r"(?P<date>\d{8})",
        r"(?P<date>\d{8}",
        [
            r'seeds/source_attribute.csv:2: value: file_pattern "cities-(?P<date>\d{8}\.csv$" is not a '
            "regular expression (missing ), unterminated subpattern at position 7), "
            "expected one that Python's re compiles"
        ],
    ),
    "a_pattern_without_the_date": (
        "source_attribute",
        r"(?P<date>\d{8})",
        r"\d{8}",
        [
            "seeds/source_attribute.csv:2: value: file_pattern has no group date, "
            "expected (?P<date>…) around the date, or date_from page or header"
        ],
    ),
    "an_unknown_encoding": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,encoding,hex",
        [
            'seeds/source_attribute.csv:6: value: encoding "hex" is not known, '
            "expected an encoding such as utf-8, iso-8859-1 or utf-16"
        ],
    ),
    "a_separator_of_three_characters": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,delimiter,tab",
        [
            'seeds/source_attribute.csv:6: value: delimiter "tab" is not one character, '
            r"expected one such as ; or | or \t or <space>"
        ],
    ),
    "an_option_of_another_format": (
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,format,json",
        [
            "seeds/source_attribute.csv:7: name: delimiter stands for a source of format json, "
            "expected format csv"
        ],
    ),
    "a_record_path_that_leads_nowhere": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,ndjson,\nsales,record_path,data..items",
        [
            'seeds/source_attribute.csv:7: value: record_path "data..items" is not a path, '
            "expected one such as data.items, data[].stations[] for lists within lists, or regions.*.items[] for "
            "maps"
        ],
    ),
    "a_map_in_xml": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,xml,\nsales,record_path,data.*.r",
        [
            "seeds/source_attribute.csv:7: value: a record_path of format xml leads through no map, "
            "expected one without *; json and ndjson have maps"
        ],
    ),
    "a_trailer_that_says_no_number": (
        "source_attribute",
        r"sales,delimiter,\t",
        r"sales,trailer_count,^T;\d+$",
        [
            "seeds/source_attribute.csv:6: value: trailer_count has no group count, "
            "expected (?P<count>…) around the number of records"
        ],
    ),
    "a_trailer_that_is_searched_forever": (
        "source_attribute",
        r"sales,delimiter,\t",
        r"sales,skip_lines_matching,^(\w+;?)+$",
        [
            r'seeds/source_attribute.csv:6: value: skip_lines_matching "^(\w+;?)+$" repeats what is of no fixed '
            r"length, and may search a line of a file forever, expected repetitions of what has one length, such as "
            r"\d+ or (\d{3},)*"
        ],
    ),
    "a_trailer_of_a_format_without_lines": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,parquet,\nsales,skip_last_lines,1",
        [
            "seeds/source_attribute.csv:7: name: skip_last_lines stands for a source of format parquet, "
            "expected format csv, ndjson, fixed_width or excel"
        ],
    ),
    "a_record_path_in_a_csv": (
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,record_path,data",
        [
            "seeds/source_attribute.csv:6: name: record_path stands for a source of format csv, "
            "expected format json, ndjson, xml or geojson"
        ],
    ),
    "a_fixed_width_without_columns": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width",
        [
            'seeds/source.csv:3: source: "sales" has no fixed_columns, '
            "expected one in source_attribute.csv for a source of format fixed_width"
        ],
    ),
    "a_column_without_a_place": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:1-3|name",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "name" is not a column, expected a '
            "table such as name:1-12|code:13-15|note:16-"
        ],
    ),
    "a_column_that_ends_before_it_begins": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:3-1",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "id" ends before it begins, expected a '
            "table such as name:1-12|code:13-15|note:16-"
        ],
    ),
    "columns_that_overlap": (
        "source_attribute",
        r"sales,delimiter,\t",
        "sales,format,fixed_width,\nsales,fixed_columns,id:1-3|name:3-9",
        [
            'seeds/source_attribute.csv:7: value: fixed_columns "id" and "name" overlap, '
            "expected columns beside one another"
        ],
    ),
    "an_incomplete_unpivot": (
        "source_attribute",
        "sales,unpivot_name,product,\n",
        "",
        [
            "seeds/source.csv:3: wrangle_function: unpivot has no unpivot_name, "
            "expected unpivot_name in source_attribute.csv"
        ],
    ),
    "a_column_that_unpivot_does_not_make": (
        "attribute",
        "sales,amount,",
        "sales,Amount,",
        [
            'seeds/attribute.csv:9: source_name: "Amount" is not a column that unpivot makes, '
            "expected one of Day, flag, product, amount"
        ],
    ),
    "a_delete_column_that_may_be_missing": (
        "source_attribute",
        "sales,delete_column,flag",
        "sales,delete_column,amount",
        [
            'seeds/attribute.csv:9: is_optional: "amount" is the delete_column: '
            "without it, marks would be taken for rows, expected false"
        ],
    ),
    "a_delete_column_of_a_snapshot": (
        "source",
        "shop,delta",
        "shop,snapshot",
        [
            "seeds/source_attribute.csv:10: name: delete_column stands for a snapshot, "
            "expected none: what a snapshot does not hold is removed"
        ],
    ),
    "a_reaction_that_is_not_known": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,on_empty,stop",
        [
            'seeds/source_attribute.csv:3: value: on_empty "stop" is not known, '
            "expected one of halt, warn, ignore"
        ],
    ),
    "a_first_day_that_no_calendar_has": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,first_delivery_date,2026-02-30",
        [
            'seeds/source_attribute.csv:3: value: first_delivery_date "2026-02-30" is not a date, '
            "expected a day such as 2026-01-31"
        ],
    ),
    "a_first_day_written_otherwise": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,first_delivery_date,20260228",
        [
            'seeds/source_attribute.csv:3: value: first_delivery_date "20260228" is not a date, '
            "expected a day such as 2026-01-31"
        ],
    ),
    "no_rows_at_least": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,min_rows,0",
        [
            'seeds/source_attribute.csv:3: value: min_rows "0" is not a whole number from 1, '
            "expected 1, 2, 3 …"
        ],
    ),
    "a_number_of_deliveries_to_keep_that_is_none": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,keep_raw,0,\ncities,keep_staging,30 days",
        [
            'seeds/source_attribute.csv:4: value: keep_staging "30 days" is not a whole number from 0, '
            "expected 0, 1, 2 …"
        ],
    ),
    "a_period_that_is_not_known": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,expected_every,months",
        [
            'seeds/source_attribute.csv:3: value: expected_every "months" is not known, '
            "expected one of day, week, month, quarter, year (perhaps month)"
        ],
    ),
    "a_period_shorter_than_the_schedule": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,expected_every,week",
        [
            'seeds/source_attribute.csv:3: value: expected_every "week" is more often than the source is '
            "delivered, monthly, expected one of month, quarter, year"
        ],
    ),
    "a_doubt_about_what_was_never_said": (
        "source_attribute",
        "cities,null_tokens,-|<empty>",
        "cities,on_gap,halt,\ncities,on_min_rows,warn,\ncities,on_delivery_date_before_start,warn",
        [
            "seeds/source_attribute.csv:3: name: on_gap stands without expected_every, "
            "expected expected_every in source_attribute.csv",
            "seeds/source_attribute.csv:4: name: on_min_rows stands without min_rows, "
            "expected min_rows in source_attribute.csv",
            "seeds/source_attribute.csv:5: name: on_delivery_date_before_start stands without "
            "first_delivery_date, expected first_delivery_date in source_attribute.csv",
        ],
    ),
    "a_doubt_about_a_delta_that_only_a_snapshot_can_raise": (
        "source_attribute",
        "sales,date_from,header",
        "sales,date_from,header,\nsales,on_removed,warn,\nsales,on_nothing_new,ignore",
        [
            "seeds/source_attribute.csv:6: name: on_removed stands for a delta, "
            "expected none: only a snapshot says what is gone or the same",
            "seeds/source_attribute.csv:7: name: on_nothing_new stands for a delta, "
            "expected none: only a snapshot says what is gone or the same",
        ],
    ),
    "a_guard_of_what_is_not_loaded": (
        "source",
        'warning""}]",,,,',
        'warning""}]",,,false,',
        [
            "seeds/source.csv:2: max_removed_pct: guards what load_removed leaves out, "
            "expected a blank cell, or load_removed true"
        ],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    table, old, new, messages = broken
    seeds.edit(table, old, new)
    assert seeds.messages() == messages


def test_options_that_change_on_one_day_are_judged_together(seeds: EditableSeeds) -> None:
    seeds.append("source_attribute", "cities,delimiter,',", "cities,quote_char,;,")
    seeds.append("source_attribute", "cities,delimiter,;,2026-03-01", "cities,quote_char,',2026-03-01")
    assert seeds.messages() == []


def test_options_of_two_formats_stand_together_where_one_follows_the_other(seeds: EditableSeeds) -> None:
    seeds.append(
        "source_attribute", "cities,header_line,2,", "cities,record_path,data,", "cities,encoding,latin1,"
    )
    assert [message.partition(", expected")[0] for message in seeds.messages()] == [
        "seeds/source_attribute.csv:13: name: record_path stands for a source of format csv"
    ]
    seeds.append("source_attribute", "cities,format,json,2026-03-01")
    assert seeds.messages() == []
    seeds.append("source_attribute", "cities,format,csv,2026-05-01", "cities,delimiter,<none>,2026-05-01")
    assert [message.partition(", expected")[0] for message in seeds.messages()] == [
        "seeds/source_attribute.csv:17: value: delimiter is nothing"
    ]


def test_a_guard_without_a_limit_needs_one(seeds: EditableSeeds) -> None:
    seeds.edit("source", ",5,1.5,A city", ",,1.5,A city")
    seeds.append("source_attribute", "cities,on_removed,warn,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:12: name: on_removed stands without max_removed_pct, "
        "expected max_removed_pct in source.csv"
    ]


def test_a_series_of_an_irregular_source_makes_no_sense(seeds: EditableSeeds) -> None:
    seeds.edit("source", "geography,monthly", "geography,irregular")
    seeds.append("source_attribute", "cities,expected_every,year,")
    assert seeds.messages() == [
        "seeds/source_attribute.csv:12: name: expected_every stands for a source that is delivered "
        "irregular, expected none, or another schedule in source.csv"
    ]


def test_every_doubt_may_be_spelled_out(seeds: EditableSeeds) -> None:
    options = [
        f"cities,{doubt.option},{reaction}," for doubt, reaction in zip(DOUBTS.values(), cycle(REACTIONS))
    ]
    seeds.append("source_attribute", *options, "cities,min_rows,5,", "cities,first_delivery_date,2020-02-29,")
    seeds.append(
        "source_attribute",
        "cities,expected_every,month,",
        "sales,expected_every,day,",
        "sales,on_empty,halt,",
    )
    assert seeds.messages() == []


BrokenFile = tuple[Callable[[Path], object], str]

BROKEN_FILES: dict[str, BrokenFile] = {
    "missing": (
        lambda folder: (folder / "tbl.csv").unlink(),
        "seeds/tbl.csv:1: (file): is missing, "
        "expected a CSV file with the columns tbl, data_source, incr_column, data_size",
    ),
    "empty": (
        lambda folder: (folder / "tbl.csv").write_bytes(b""),
        "seeds/tbl.csv:1: (file): the file is empty, expected a header",
    ),
    "not_utf_8": (
        lambda folder: (folder / "data_source.csv").write_bytes(
            b"data_source,data_source_type,description\ncafe,local_files,Caf\xe9\n"
        ),
        "seeds/data_source.csv:2: (file): byte 0xE9 is not UTF-8, expected a file in UTF-8",
    ),
    "nul": (
        lambda folder: (folder / "sql_script.csv").write_bytes(
            b"sql_script,is_stored_proc,sql_text\ntidy,false,a\x00b\n"
        ),
        "seeds/sql_script.csv:2: (file): a NUL character, expected text",
    ),
    "unclosed_quote": (
        lambda folder: (folder / "sql_script.csv").write_bytes(
            b'sql_script,is_stored_proc,sql_text\ntidy,false,"x\ny"\nmore,false,"x\ny\n'
        ),
        "seeds/sql_script.csv:4: (file): not readable as CSV (unexpected end of data), "
        "expected quotes closed and doubled inside quotes",
    ),
    "of_no_table": (
        lambda folder: (folder / "sources.csv").write_bytes(b"a,b\n"),
        "seeds/sources.csv:1: (file): is not a table of the static metadata, expected source.csv",
    ),
}


@pytest.mark.parametrize("broken", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_file_gets_its_message_and_no_other(seeds: EditableSeeds, broken: BrokenFile) -> None:
    break_it, message = broken
    break_it(seeds.folder)
    assert seeds.messages() == [message]


def test_good_seeds_have_no_problem(seeds: EditableSeeds) -> None:
    assert seeds.messages() == []


def test_seeds_of_the_project_have_no_problem() -> None:
    assert [str(problem) for problem in check(PROJECT / "seeds")] == []


def test_all_problems_come_at_once_in_order_of_file_line_and_column(seeds: EditableSeeds) -> None:
    seeds.edit("source_attribute", "sales,date_from,header", "sales,header_line,none")
    seeds.edit("attribute", "amount_eur,numeric,,,,", "amount_eur,number,,,,yes")
    seeds.edit("attribute", "city_id,integer", "City,integer")
    seeds.edit("source", "shop,delta", "shop,daily")
    seeds.edit("conn_str", "env:TILL_READER", "S3cr3t")
    assert seeds.messages() == [
        "seeds/conn_str.csv:3: secret_ref: does not say where the secret is, "
        "expected env:NAME, file:/path, aws:id#key or airflow:conn_id",
        'seeds/source.csv:3: delivery_type: "daily" is not known, expected one of snapshot, delta',
        'seeds/attribute.csv:2: target_name: "City" is not a safe name, '
        "expected a to z, 0 to 9 and _, a letter first, 50 characters at most",
        'seeds/attribute.csv:9: target_datatype: "number" is not a datatype of an attribute, '
        "expected numeric",
        'seeds/attribute.csv:9: is_tracked: "yes" is not a boolean, expected true or false',
        "seeds/source_attribute.csv:4: value: file_pattern has no group date, "
        "expected (?P<date>…) around the date, or date_from page or header",
        'seeds/source_attribute.csv:5: value: header_line "none" is not a whole number from 1, '
        "expected 1, 2, 3 …",
    ]


def test_line_is_where_the_row_begins_though_cells_hold_line_breaks(seeds: EditableSeeds) -> None:
    assert "\n" in (seeds.folder / "job.csv").read_text().split("tidying", 1)[1].split("resting")[0].strip()
    seeds.edit("job", "resting,true,E", "resting,true,")
    assert seeds.messages() == [
        "seeds/job.csv:6: etl_steps: is blank though is_etl is true, expected one of E, ETL, TL"
    ]


@pytest.mark.parametrize("name", ["left_open", "marts", "docs"])
def test_a_job_is_not_called_as_a_dag_that_is_no_job(seeds: EditableSeeds, name: str) -> None:
    seeds.edit("job", "resting,true,E", f"{name},true,E")
    assert seeds.messages() == [
        f'seeds/job.csv:6: job: "{name}" is the name of a DAG that is no job, expected another name'
    ]


def test_cycle_of_three_jobs_is_told_once(seeds: EditableSeeds) -> None:
    seeds.edit("job", "0 5 * * *,,", ",tidying,")
    seeds.edit("job", "@weekly,,", ",sales,")
    assert seeds.messages() == [
        "seeds/job.csv:2: after_job: waits for itself: cities → tidying → sales → cities, "
        "expected a job that does not lead back"
    ]


def test_message_never_repeats_a_secret(seeds: EditableSeeds) -> None:
    seeds.edit("conn_str", "env:TILL_READER", " hunter2 ")
    seeds.edit("conn_str", "https://example.org", "https://joe:hunter2@example.org/$x")
    seeds.edit("conn_api", "https://example.org/token", "ftp://joe:hunter2@example.org/token")
    seeds.edit("source_attribute", "sales,date_from,header", "sales,page,joe:hunter2@host")
    messages = seeds.messages()
    assert len(messages) >= 4
    assert "hunter2" not in "\n".join(messages)


def test_broken_row_does_not_make_its_name_unknown(seeds: EditableSeeds) -> None:
    seeds.edit("source", "A sale", "A sale,more")
    assert seeds.messages() == ["seeds/source.csv:3: (row): has 20 fields, expected 19 as in the header"]


def test_blank_lines_and_a_byte_order_mark_are_no_problem(seeds: EditableSeeds) -> None:
    path = seeds.folder / "data_source.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert seeds.messages() == []


def test_read_catalog_raises_with_every_problem(seeds: EditableSeeds) -> None:
    seeds.edit("source", "snapshot", "snapshots")
    seeds.edit("job", "@weekly", "@often")
    with pytest.raises(MetadataInvalid) as raised:
        read_catalog(seeds.folder)
    assert raised.value.problems == tuple(check(seeds.folder))
    assert str(raised.value).splitlines() == [
        "2 errors in the metadata",
        'seeds/job.csv:4: schedule: "@often" is not a schedule, '
        "expected one of @once, @hourly, @daily, @weekly, @monthly, @yearly",
        'seeds/source.csv:2: delivery_type: "snapshots" is not known, '
        "expected one of snapshot, delta (perhaps snapshot)",
    ]


def test_problem_is_one_line_though_the_cell_is_not(seeds: EditableSeeds) -> None:
    seeds.edit("job", "tidying", '"ti\ndying"')
    assert seeds.messages()[0] == (
        r'seeds/job.csv:4: job: "ti\ndying" is not a safe name, '
        "expected a to z, 0 to 9 and _, a letter first, 50 characters at most"
    )


def test_problem_is_a_value() -> None:
    problem = Problem("seeds/job.csv", 4, "owner", "is blank", "a text")
    assert str(problem) == "seeds/job.csv:4: owner: is blank, expected a text"
    assert dataclasses.replace(problem) == problem


def test_checking_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from headwater.metadata.static.read import read_catalog;"
        "read_catalog(Path('seeds'));"
        "heavy = {'dbt', 'pandas', 'sqlalchemy', 'great_expectations', 'boto3', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_source_with_more_columns_than_postgres_has_is_said_once(seeds):
    seeds.append("attribute", *(f"cities,column {n},column_{n},text,,,,,,A column" for n in range(1_701)))
    (message,) = [answer for answer in seeds.messages() if "attributes" in answer]
    assert "more than a table of Postgres can hold, expected 1,500 at most" in message
    assert "the column _rest" in message


@pytest.mark.parametrize("ending", ["_current_key", "_valid_from_idx", "_sqn_idx"])
def test_a_source_is_not_called_as_an_index_of_another(seeds: EditableSeeds, ending: str) -> None:
    path = seeds.folder / "source.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\nsales,", f"\ncities{ending},"), encoding="utf-8")
    messages = [str(problem) for problem in check(seeds.folder)]
    expected = f'source: "cities{ending}" is the name of an index of "cities", expected another name'
    assert any(one.endswith(expected) for one in messages), messages


FOR_AIRFLOW = "pool,priority,deadline_min,time_zone,may_decide"


def with_columns_for_airflow(seeds: EditableSeeds, cells: str) -> None:
    """Let job.csv have the columns that it may lack, filled in the row of cities, which ends after 90 minutes."""
    path = seeds.folder / "job.csv"
    header, cities, *others = path.read_text(encoding="utf-8").split("\n")
    whole = "\n".join(others).replace(",,,,,\n", ",,,,,,,,,,\n")
    path.write_text(f"{header},{FOR_AIRFLOW}\n{cities},{cells}\n{whole}", encoding="utf-8")


def test_a_file_of_jobs_may_lack_the_columns_for_airflow(seeds: EditableSeeds) -> None:
    assert FOR_AIRFLOW not in (seeds.folder / "job.csv").read_text(encoding="utf-8")
    assert seeds.messages() == []


def test_columns_for_airflow_may_be_there(seeds: EditableSeeds) -> None:
    with_columns_for_airflow(seeds, "Publisher X,5,60,Europe/Berlin,anna | role:Op")
    assert seeds.messages() == []


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("x,0,,,", 'priority: "0" is not a whole number from 1, expected 1, 2, 3 …'),
        (
            ",,soon,,",
            'deadline_min: "soon" is not a whole number from 1, expected 1, 2, 3 …',
        ),
        (
            ",,90,,",
            "deadline_min: is 90, by when a run has been ended by timeout_min 90, "
            "expected less than 90, or a blank timeout_min",
        ),
        (
            ",,,Europe/Berlim,",
            'time_zone: "Europe/Berlim" is not a time zone, '
            "expected a name such as Europe/Berlin or America/New_York (perhaps Europe/Berlin)",
        ),
        (
            ",,,,anna|role:",
            'may_decide: "anna|role:" has a blank name, '
            "expected names of users, and role:NAME of roles, separated by |",
        ),
        (",,,,anna|anna", 'may_decide: "anna" stands twice, expected each name once'),
        (f"{'x' * 251},,,,", "pool: has 251 characters, expected 250 at most, as Airflow has it"),
    ],
)
def test_what_airflow_would_not_take_is_told(seeds: EditableSeeds, cells: str, message: str) -> None:
    with_columns_for_airflow(seeds, cells)
    assert seeds.messages() == [f"seeds/job.csv:2: {message}"]


def test_a_time_zone_without_a_schedule_is_told(seeds: EditableSeeds) -> None:
    with_columns_for_airflow(seeds, ",,,UTC,")
    seeds.edit("job", "0 5 * * *", "")
    assert seeds.messages() == [
        'seeds/job.csv:2: time_zone: is "UTC" though there is no schedule, expected a blank cell, or a schedule'
    ]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("cities|tidying", None),
        ("cities|tidyin", '"tidyin" is not in job.csv, expected the name of a row there (perhaps tidying)'),
        ("cities|", '"cities|" has a blank name, expected names, separated by |'),
        ("cities|cities", '"cities" stands twice, expected each name once'),
        ("cities|resting", 'waits for "resting", which is not active, '
         "expected an active job, or is_active false here too"),
        ("cities|sales", "waits for itself: sales → sales, expected a job that does not lead back"),
    ],
)  # fmt: skip
def test_a_job_may_wait_for_several(seeds: EditableSeeds, after: str, message: str | None) -> None:
    seeds.edit("job", ",,cities,retail", f",,{after},retail")
    assert seeds.messages() == ([f"seeds/job.csv:3: after_job: {message}"] if message else [])
