{% macro source_definition(source) -%}
    {#- at parse time there is no graph yet, and nothing is rendered from it either -#}
    {%- if not execute -%}
        {{ return({
            'name': source,
            'attributes': [],
            'key_names': [],
            'tracked_names': [],
            'untracked_names': [],
            'load_new': true,
            'load_changed': true,
            'load_removed': true,
            'value_syntax': 'canonical',
        }) }}
    {%- endif -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.stg_' ~ source) -%}
    {%- if node is none or 'source' not in node.config.meta -%}
        {% do exceptions.raise_compiler_error(
            "source_definition: no model stg_" ~ source ~ " with metadata in its YAML. Expected the name of a source;"
            ~ " `headwater generate` writes the YAML from seeds/."
        ) %}
    {%- endif -%}
    {%- set attributes = [] -%}
    {%- set key_names = [] -%}
    {%- set tracked_names = [] -%}
    {%- set untracked_names = [] -%}
    {%- for column in node.columns.values() if 'raw_column' in column.config.get('meta', {}) -%}
        {%- set attribute = dict(column.config.meta, name=column.name, data_type=column.data_type) -%}
        {%- do attributes.append(attribute) -%}
        {%- if attribute.is_key -%}
            {%- do key_names.append(attribute.name) -%}
        {%- elif attribute.is_tracked -%}
            {%- do tracked_names.append(attribute.name) -%}
        {%- else -%}
            {%- do untracked_names.append(attribute.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(dict(
        dict({'value_syntax': 'canonical'}, **node.config.meta.source),
        attributes=attributes,
        key_names=key_names,
        tracked_names=tracked_names,
        untracked_names=untracked_names,
    )) }}
{%- endmacro %}
