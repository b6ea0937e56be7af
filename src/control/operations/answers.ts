/** The two answers every operation is made of. */
import { ResponseType, type Response } from '../../wire/codec.ts'

export const OK: Response = { type: ResponseType.OK, peers: [] }

export function errorAnswer (message: string): Response {
  return { type: ResponseType.ERROR, error: { msg: message }, peers: [] }
}
