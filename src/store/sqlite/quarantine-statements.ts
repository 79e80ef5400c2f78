/** Statements of the rows that nobody could read. */
export const quarantineStatements = {
  addQuarantined: `insert into quarantine (tenant, execution, place, row, reason, at)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (place, row) do nothing`,

  removeQuarantined: `delete from quarantine
where key = ?1`,

  quarantine: `select key, tenant, execution, place, row, reason, at
from quarantine
order by key`,

  tenantOf: `select tenant
from executions
where id = ?1`,
} as const
