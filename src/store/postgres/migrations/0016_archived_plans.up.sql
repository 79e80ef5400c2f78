-- A plan goes into the archive with its execution, and only then. Frozen: a change is a new migration.
drop trigger plans_no_delete on plans;
create function plans_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a plan is never deleted.';
  end if;
  return old;
end $$;
create trigger plans_no_delete before delete on plans
for each row execute function plans_no_delete();
create function plan_steps_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a step of a plan is never deleted.';
  end if;
  return old;
end $$;
create trigger plan_steps_no_delete before delete on plan_steps
for each row execute function plan_steps_no_delete();
