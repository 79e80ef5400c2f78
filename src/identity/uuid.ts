/** A UUID of version 7 (RFC 9562): 48 bits of epoch ms, then at least 10 random bytes (74 bits of them are used). */
export function uuidV7(nowMs: number, randomBytes: Uint8Array): string {
  if (!Number.isSafeInteger(nowMs) || nowMs < 0 || nowMs >= 2 ** 48)
    throw new RangeError(`A UUID cannot hold the time ${nowMs}.`)
  if (randomBytes.length < 10)
    throw new RangeError(`A UUID of version 7 needs 10 random bytes, not ${randomBytes.length}.`)
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes.set(randomBytes.subarray(0, 10), 6)
  return uuidText(bytes, 7)
}

/** A UUID of version 4 from 16 random bytes. */
export function uuidV4(randomBytes: Uint8Array): string {
  if (randomBytes.length < 16)
    throw new RangeError(`A UUID of version 4 needs 16 random bytes, not ${randomBytes.length}.`)
  return uuidText(Buffer.from(randomBytes.subarray(0, 16)), 4)
}

function uuidText(bytes: Buffer, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4)
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const text = bytes.toString('hex')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}
