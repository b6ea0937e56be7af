/**
 * Durations and sizes as operators write them, as zod shapes: `10m` -> milliseconds, `256MiB` -> bytes.
 *
 * A bare number is refused wherever it could mean two things: is `10` seconds or milliseconds, is `256` MB or MiB?
 */
import ms from 'ms'
import type { StringValue } from 'ms'
import * as z from 'zod'

const DURATION = /^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/

const SIZE = /^\d{1,9}(\.\d{1,3})?(KiB|MiB|GiB)$/

const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

interface Bounds {
  /** The least allowed, as an operator would write it. */
  min: string
  /** The most allowed, likewise. */
  max: string
}

/** A duration within bounds, or 0 for never; in milliseconds. */
export function duration ({ min, max }: Bounds) {
  const error = 'must be a duration such as `90s`, `10m` or `2h`, or 0 for never'
  return z
    .union([z.literal(0), z.string().regex(DURATION, { error })], { error })
    .transform((text, { issues }) => {
      const value = text === 0 ? 0 : milliseconds(text)
      if (value !== 0 && (value < milliseconds(min) || value > milliseconds(max))) {
        issues.push({ code: 'custom', message: `must be from ${min} to ${max}, or 0 for never`, input: text })
      }
      return value
    })
}

/** A duration within bounds, that has an end; in milliseconds. `why` is said to whoever goes beyond. */
export function term ({ min, max, why }: Bounds & { why: string }) {
  return z
    .string()
    .regex(DURATION, { error: 'must be a duration such as `15m` or `1h`', abort: true })
    .transform((text, { issues }) => {
      const value = milliseconds(text)
      if (value < milliseconds(min) || value > milliseconds(max)) {
        issues.push({ code: 'custom', message: `must be from ${min} to ${max}: ${why}`, input: text })
      }
      return value
    })
}

/** A size within bounds; in bytes. */
export function size ({ min, max }: Bounds) {
  return z
    .string()
    .regex(SIZE, { error: 'must be a size such as `256MiB` or `1GiB`' })
    .transform((text, { issues }) => {
      const value = bytes(text)
      if (value < bytes(min) || value > bytes(max)) {
        issues.push({ code: 'custom', message: `must be from ${min} to ${max}`, input: text })
      }
      return value
    })
}

/** Of a duration that is known to be one. */
export function milliseconds (text: string): number {
  // The pattern has let through nothing that ms would not understand, which the type cannot know.
  return Math.round(ms(text as StringValue))
}

function bytes (text: string): number {
  const unit = text.slice(-3) as keyof typeof UNIT_BYTES
  return Math.round(Number(text.slice(0, -3)) * UNIT_BYTES[unit])
}
