import { approving } from './approving.ts'
import { archiving } from './archiving.ts'
import { artifacts } from './artifacts.ts'
import { bulk } from './bulk.ts'
import type { Command } from './command.ts'
import { controlling } from './controlling.ts'
import { ledger } from './ledger.ts'
import { locking } from './locking.ts'
import { operating } from './operating.ts'
import { plans } from './plans.ts'
import { policies } from './policies.ts'
import { quarantining } from './quarantining.ts'
import { reading } from './reading.ts'
import { rights } from './rights.ts'
import { scheduling } from './scheduling.ts'
import { signalling } from './signalling.ts'
import { submission } from './submission.ts'
import { timeouts } from './timeouts.ts'
import { tokens } from './tokens.ts'

/** Every command there is: HTTP routes, CLI verbs, OpenAPI and the reference page come from this table. */
export const commands: readonly Command[] = [
  ...submission,
  ...reading,
  ...plans,
  ...approving,
  ...controlling,
  ...bulk,
  ...signalling,
  ...operating,
  ...quarantining,
  ...artifacts,
  ...ledger,
  ...locking,
  ...scheduling,
  ...timeouts,
  ...policies,
  ...archiving,
  ...rights,
  ...tokens,
]

const byName = new Map(commands.map((command) => [command.name, command]))

/** @throws when the table has no such command: names are written in code, so it is a bug. */
export function commandNamed(name: string): Command {
  const command = byName.get(name)
  if (command === undefined) throw new Error(`there is no command ${name}`)
  return command
}
