-- Return whether a text is a valid geometry for a column of a shape (Geometry: any), dimensions (those of ST_Zmflag; -1:
-- any) and SRID (0: any). PostGIS raises on bad input, where pg_input_is_valid would say false. What has a coordinate
-- that is no number, or lies outside of the globe in SRID 4326, is none: a geography would be wrapped around it. Made
-- unchecked and only called where PostGIS is: its variable has a type of PostGIS.
set local check_function_bodies = off;
create or replace function metadata.is_geometry(of_text text, shape text, dimensions integer, srid integer) returns boolean
language plpgsql stable strict as $$
declare
    tolerance constant double precision := 1e-10;  -- of degrees, within which PostGIS wraps nothing
    g geometry;
begin
    g := metadata.parsed_geometry(of_text, shape, srid);
    return
        g is not null
        and (shape = 'Geometry' or st_geometrytype(g) = 'ST_' || shape)
        and (dimensions = -1 or st_zmflag(g) = dimensions)
        and (srid = 0 or st_srid(g) = srid)
        and st_astext(g) !~* 'nan|inf'
        and (
            st_srid(g) <> 4326
            or st_isempty(g)
            or greatest(-st_xmin(g), st_xmax(g)) <= 180 + tolerance
            and greatest(-st_ymin(g), st_ymax(g)) <= 90 + tolerance
        )
        and (st_dimension(g) = 0 or (st_isvaliddetail(g)).valid);
exception
    when data_exception or internal_error or feature_not_supported or program_limit_exceeded then
        return false;
end
$$;
set local check_function_bodies = on;
