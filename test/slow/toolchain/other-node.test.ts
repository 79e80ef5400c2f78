import { expect, test } from 'vitest'
import expected from '../../plan-hashes/expected.json' with { type: 'json' }
import { hashesOf, otherNodes } from '../../plan-hashes/other-node.ts'

test('SE-31 SE-21 plans have the same hashes under another version of Node.js: RFC 8785 numbers, keys, texts and targets', () => {
  const others = otherNodes()
  if (others.length === 0) throw new Error('No other version of Node.js is here; ./check fetches one into .toolchain.')
  for (const other of others) expect({ ...other, hashes: hashesOf(other) }).toEqual({ ...other, hashes: expected })
})
