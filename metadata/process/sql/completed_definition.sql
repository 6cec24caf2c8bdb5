-- Return a definition with the parts that its writer does not know. Python knows the metadata and the code of transforms,
-- each dbt model its own code and the columns that it adds: whose part `code of …` is missing has all of its parts as
-- recorded. Spatial types are as this database stores them.
create or replace function metadata.completed_definition(of_source text, now_defined jsonb) returns jsonb
language sql stable
return coalesce(
    (
        select jsonb_object_agg(part.name, part.value)
        from metadata.source_definition
        cross join lateral jsonb_each(definition) as part (name, value)
        where source = of_source
            and not now_defined ? part.name
            and (
                part.name like 'code of %'
                or part.name like 'attribute %' and not now_defined ? ('code of ' || (part.value ->> 'made_by'))
            )
    ),
    '{}'
) || coalesce(metadata.stored_definition(now_defined), '{}');
