"""The rules of connections and of the secrets that they name, each with its message."""

from __future__ import annotations

import pytest

from tests.support.seeds import Broken, EditableSeeds

BROKEN = {
    "a_password_in_secret_ref": Broken(
        "conn_str",
        "env:TILL_READER",
        "hunter2",
        [
            "seeds/conn_str.csv:3: secret_ref: does not say where the secret is, "
            "expected env:NAME, file:/path, aws:id#key or airflow:conn_id"
        ],
    ),
    "a_password_in_an_address": Broken(
        "conn_str",
        "https://example.org",
        "https://joe:hunter2@example.org",
        ["seeds/conn_str.csv:2: url_template: holds a password, expected only its name, in secret_ref"],
    ),
    "a_password_in_the_options": Broken(
        "conn_str",
        ",env:TILL_READER,,",
        ",env:TILL_READER,sslmode=require;password=hunter2,",
        ["seeds/conn_str.csv:3: options: holds a password, expected only its name, in secret_ref"],
    ),
    "a_secret_in_a_payload": Broken(
        "conn_api",
        "${CRM_SECRET}",
        "hunter2",
        [
            "seeds/conn_api.csv:2: payload_json: holds a secret, "
            "expected ${NAME} for it, which the environment knows"
        ],
    ),
    "a_variable_without_braces": Broken(
        "conn_str",
        "${TILL_FOLDER}",
        "$TILL_FOLDER",
        [
            'seeds/conn_str.csv:3: file_path: "$TILL_FOLDER/out" has a $ that names no variable, '
            "expected ${NAME} in capitals"
        ],
    ),
    "pages_by_cursor_without_a_cursor": Broken(
        "conn_api",
        "page,page,per_page",
        "cursor,page,per_page",
        [
            "seeds/conn_api.csv:3: cursor_param_name: is blank, "
            "expected a cursor_param_name for pagination_type cursor",
            "seeds/conn_api.csv:3: cursor_path: is blank, expected a cursor_path for pagination_type cursor",
        ],
    ),
    "tokens_that_come_from_themselves": Broken(
        "conn_api",
        "crm_token,crm,,",
        "crm_token,crm,crm_customers,",
        [
            "seeds/conn_api.csv:2: parent_conn_api: gets its token from itself: "
            "crm_token → crm_customers → crm_token, expected a parent that does not lead back"
        ],
    ),
    "a_data_source_that_nothing_reaches": Broken(
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
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_metadata_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages
