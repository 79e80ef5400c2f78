/** As SQLite's, in the words of PostgreSQL. */
export const policyReads = {
  newestPolicies: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies p
where id > $1
and not exists (select 1 from policies newer where newer.tenant = p.tenant and newer.version > p.version)
order by id`,

  policyAt: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies
where tenant = $1
and version = $2`,

  policiesBelow: `select id, tenant, version, document, hash, kind, restored, by, reason, at, position
from policies
where tenant = $1
and version < $2
order by version desc
limit $3`,
} as const
