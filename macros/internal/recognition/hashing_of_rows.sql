{% macro hashing_of_rows(definition, model_sql, described) -%}
    {#- what the hash of a staged row depends on beside the row, as one word: the definition, and the SQL that casts. None
        where a row can't be recognised: what a model makes of it must be of that row alone, wherever in a file it stands,
        the current version of a key must say what the last snapshot says of it, and no other model may read what is staged,
        of which dbt by hand knows nothing -#}
    {%- set read_elsewhere = env_var('HEADWATER_STAGING_READ', definition.name).split(',') -%}
    {%- set loads_all = definition.load_new and definition.load_changed and definition.load_removed -%}
    {%- set code = definition.recorded.get('code of staging', {}).values() | map('string') | join(' ') -%}
    {%- set speaks_of_place = modules.re.search('\\b(delivery_sqn|line_number|_raw_row|_row_hash|_rest)\\b', code) is not none -%}
    {%- if env_var('HEADWATER_RECOGNISE', 'auto') == 'off' or not loads_all or definition.latest_names or definition.partition_by
        or definition.name in read_elsewhere or '_row_hash' not in described.columns or described.across_rows or speaks_of_place -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(local_md5(model_sql ~ tojson(definition.recorded, sort_keys=true))) }}
{%- endmacro %}
