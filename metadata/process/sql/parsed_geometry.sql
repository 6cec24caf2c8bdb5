-- Return a geometry as hexadecimal EWKB, of WKT, EWKT, WKB or EWKB in hexadecimal, or GeoJSON. Null or an error where it is
-- none of them. One that states no SRID has that of its column (0: none), and a single one in a column of the multi type
-- is a collection of one. Made unchecked and only called where PostGIS is: its variable has a type of PostGIS.
set local check_function_bodies = off;
create or replace function metadata.parsed_geometry(of_text text, shape text, srid integer) returns text
language plpgsql stable strict as $$
declare
    g geometry;
begin
    if of_text ~ '^\s*\{' then
        if not metadata.is_geojson(of_text::jsonb) then
            return null;
        end if;
        g := st_geomfromgeojson(of_text);
        if not of_text::jsonb ? 'crs' then
            g := st_setsrid(g, 0);
        end if;
    elsif of_text like '\\x%' then
        g := substr(of_text, 3)::geometry;
    else
        g := of_text::geometry;
    end if;
    if st_srid(g) = 0 and srid <> 0 then
        g := st_setsrid(g, srid);
    end if;
    return case when shape = 'Multi' || substr(st_geometrytype(g), 4) then st_multi(g) else g end::text;
end
$$;
set local check_function_bodies = on;
