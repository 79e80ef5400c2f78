import type { Breakage } from './breakage.ts'

const delivery = 'src/server/log-delivery.ts'
const shownBy = ['test/fast/server/log-delivery.test.ts']

/** What leaves for another system, and what nobody may notice of it. */
export const logBreakages: readonly Breakage[] = [
  {
    name: 'the log follows a redirect',
    edits: [{ file: delivery, find: "redirect: 'error'", replace: "redirect: 'follow'" }],
    shownBy,
  },
  {
    name: 'lines of the log that could not be delivered are forgotten',
    edits: [
      {
        file: delivery,
        find: 'else await this.#failed(failure, batch.length)',
        replace: 'else await this.#failed(failure, this.#queue.splice(0, batch.length).length)',
      },
    ],
    shownBy,
  },
  {
    name: 'a dropped line of the log is not counted',
    edits: [{ file: delivery, find: '    this.#dropped += 1\n', replace: '' }],
    shownBy,
  },
  {
    name: 'the log waits in as much memory as there is',
    edits: [{ file: delivery, find: 'if (this.#bytes + bytes.length >', replace: 'if (bytes.length >' }],
    shownBy,
  },
  {
    name: 'a system that hangs holds up the end of a process',
    edits: [{ file: delivery, find: 'closeMs, () => this.#giveUp())', replace: 'closeMs, () => undefined)' }],
    shownBy,
  },
  {
    name: 'one line that is never taken holds up the log',
    edits: [
      {
        file: delivery,
        find: 'isOfContent: statusesOfContent.includes(response.status)',
        replace: 'isOfContent: false',
      },
    ],
    shownBy,
  },
  {
    name: 'the end of a process waits for the rest between two tries',
    edits: [
      {
        file: delivery,
        find: '    this.#failures = 0\n    this.#pause?.abort()\n',
        replace: '    this.#failures = 0\n',
      },
    ],
    shownBy,
  },
  {
    name: 'the log leaves the machine without TLS',
    edits: [
      {
        file: 'src/config/variables.ts',
        find: "(protocol === 'http:' && /^(loc",
        replace: "(protocol === 'http:' || /^(loc",
      },
    ],
    shownBy,
  },
]
