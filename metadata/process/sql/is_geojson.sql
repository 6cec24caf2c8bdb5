-- Return whether every position of a GeoJSON geometry stands at the depth that its type asks for and is of numbers, two or
-- three, and of equally many everywhere. PostGIS reads another value, and one beyond its integers, as some number, and
-- leaves out or makes up a number. Raise where a GeometryCollection has no list of geometries.
create or replace function metadata.is_geojson(document jsonb) returns boolean
language plpgsql immutable strict as $$
declare
    depth constant text := case document ->> 'type'
        when 'Point' then ''
        when 'MultiPoint' then '[*]'
        when 'LineString' then '[*]'
        when 'MultiLineString' then '[*][*]'
        when 'Polygon' then '[*][*]'
        when 'MultiPolygon' then '[*][*][*]'
    end;
    bad_position constant jsonpath := 'strict $.coordinates' || depth || ' ? (@.type() != "array" || @.size() == 1'
        || ' || @.size() > 3 || @.size() != $.coordinates' || replace(depth, '*', '0') || '.size()'
        || ' || exists(@[*] ? (@.type() != "number" || @.abs() > 1e15)))';
begin
    if document ->> 'type' = 'GeometryCollection' then
        return not exists (
            select from jsonb_array_elements(document -> 'geometries') as member
            where metadata.is_geojson(member) is not true
        ) and not (
            jsonb_path_exists(document, 'strict $.**.coordinates.** ? (@[0].type() == "number" && @.size() == 2)')
            and jsonb_path_exists(document, 'strict $.**.coordinates.** ? (@[0].type() == "number" && @.size() == 3)')
        );
    end if;
    -- null where there is no list on the way to a position, or no such type
    return jsonb_path_exists(document, bad_position, silent => true) is false;
end
$$;
