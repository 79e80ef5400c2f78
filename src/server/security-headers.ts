/** What every answer says to browsers, unless its route says something stricter or of its own. */
const always = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

const yearSeconds = 31_536_000

export function addSecurityHeaders(headers: Headers, isSecure: boolean): void {
  for (const [name, value] of Object.entries(always)) if (!headers.has(name)) headers.set(name, value)
  // Over http it would mean nothing, and a browser must not learn it from somebody in between.
  if (isSecure) headers.set('strict-transport-security', `max-age=${yearSeconds}`)
}
