{% macro source_definition(source) -%}
    {#- at parse time there is no graph yet, and nothing is rendered from it either -#}
    {%- if not execute -%}
        {{ return({
            'name': source,
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
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.stg_' ~ source) -%}
    {%- if node is none or 'definition' not in node.config.meta.get('source', {}) -%}
        {% do exceptions.raise_compiler_error(
            "source_definition: no model stg_" ~ source ~ " with metadata in its YAML. Expected the name of a source;"
            ~ " `headwater generate` writes the YAML from seeds/."
        ) %}
    {%- endif -%}
    {%- set recorded = node.config.meta.source.definition -%}
    {%- set attributes = [] -%}
    {%- set key_names = [] -%}
    {%- set tracked_names = [] -%}
    {%- set untracked_names = [] -%}
    {%- set latest_names = [] -%}
    {%- for part, attribute in recorded.items() if part.startswith('attribute ') -%}
        {%- set name = part.removeprefix('attribute ') -%}
        {%- do attributes.append(dict(headwater.stored_attribute(attribute), name=name)) -%}
        {%- if attribute.is_key -%}
            {%- do key_names.append(name) -%}
        {%- elif attribute.is_tracked -%}
            {%- do tracked_names.append(name) -%}
        {%- else -%}
            {%- do untracked_names.append(name) -%}
            {%- if attribute.untracked_policy == 'keep_latest' -%}
                {%- do latest_names.append(name) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(dict(
        dict({'value_syntax': 'canonical'}, **recorded),
        name=node.config.meta.source.name,
        job=node.config.meta.source.job,
        recorded=recorded,
        attributes=attributes | sort(attribute='position'),
        key_names=key_names,
        tracked_names=tracked_names,
        untracked_names=untracked_names,
        latest_names=latest_names,
    )) }}
{%- endmacro %}
