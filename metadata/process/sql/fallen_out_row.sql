-- the quarantine with what a person asks for first: of which source a row is, and the value that broke the rule
create or replace view metadata.fallen_out_row as
select
    delivery.source,
    quarantined_row.delivery_sqn,
    delivery.publisher_name,
    delivery.delivery_date,
    quarantined_row.line_number,
    quarantined_row.key,
    quarantined_row.column_name,
    quarantined_row.rule,
    quarantined_row.row ->> (
        source_definition.definition -> ('attribute ' || quarantined_row.column_name) ->> 'raw_column'
    ) as value,
    quarantined_row.row,
    quarantined_row.quarantined_row_id
from metadata.quarantined_row
inner join metadata.delivery using (delivery_sqn)
left join metadata.source_definition using (source);
