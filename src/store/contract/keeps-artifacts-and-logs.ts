import { expect, test } from 'vitest'
import type { LogLine } from '../../execution/execution.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const pdf = {
  execution: 1,
  name: 'quote.pdf',
  sha256: 'a',
  bytes: 9,
  mediaType: 'application/pdf',
  path: 'a/b',
  at: 5,
}
const note = {
  execution: 1,
  name: 'a.txt',
  sha256: 'c',
  bytes: 2,
  mediaType: 'text/plain',
  path: null,
  content: 'hi',
  at: 5,
}

const aLine = (seq: number, some: Partial<LogLine> = {}): LogLine => ({
  id: 1,
  seq,
  at: 2_000 + seq,
  level: 'info',
  message: `line ${seq}`,
  fields: null,
  fence: 2,
  line: seq,
  bytes: seq * 10,
  dropped: 0,
  ...some,
})

/** What runs leave beside their result: artifacts with every content that a name has had, and what was said. */
export function keepsArtifactsAndLogs(harness: Harness): void {
  test('SE-36 an artifact lies in its row or where its path says, and a name keeps all contents, the newest last', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const views = await story.views()
      await story.commit({ artifacts: [pdf, note, { ...pdf, execution: 2 }] })
      expect(await views.artifacts(1)).toEqual([note, pdf])
      const corrected = { ...pdf, sha256: 'b', at: 6 }
      await story.commit({ artifacts: [corrected] })
      expect(await views.artifacts(1)).toEqual([note, pdf, corrected])
      await story.commit({ artifacts: [{ ...pdf, at: 7 }] })
      expect(await views.artifacts(1)).toEqual([note, corrected, { ...pdf, at: 7 }])
    }))

  test('SE-36 the store knows which contents a row names, and text in a row is none of them', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit({ artifacts: [pdf, note, { ...pdf, execution: 2, name: 'copy.pdf' }] })
      expect(await (await story.views()).artifactsNamed(['a', 'b', 'c'])).toEqual(['a'])
    }))

  test('SE-36 REL-11h a content that only an archive names any more is still named', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const views = await story.views()
      await story.commit({ artifacts: [pdf, note] })
      await story.shell.run('delete from artifacts')
      expect(await views.artifactsNamed(['a', 'c'])).toEqual(['a'])
      await story.commit({ artifacts: [pdf] })
      await story.shell.run('delete from archived_contents')
      expect(await views.artifactsNamed(['a', 'c'])).toEqual(['a'])
    }))

  test.each([
    [10_240, true],
    [10_241, false],
  ])('SE-36 a row takes text of %i bytes: %s', (bytes, isTaken) =>
    Story.tell(harness, async (story) => {
      await story.admit({})
      const write = story.commit({ artifacts: [{ ...note, content: 'x'.repeat(bytes - 2).concat('ü'), bytes }] })
      if (isTaken) await expect(write).resolves.toEqual([])
      else await expect(write).rejects.toThrow(/CHECK/i)
    }),
  )

  test('CP-006 lines are kept in order and read behind a line and above a level; the last one may grow', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const lines = [aLine(1), aLine(2, { level: 'error', fields: '{"a":1}' }), aLine(3, { level: 'debug' })]
      await story.commit({ logs: [...lines, aLine(1, { id: 2 })] })
      const views = await story.views()
      expect(await views.logs(1, 0, 10)).toEqual(lines)
      expect(await views.logs(1, 1, 1)).toEqual([lines[1]])
      expect(await views.logs(1, 0, 10, 2)).toEqual(lines.slice(0, 2))
      expect(await views.logs(1, 0, 10, 4)).toEqual([lines[1]])
      expect(await story.session.newestLogs([1, 2, 3])).toEqual([lines[2], aLine(1, { id: 2 })])
      expect(await story.session.newestLogs([2])).toEqual([aLine(1, { id: 2 })])
      const full = aLine(4, { level: 'warn', message: '3 more', dropped: 3, line: 6 })
      await story.commit({ logs: [full] })
      await story.commit({ logs: [{ ...full, message: '5 more', dropped: 5, line: 8 }] })
      expect((await views.logs(1, 3, 10))[0]).toMatchObject({ message: '5 more', dropped: 5, line: 8 })
    }))
}
