/** Entry of the process that runs one action on its own. Everything it is told comes over its channel. */
import { Worker as Thread } from 'node:worker_threads'
import { actionRegistry } from '../action/action.ts'
import { actionsOf } from '../action/module.ts'
import { thisProcess } from '../recover/this-process.ts'
import { createSystemClock } from '../time/clock.ts'
import { CellSide } from './cell-side.ts'
import type { ToCell } from './messages.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

const side = new CellSide({
  clock: createSystemClock(),
  tell: (message) => {
    process.send?.(message)
  },
  load: async ({ module, exportName }) => actionRegistry(await actionsOf({ module, exportName })),
  startedTicks: thisProcess().startedTicks,
})

// Nobody would carry what this process does to the store any more, so it must not do anything.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
new Thread(new URL(`./guard-thread.${extension}`, import.meta.url), { workerData: process.ppid }).unref()
process.on('message', (message: ToCell) => side.hear(message))
