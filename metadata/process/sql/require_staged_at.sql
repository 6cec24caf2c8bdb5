-- true, or an error: a snapshot that is not staged would look empty, and what was known a history without it
create or replace function metadata.require_staged_at(of_source text, known_at timestamptz) returns boolean
language plpgsql stable as $$
declare
    unstaged bigint[] := metadata.unstaged_deliveries_at(of_source, known_at);
begin
    if unstaged <> '{}' then
        raise exception 'Not staged: source %: what was known at % is made of deliveries %, which staging does not hold. `headwater as-of % --on DAY --known-at MOMENT` brings them back from S3.',
            of_source, known_at, array_to_string(unstaged, ', '), of_source
            using errcode = 'HW001';
    end if;
    return true;
end
$$;
