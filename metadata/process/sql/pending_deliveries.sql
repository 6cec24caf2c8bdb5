-- which deliveries of a source a layer has still to process, in the order in which they apply
create or replace function metadata.pending_deliveries(of_source text, of_layer text) returns bigint[]
language sql stable
return (
    select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C", delivery_sqn), '{}')
    from metadata.delivery_needs(of_source)
    where case of_layer
        when 'raw' then is_wanted and not is_staged and not is_in_raw
        when 'staging' then is_wanted and not is_staged and is_in_raw
        when 'checks' then not is_withdrawn and verdict = 'pending' and is_staged
        when 'historical' then differs_from_history
    end
);
