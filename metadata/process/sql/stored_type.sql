-- Return the type of the columns of an attribute's datatype in this database: that of PostGIS where its types are on the
-- search path, else text.
create or replace function metadata.stored_type(data_type text) returns text
language sql stable strict
return case
    when data_type ~ '^(geometry|geography)' and to_regtype('geometry') is null then 'text'
    else data_type
end;
