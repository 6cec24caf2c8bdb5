-- Return whether one layer of a source holds the rows of a delivery.
create or replace function metadata.holds_layer(of_source text, of_layer text) returns boolean
language sql stable
return exists (
    select from metadata.delivery_status
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source and layer = of_layer and status <> 'recalled'
);
