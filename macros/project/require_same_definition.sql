{% macro require_same_definition(definition) -%}
    {#- what the layers of a source were made with is on record: rows made under another definition must not mix with ours -#}
    {%- set ours = {
        'load_new': definition.load_new,
        'load_changed': definition.load_changed,
        'load_removed': definition.load_removed,
        'on_duplicate_key': definition.on_duplicate_key,
        'trim_whitespace': definition.trim_whitespace,
        'delete_column': definition.delete_column,
        'delete_values': definition.delete_values,
    } -%}
    {%- for attribute in definition.attributes -%}
        {%- do ours.update({'attribute ' ~ attribute.name: {
            'position': loop.index,
            'data_type': attribute.data_type,
            'raw_column': attribute.raw_column,
            'format': attribute.format,
            'null_tokens': attribute.null_tokens,
            'is_key': attribute.is_key,
            'is_tracked': attribute.is_tracked,
        }}) -%}
        {%- if attribute.later_names -%}
            {%- do ours['attribute ' ~ attribute.name].update({'later_names': attribute.later_names}) -%}
        {%- endif -%}
    {%- endfor -%}

    {%- set difference -%}
        with

        recorded as (
            select definition
            from metadata.source_definition
            where source = {{ sql_literal(definition.name) }}
        ),

        theirs as (
            select part.*
            from recorded
            cross join lateral jsonb_each(recorded.definition) as part (name, value)
        ),

        ours as (
            select part.*
            from recorded
            cross join lateral jsonb_each({{ sql_literal(tojson(ours)) }}::jsonb) as part (name, value)
        )

        select
            name,
            coalesce(theirs.value::text, 'absent'),
            coalesce(ours.value::text, 'absent')
        from theirs
        full join ours using (name)
        where theirs.value is distinct from ours.value
        order by name
    {%- endset -%}
    {%- set differences = run_query(difference).rows -%}
    {%- if differences -%}
        {%- set said = [] -%}
        {%- set moved = [] -%}
        {%- for row in differences -%}
            {%- set name, theirs, ours_now = row.values() -%}
            {%- set was = fromjson(theirs, theirs) -%}
            {%- set is_now = fromjson(ours_now, ours_now) -%}
            {%- if theirs == 'absent' -%}
                {%- do said.append(name ~ ' is new') -%}
            {%- elif ours_now == 'absent' -%}
                {%- do said.append(name ~ ' is gone') -%}
            {%- elif was is mapping and is_now is mapping -%}
                {%- set members = [] -%}
                {%- for member in is_now if member != 'position' and was.get(member) != is_now[member] -%}
                    {%- do members.append(member ~ ' was ' ~ tojson(was.get(member)) ~ ', is ' ~ tojson(is_now[member])) -%}
                {%- endfor -%}
                {%- for member in was if member not in is_now -%}
                    {%- do members.append(member ~ ' was ' ~ tojson(was[member])) -%}
                {%- endfor -%}
                {#- what merely moved because another came or went is not worth a word -#}
                {%- do (said.append(name ~ ': ' ~ members | join('; ')) if members else moved.append(name ~ ' has another place')) -%}
            {%- else -%}
                {%- do said.append(name ~ ' was ' ~ theirs ~ ', is ' ~ ours_now) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            "Definition changed: source " ~ definition.name ~ ": " ~ (said or moved) | join('. ')
            ~ ". Its tables were made with what was; `headwater rebuild " ~ definition.name
            ~ "` makes them anew from S3, and asks no publisher."
        ) -%}
    {%- endif -%}
    {%- do run_query(
        "insert into metadata.source_definition (source, definition, made_at) values ("
        ~ sql_literal(definition.name) ~ ", " ~ sql_literal(tojson(ours)) ~ "::jsonb, now()) on conflict do nothing"
    ) -%}
{%- endmacro %}
