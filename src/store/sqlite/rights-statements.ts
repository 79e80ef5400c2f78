/** Statements of who may do what. */
export const rightsStatements = {
  addRightsChange: `insert into rights (version, tenant, kind, principal, role, actions, subjects, level_max, permissions, ref, expires_at, by, reason, at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`,

  rights: `select version, tenant, kind, principal, role, actions, subjects, level_max, permissions, ref, expires_at, by, reason, at
from rights
where version > ?1
order by version`,
} as const
