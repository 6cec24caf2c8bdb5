{% macro require_timeless(source_name, model_name, code) -%}
    {#- code that gives another answer at another time or place would make a history that nobody can make again. What it calls
        in Postgres is read from the query as a whole (`described_query`); here is what its words alone tell -#}
    {%- set clocks = [
        "(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|random_normal|gen_random_uuid|uuidv4|uuidv7|nextval|setseed|pg_sleep|txid_current|pg_current_xact_id) \\(",
        "(?:current_date|current_time|current_timestamp|localtime|localtimestamp|current_user|session_user)\\b",
        "'\\s*(?:now|today|tomorrow|yesterday)\\s*'(?! :: text\\b)"
    ] | join('|') -%}
    {%- set found = [modules.re.search("(?i)(?<![\\w.\"'])(?:" ~ clocks ~ ")|(?<=\\bpg_catalog \\. )(?:" ~ clocks ~ ")", code)] -%}
    {%- for tag in headwater.jinja_split(code).tags -%}
        {%- do found.append(modules.re.search(
            "(?<![\\w.])(?:run_started_at|invocation_id|(?:env_var|run_query|statement|load_result|source) ?\\(|modules ?\\. ?(?:datetime|pytz)|(?:adapter|graph|target|flags)(?= ?[.\\[]))",
            modules.re.sub("'(?:[^'\\\\]|\\\\.)*'" ~ '|"(?:[^"\\\\]|\\\\.)*"', "''", tag)
        )) -%}
    {%- endfor -%}
    {%- for asked in found if asked -%}
        {%- do headwater.raise_model_refused(
            source_name, model_name, "asks " ~ asked.group(0) | replace(' (', '(') | replace('(', '()'),
            "columns of the delivery, by raw_deliveries(), and seeds alone before history: what changes by itself or from place to place, such as a clock, belongs behind it, in a mart"
        ) -%}
    {%- endfor -%}
{%- endmacro %}
