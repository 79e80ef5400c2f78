import { expect, test } from 'vitest'
import { begin, times } from './crowd.ts'

test('DG-01 tenants take turns, whatever one of them has piled up', async () => {
  const { submit, claim } = await begin()
  await submit(...times(50, () => ({ tenant: 'big' })))
  expect(await claim(3)).toEqual([1, 2, 3])
  await submit(...times(3, () => ({ tenant: 'small' })))
  expect((await claim(6)).filter((id) => id > 50)).toEqual([51, 52, 53])
})

test('DG-01 a flood of higher priority lets the oldest pass after fifteen', async () => {
  const { submit, claim } = await begin()
  await submit({ priority: -1 }, ...times(60, () => ({ priority: 5 })))
  const claimed = [...(await claim(10)), ...(await claim(10)), ...(await claim(40))]
  expect(claimed.indexOf(1)).toBe(15)
})

test('DG-01 the oldest comes sixteenth in one large claim, also when it is the oldest only since that claim began', async () => {
  const { submit, claim } = await begin()
  await submit({ priority: 5 }, { priority: -1 }, ...times(60, () => ({ priority: 5 })))
  const claimed = await claim(50)
  expect(claimed.indexOf(2)).toBe(15)
})

test('DG-01 much that was canceled in front of its rank is gone through at once, also when the oldest is next', async () => {
  const { submit, claim, cancel } = await begin()
  await submit(...times(15, () => ({ priority: 9 })), ...times(120, () => ({ priority: 5 })), { priority: -1 })
  await claim(15)
  for (let id = 16; id < 135; id += 1) await cancel(id)
  expect(await claim(1)).toEqual([135])
})

test('DG-01 work of its rank that becomes due in the same commit does not hide the oldest', async () => {
  const { submit, claim } = await begin()
  await submit({ priority: -1 }, ...times(20, () => ({ priority: 5 })))
  await claim(15)
  const [, claimed] = await Promise.all([submit({ priority: -1 }), claim(1)])
  expect(claimed).toEqual([1])
})

test('DG-01 canceled work in front of a rank does not hide who stands behind it when the oldest may pass', async () => {
  const { submit, claim, cancel } = await begin()
  await submit({ priority: -1 }, { priority: -1 }, { priority: -5 }, ...times(60, () => ({ priority: 5 })))
  await claim(15)
  await cancel(1)
  expect(await claim(1)).toEqual([2])
})

test('DG-01 work that becomes due goes behind stored work of a better rank, also when the first was canceled', async () => {
  const { submit, claim, cancel } = await begin()
  await submit({}, {}, {})
  await cancel(1)
  const [, claimed] = await Promise.all([submit({ priority: -1 }), claim(1)])
  expect(claimed).toEqual([2])
})

test('SE-24 the oldest in front of its rank gets a permit after fifteen, also when one before it is canceled just then', async () => {
  const { submit, claim, succeed, cancel } = await begin()
  const low = [{ priority: -1 }, { priority: -1 }, { priority: -5 }].map((wish) => ({ ...wish, locks: ['a'] }))
  await submit({ locks: ['a'], priority: 9 }, ...low, ...times(20, () => ({ locks: ['a'], priority: 5 })))
  let [holder = 0] = await claim(99)
  for (let passed = 0; passed < 15; passed += 1) {
    await succeed(holder)
    holder = (await claim(99))[0] ?? 0
  }
  await Promise.all([cancel(2), succeed(holder)])
  expect(await claim(99)).toEqual([3])
})
