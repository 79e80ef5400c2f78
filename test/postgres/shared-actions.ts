import { z } from 'zod'
import { action } from '../../src/action/action.ts'

/** Writes one line for each call that it makes to the outside: what is done twice shows. */
export const marks = (record: (line: string) => void) => [
  action({
    name: 'mark.make',
    version: 1,
    input: z.object({ name: z.string() }),
    retry: { maxAttempts: 9 },
    async run({ input, step, effect }) {
      await step('look', () => input.name.length)
      await effect('mark', {
        target: 'keyed',
        do: ({ effectKey }) => {
          record(`${input.name} ${effectKey}`)
          return true
        },
      })
      return { name: input.name }
    },
  }),
]
