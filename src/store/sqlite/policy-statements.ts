/** Statements of what tenants have laid down. */
export const policyStatements = {
  addPolicy: `insert into policies (id, tenant, version, document, hash, kind, restored, by, reason, at, position)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,

  newestPolicies: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies p
where id > ?1
and not exists (select 1 from policies newer where newer.tenant = p.tenant and newer.version > p.version)
order by id`,

  policyAt: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies
where tenant = ?1
and version = ?2`,

  policiesBelow: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies
where tenant = ?1
and version < ?2
order by version desc
limit ?3`,
} as const
