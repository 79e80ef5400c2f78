-- A plan goes into the archive with its execution, and only then. Frozen: a change is a new migration.
drop trigger plans_no_delete;
create trigger plans_no_delete before delete on plans
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: a plan is never deleted.');
end;
create trigger plan_steps_no_delete before delete on plan_steps
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: a step of a plan is never deleted.');
end;
