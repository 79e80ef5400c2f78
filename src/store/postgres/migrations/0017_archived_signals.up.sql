-- Signals leave their table with the execution they were sent to, and only then. Frozen: a change is a new migration.
create function signals_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a signal is never deleted.';
  end if;
  return old;
end $$;
create trigger signals_no_delete before delete on signals
for each row execute function signals_no_delete();
