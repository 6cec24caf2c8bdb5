-- whether a layer of a source holds anything, or history what came of it
create or replace function metadata.has_layers(of_source text) returns boolean
language sql stable
return exists (
    select from metadata.delivery_status
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source and layer in ('raw', 'staging', 'historical') and status <> 'recalled'
);
