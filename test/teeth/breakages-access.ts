import type { Breakage } from './breakage.ts'

const at = (name: string): readonly string[] => [`test/fast/server/${name}.test.ts`]

/** Who is let in, and for how long. */
export const accessBreakages: readonly Breakage[] = [
  {
    name: 'a sign-in link works twice',
    edits: [{ file: 'src/commit/rights/sign-ins.ts', find: 'signIns.end(link.hash)\n', replace: '\n' }],
    shownBy: at('sessions'),
  },
  {
    name: 'a session outlives the secret that it began with',
    edits: [{ file: 'src/commit/rights/sign-ins.ts', find: 'begunAt > rotatedAt ||', replace: 'begunAt > 0 ||' }],
    shownBy: at('sessions'),
  },
  {
    name: 'a rotated text is good for ever',
    edits: [
      { file: 'src/server/tokens.ts', find: '(token?.oldUntil ?? 0) > now', replace: '(token?.oldUntil ?? 0) > 0' },
    ],
    shownBy: at('tokens'),
  },
  {
    name: 'a replaced text makes new tokens',
    edits: [
      { file: 'src/commands/scope.ts', find: 'isOldText === true && making', replace: 'isOldText === true && !making' },
    ],
    shownBy: at('tokens'),
  },
  {
    name: 'a narrowed token reaches executions of other actions',
    edits: [
      {
        file: 'src/commands/scope.ts',
        find: 'scope.actions.includes(found.request.action)',
        replace: 'found.request.action !== ""',
      },
    ],
    shownBy: at('tokens'),
  },
  {
    name: 'whoever is narrowed makes a token that is not',
    edits: [
      {
        file: 'src/commands/scope.ts',
        find: 'maker.scope?.permissions?.includes(permission) === false',
        replace: 'maker.scope?.permissions?.includes(permission) === null',
      },
    ],
    shownBy: at('tokens'),
  },
  {
    name: 'a stream goes on behind a revocation',
    edits: [{ file: 'src/server/open-answers.ts', find: 'for (const { stop } of entries) stop.abort()', replace: '' }],
    shownBy: at('revocation'),
  },
  {
    name: 'a revocation elsewhere is never looked for',
    edits: [
      {
        file: 'src/server/open-answers.ts',
        find: '    this.#entries.add(entry)\n    this.#arm()\n',
        replace: '    this.#entries.add(entry)\n',
      },
    ],
    shownBy: at('revocation'),
  },
  {
    name: 'a foreign page may use a session',
    edits: [{ file: 'src/server/gate.ts', find: 'if (foreign !== null) return foreign', replace: '' }],
    shownBy: at('sessions'),
  },
  {
    name: 'a session takes whatever a form can send',
    edits: [{ file: 'src/server/gate.ts', find: "type === 'application/json' ||", replace: "type !== 'none' ||" }],
    shownBy: at('sessions'),
  },
  {
    name: 'anybody may say what his address is',
    edits: [
      { file: 'src/server/peer.ts', find: 'direct === null || !proxies.trusts(direct)', replace: 'direct === null' },
    ],
    shownBy: at('sessions'),
  },
  {
    name: 'a token in the address is taken',
    edits: [{ file: 'src/server/credentials.ts', find: 'if (isTokenInAddress(url))', replace: 'if (url === "")' }],
    shownBy: at('credentials'),
  },
  {
    name: 'headers that are too many are left out without a word',
    edits: [
      { file: 'src/server/app.ts', find: 'headerCountOf(c) > headerCountMax', replace: 'headerCountOf(c) > 1e9' },
    ],
    shownBy: at('wire'),
  },
  {
    name: 'an address that fails goes on guessing',
    edits: [{ file: 'src/server/gate.ts', find: 'if (address !== null) this.#failures.take(address)', replace: '' }],
    shownBy: at('rates'),
  },
  {
    name: 'who cannot be looked up stays for ever',
    edits: [
      { file: 'src/server/open-answers.ts', find: 'return this.#failures < failuresMax', replace: 'return true' },
    ],
    shownBy: at('access'),
  },
]
