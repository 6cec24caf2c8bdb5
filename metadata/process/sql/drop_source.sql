-- Drop the tables of a source, and all that is on record of its deliveries. What runs did stays on record.
create or replace function metadata.drop_source(of_source text) returns void
language plpgsql volatile as $$
declare
    place text;
    leaf text;
begin
    foreach place in array array['raw', 'raw_set_aside', 'historical'] loop
        execute format('drop table if exists %I.%I', place, of_source);
    end loop;
    foreach place in array array['staging', 'staging_set_aside'] loop
        execute format('drop table if exists %I.%I', place, 'stg_' || of_source);
    end loop;

    foreach leaf in array array[
        'quarantined_row', 'absent_key', 'delivery_status', 'delivery_header', 'data_quality_checks', 'delivery_event'
    ] loop
        execute format(
            'delete from metadata.%I using metadata.delivery'
            ' where delivery.delivery_sqn = %I.delivery_sqn and delivery.source = $1',
            leaf, leaf
        ) using of_source;
    end loop;
    delete from metadata.delivery where source = of_source;

    foreach leaf in array array[
        'rebuild', 'source_definition', 'definition_acceptance', 'public_place', 'row_hashing'
    ] loop
        execute format('delete from metadata.%I where source = $1', leaf) using of_source;
    end loop;
end
$$;
