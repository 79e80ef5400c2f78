/** The statements of the depth of queues: part of the table in statements.ts. */
export const depthStatements = {
  saveDepth: `insert into depth (queue, tenant, count)
values (?1, ?2, ?3)
on conflict (queue, tenant) do update
set count = excluded.count`,

  removeDepth: `delete from depth
where queue = ?1
and tenant = ?2`,

  depths: `select queue, tenant, count
from depth`,
} as const
