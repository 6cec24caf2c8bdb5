-- Whether a text is JSON that Postgres and its clients can hold: of the depth, the size and the number of members that it
-- does not take, pg_input_is_valid does not say false but raises. Not for short texts, which cannot be any of that.
create or replace function metadata.is_jsonb(of_text text) returns boolean
language plpgsql stable strict as $$
begin
    if not pg_input_is_valid(of_text, 'jsonb') then
        return false;
    end if;
    -- in a statement of its own: the planner would compute the cast before it asks the condition
    return not jsonb_path_exists(of_text::jsonb, 'strict $.**{501}');
exception
    when statement_too_complex or program_limit_exceeded or internal_error then
        return false;
end
$$;
