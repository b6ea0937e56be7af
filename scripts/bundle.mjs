/**
 * After the compiler: the programs, bundled. A host that is one file starts three times as fast and takes half the memory. The
 * others share what they have in common, and load what a command needs when it runs. Native modules cannot be bundled; they
 * stay imports.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const common = {
  outdir: 'dist/programs',
  outExtension: { '.js': '.mjs' },
  // Beside the programs, so that what is found relative to a file is found from every one.
  chunkNames: 'shared-[hash]',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  external: ['koffi', 'classic-level', '@cedar-policy/cedar-wasm'],
  // Hosts have no right to read files when they need it (src/policy/files.ts).
  define: { P2PD_POLICY_SCHEMA: JSON.stringify(readFileSync('policy/schema.cedarschema', 'utf8')) },
  // Some dependencies are CommonJS and ask for require(), which an ES module does not have.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  sourcemap: 'linked',
  legalComments: 'none',
  logLevel: 'warning'
}

rmSync('dist/programs', { recursive: true, force: true })
await Promise.all([
  build({ ...common, entryPoints: { host: 'src/host/main.ts' } }),
  build({ ...common, entryPoints: { policyCheck: 'src/policy/check.ts' } }),
  build({ ...common, entryPoints: { p2pd: 'src/main.ts', p2pctl: 'src/cli/main.ts' }, splitting: true }),
  // The verifier of blessings, for any libp2p program: one file, of what browsers have as well as Node.
  build({
    entryPoints: { verifyBlessing: 'src/blessing/verify.ts' }, outdir: 'dist', bundle: true, platform: 'browser', target: 'es2022', format: 'esm',
    legalComments: 'none', logLevel: 'warning'
  })
])
writeFileSync('dist/verifyBlessing.d.ts', "export * from './blessing/verify.js'\n")
// The compiler leaves JavaScript where it is; the library's codec imports it.
cpSync('src/wire/generated', 'dist/wire/generated', { recursive: true })
