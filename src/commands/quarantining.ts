import { z } from 'zod'
import { ofTenant, quarantinedView } from '../projections/quarantine.ts'
import { command } from './command.ts'

export const quarantining = [
  command({
    name: 'quarantine list',
    summary: 'List rows that could not be read. Their executions are held back from everything, and nothing else is.',
    permission: 'quarantine.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/quarantine' },
    cli: { words: 'quarantine list', columns: ['key', 'table', 'row', 'executionId', 'reason', 'at'] },
    refusals: [],
    async run({ plane, caller }) {
      const [rows, naming] = await Promise.all([plane.host.views.of(caller.tenant).quarantine(), plane.naming()])
      return { items: ofTenant(rows, caller.tenant).map((row) => quarantinedView(row, naming)) }
    },
  }),
  command({
    name: 'quarantine release',
    summary: 'Let go what was set aside, once its row is repaired or there is code that reads it.',
    permission: 'quarantine.release',
    input: z.strictObject({ key: z.int().min(1).describe('The key that the list shows.') }),
    http: { method: 'POST', path: '/v1/quarantine/{key}/release' },
    cli: { words: 'quarantine release', positionals: ['key'], examples: ['pawl quarantine release 3'] },
    refusals: ['not_found', 'still_undecodable'],
    run: ({ plane, caller }, { key }) =>
      plane.host.orders.give<'release'>({ kind: 'release', key, tenant: caller.tenant }),
  }),
]
