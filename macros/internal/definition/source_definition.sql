{% macro source_definition(source_name) -%}
    {#- what the metadata says of a source, for macros; the columns that its models add, `model_definition` knows -#}
    {#- at parse time there is no graph yet, and nothing is rendered from it either -#}
    {%- if not execute -%}
        {{ return({
            'name': source_name,
            'attributes': [],
            'key_names': [],
            'tracked_names': [],
            'untracked_names': [],
            'latest_names': [],
            'load_new': true,
            'load_changed': true,
            'load_removed': true,
            'value_syntax': 'canonical',
        }) }}
    {%- endif -%}
    {%- set metadata = headwater.recorded_metadata(source_name) -%}
    {{ return(headwater.with_attributes(dict(
        dict({'value_syntax': 'canonical'}, **metadata.definition),
        name=metadata.name,
        job=metadata.job,
        recorded=metadata.definition,
    ))) }}
{%- endmacro %}
