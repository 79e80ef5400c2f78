-- Signals leave their table with the execution they were sent to, and only then. Frozen: a change is a new migration.
create trigger signals_no_delete before delete on signals
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: a signal is never deleted.');
end;
