do $$
declare
  relation record;
  policy record;
begin
  for policy in
    select tablename, policyname
    from pg_policies
    where schemaname = current_schema()
    and policyname in ('pawl_engine', 'pawl_api')
  loop
    execute format('drop policy %I on %I', policy.policyname, policy.tablename);
  end loop;
  for relation in
    select relname, relkind
    from pg_class
    where relnamespace = current_schema()::regnamespace
    and relkind in ('r', 'v')
  loop
    if relation.relkind = 'r' then
      execute format('alter table %I no force row level security', relation.relname);
      execute format('alter table %I disable row level security', relation.relname);
    else
      execute format('alter view %I reset (security_invoker)', relation.relname);
    end if;
    execute format('revoke all on %I from pawl_engine, pawl_api', relation.relname);
  end loop;
end $$;
revoke select on migrations from public;
comment on table migrations is null;
