/** Policy directories for tests that start a service. */
import { fileURLToPath } from 'node:url'

/** Allows everything that code does not forbid. */
export const EVERYTHING_ALLOWED = fileURLToPath(new URL('policy', import.meta.url))
