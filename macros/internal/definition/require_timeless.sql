{% macro require_timeless(source_name, model_name, code) -%}
    {#- code that gives another answer at another time would make a history that nobody can make again -#}
    {%- set clocks = [
        "(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|random_normal|gen_random_uuid|uuidv4|uuidv7|nextval|setseed|pg_sleep|txid_current|pg_current_xact_id) \\(",
        "(?:current_date|current_time|current_timestamp|localtime|localtimestamp|current_user|session_user)\\b",
        "'(?:now|today|tomorrow|yesterday)' ::", "(?:date|timestamp|timestamptz|time) '(?:now|today|tomorrow|yesterday)'",
        "\\{[{%][^}]*\\b(?:run_started_at|invocation_id|modules ?\\.|env_var|run_query)\\b[^}]*[%}]\\}"
    ] | join('|') -%}
    {%- set found = modules.re.search("(?<![\\w.\"'])(?:" ~ clocks ~ ")|(?<=\\bpg_catalog \\. )(?:" ~ clocks ~ ")", code) -%}
    {%- if found -%}
        {%- do headwater.raise_model_refused(
            source_name, model_name, "asks " ~ found.group(0) | replace(' (', '()') | replace(' ::', ''),
            "columns of the delivery and seeds alone before history: what changes by itself, such as a clock, belongs behind it, in a mart"
        ) -%}
    {%- endif -%}
{%- endmacro %}
