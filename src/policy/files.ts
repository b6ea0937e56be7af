/**
 * What a policy directory holds beside policies, and the schema that p2pd brings along.
 *
 * A bundled program has the schema's text in itself (scripts/bundle.mjs), so that a host that gave up the right to read files
 * needs none.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

declare const P2PD_POLICY_SCHEMA: string | undefined

export const EXAMPLES_NAME = 'examples.yaml'

export const SCHEMA_NAME = 'schema.cedarschema'

/** As it lies in a checkout and in the package, for people who want to compare. */
export const SCHEMA_FILE = fileURLToPath(new URL(`../../policy/${SCHEMA_NAME}`, import.meta.url))

export const schemaText: string = typeof P2PD_POLICY_SCHEMA === 'string' ? P2PD_POLICY_SCHEMA : readFileSync(SCHEMA_FILE, 'utf8')
