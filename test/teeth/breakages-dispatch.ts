import type { Breakage } from './breakage.ts'

const hints = ['test/fast/permits/hints.test.ts']
const dispatch = ['src/dispatch']

/** Hints are carried beside the store, and the store stays the truth. */
export const dispatchBreakages: readonly Breakage[] = [
  {
    name: 'a dead letter that is on its way is buried although its execution was redriven meanwhile',
    edits: [
      {
        file: 'src/dispatch/outbox.ts',
        find: '    if (goesOn.size > 0) this.#dead',
        replace: '    if (goesOn.size < 0) this.#dead',
      },
    ],
    shownBy: ['src/dispatch/outbox.test.ts'],
  },
  {
    name: 'a place that one reading did not come to counts as empty',
    edits: [
      {
        file: 'src/commit/due/due-news.ts',
        find: 'last === undefined || comesBefore(place, last) <= 0',
        replace: 'true',
      },
    ],
    shownBy: hints,
  },
  {
    name: 'a worker takes by a hint what it does not serve',
    edits: [
      {
        file: 'src/commit/due/claims.ts',
        find: 'only.filter(({ queue }) => queues.includes(queue))',
        replace: 'only',
      },
    ],
    shownBy: hints,
  },
  {
    name: 'nobody is told of what a freed lock makes due',
    edits: [
      {
        file: 'src/commit/batch.ts',
        find: 'hasNews: changedIds.length > 0 || work.readyAdd.size > 0',
        replace: 'hasNews: false',
      },
    ],
    shownBy: hints,
  },
  {
    name: 'the store is not asked beside hints',
    edits: [
      {
        file: 'src/dispatch/named-claims.ts',
        find: 'if (this.#isDry || clock.now() >= this.#pollAt) {',
        replace: 'if (this.#isDry) {',
      },
    ],
    shownBy: dispatch,
  },
  {
    name: 'the store is not asked on while it has work without hints',
    edits: [
      {
        file: 'src/dispatch/named-claims.ts',
        find: 'if (this.#isDry || clock.now() >= this.#pollAt) {',
        replace: 'if (clock.now() >= this.#pollAt) {',
      },
    ],
    shownBy: dispatch,
  },
  {
    name: 'hints for which there is no room are kept from others',
    edits: [{ file: 'src/dispatch/named-claims.ts', find: 'if (this.#room <= 0) this.#giveBack()', replace: '' }],
    shownBy: dispatch,
  },
  {
    name: 'a hint has served before its run is let go',
    edits: [
      {
        file: 'src/dispatch/named-claims.ts',
        find: 'else this.#served.set(nameOf(execution), { offer, isBegun: false })',
        replace: "else offer.done('ran')",
      },
    ],
    shownBy: dispatch,
  },
  {
    name: 'a Redis that answers nothing is waited for',
    edits: [
      {
        file: 'src/dispatch/breaker.ts',
        find: 'await Promise.race([probed, late.over.then(() => `no answer for ${answerMs / 1_000} s`)])',
        replace: 'await probed',
      },
    ],
    shownBy: dispatch,
  },
  {
    name: 'each try to reach Redis is said as an outage of its own',
    edits: [
      {
        file: 'src/dispatch/breaker.ts',
        find: 'if (this.#down === null) {\n      this.#down = { since',
        replace: 'if (why.length > 0) {\n      this.#down = { since',
      },
    ],
    shownBy: dispatch,
  },
  {
    name: 'a Redis that throws keys away is taken',
    edits: [{ file: 'src/dispatch/server-faults.ts', find: "policy !== 'noeviction'", replace: "policy === 'none'" }],
    shownBy: dispatch,
  },
]
