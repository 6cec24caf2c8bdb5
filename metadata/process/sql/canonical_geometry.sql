-- Return a text of which `metadata.is_geometry` holds as the one hexadecimal EWKB by which equal geometries are equal: -0
-- is 0. Where a ring begins and which way a line leads is a part of the value. Only called where PostGIS is.
create or replace function metadata.canonical_geometry(of_text text, shape text, srid integer) returns text
language plpgsql stable strict as $$
begin
    return st_translate(metadata.parsed_geometry(of_text, shape, srid)::geometry, 0, 0, 0)::text;
end
$$;
