/**
 * Protobuf by hand, as little of it as the tests need: to write what no encoder would, and to see what really was sent.
 *
 * Shares no code with src/wire, so that a fault there cannot hide itself.
 */

/** A field to be written: a number as a varint, the rest as bytes. */
export type Field = readonly [number: number, value: number | bigint | string | Uint8Array]

/** A field as it was read, in the order it came. */
export interface ReadField {
  readonly number: number
  readonly value: bigint | Buffer
}

const VARINT = 0
const BYTES = 2

export function varint (value: number | bigint): Buffer {
  const bytes: number[] = []
  // A negative int64 or enum takes ten bytes: its two's complement.
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

export function message (...fields: Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([number, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint') return [varint(number << 3 | VARINT), varint(value)]
    const bytes = Buffer.from(value)
    return [varint(number << 3 | BYTES), varint(bytes.length), bytes]
  }))
}

/** The message behind its length. */
export function frame (body: Uint8Array): Buffer {
  return Buffer.concat([varint(body.length), body])
}

/** Top-level fields in the order of the bytes. Throws for what is neither a varint nor bytes: the protocol has nothing else. */
export function fieldsOf (bytes: Uint8Array): ReadField[] {
  const buffer = Buffer.from(bytes)
  const fields: ReadField[] = []
  let at = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < buffer.length) {
    const tag = Number(readVarint())
    const kind = tag & 7
    if (kind === VARINT) {
      fields.push({ number: tag >> 3, value: readVarint() })
    } else if (kind === BYTES) {
      const length = Number(readVarint())
      if (at + length > buffer.length) throw new RangeError(`field ${tag >> 3} is longer than the message`)
      fields.push({ number: tag >> 3, value: buffer.subarray(at, at += length) })
    } else {
      throw new RangeError(`field ${tag >> 3} has wire type ${kind}`)
    }
  }
  return fields
}
