{% macro keep_latest_values(relation, definition) -%}
{#- before versions are closed: what stays the same in all that is tracked has the untracked values of the newest row -#}
update {{ relation }} as version
set
    {%- for name in definition.latest_names %}
    {{ headwater.sql_identifier(name) }} = latest.{{ headwater.sql_identifier(name) }}{{ ',' if not loop.last }}
    {%- endfor %}
from (
    select distinct {{ headwater.quoted_list(definition.key_names + definition.latest_names) }}
    from (
{{ headwater.latest_values(definition) }}
    ) as with_latest_values
    where _version_number = 0
) as latest
where version.valid_to is null
    and {{ headwater.key_match(definition.key_names, 'version', 'latest') }}
    and row({{ headwater.quoted_list(definition.latest_names, prefix='version.') }})
        is distinct from row({{ headwater.quoted_list(definition.latest_names, prefix='latest.') }})
{%- endmacro %}
