/** `1234567` cents as `12,345.67`. Written by hand: what Intl prints may change with the ICU data of a Node release. */
export function amount(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const whole = digits.slice(0, -2).replace(/\B(?=(?:\d{3})+$)/g, ',')
  return `${cents < 0 ? '-' : ''}${whole}.${digits.slice(-2)}`
}

/** `1900` basis points as `19%`, `688` as `6.88%`. */
export function percent(basisPoints: number): string {
  const hundredths = String(basisPoints % 100)
    .padStart(2, '0')
    .replace(/0+$/, '')
  return `${Math.floor(basisPoints / 100)}${hundredths === '' ? '' : `.${hundredths}`}%`
}
