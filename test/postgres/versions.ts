/** The action of a rolling deploy: which versions a process has says its environment. */
import { z } from 'zod'
import { action } from '../../src/pawl.ts'

const versions = (process.env.VERSIONS ?? '1').split(',').map(Number)

export default versions.map((version) =>
  action({
    name: 'deploy.quote',
    version,
    input: z.object({ holdMs: z.number().default(0) }),
    async run({ input }) {
      if (input.holdMs > 0) await new Promise((resolve) => setTimeout(resolve, input.holdMs))
      return { version, pid: process.pid }
    },
  }),
)
