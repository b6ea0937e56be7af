/**
 * Makes src/wire/generated/ from proto/p2pd.proto. With --check it writes nothing and exits 1 when what is committed is not
 * what it would write.
 *
 * The output is committed, so that neither a build nor an install needs protobufjs-cli.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const target = join(root, 'src/wire/generated')
const bin = join(root, 'node_modules/protobufjs-cli/bin')
const note = '// Generated from proto/p2pd.proto by scripts/proto.mjs. Do not edit.\n'

/** What the codec does not use is not generated: it would be three quarters of the file. */
const options = [
  '--target', 'static-module', '--wrap', 'esm', '--root', 'p2pd', '--dependency', 'protobufjs/minimal.js',
  '--force-number', '--null-semantics',
  '--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl'
]

function run (program, ...args) {
  return execFileSync(process.execPath, [join(bin, program), ...args], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, stdio: ['ignore', 'pipe', 'inherit'] })
}

/**
 * Enums of proto2 are closed: a number without a name would decode as if the field were absent, and an unknown request type
 * be a malformed message. We answer those, so our decoder reads the number. On the wire it is the same.
 */
function openEnums (source) {
  return source.replaceAll('required Type type', 'required int32 type')
}

function generate () {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-proto-'))
  try {
    const proto = join(directory, 'p2pd.proto')
    const commented = join(directory, 'commented.js')
    writeFileSync(proto, openEnums(readFileSync(join(root, 'proto/p2pd.proto'), 'utf8')))
    // The types are read out of the comments, which the code itself then does without.
    run('pbjs', ...options, '--out', commented, proto)
    const types = run('pbts', '--no-comments', commented)
    const code = run('pbjs', ...options, '--no-comments', proto)
    return {
      'p2pd.js': note + code,
      // With --force-number no type mentions Long, and this form of import is no ESM. Absent is undefined as well as null. What
      // decode returns is an instance: intersected with the looser shape its repeated fields would be optional.
      'p2pd.d.ts': note + types
        .replace('import Long = require("long");\n', '')
        .replace('from "protobufjs"', 'from "protobufjs/minimal.js"')
        .replaceAll('|null)', '|null|undefined)')
        .replaceAll(/ & [\w.]+\.\$Shape;/g, ';')
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function committed (name) {
  try {
    return readFileSync(join(target, name), 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

const files = Object.entries(generate())
if (process.argv.includes('--check')) {
  const stale = files.filter(([name, text]) => committed(name) !== text)
  for (const [name] of stale) console.error(`src/wire/generated/${name} is not what proto/p2pd.proto gives: run npm run proto`)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  mkdirSync(target, { recursive: true })
  for (const [name, text] of files) writeFileSync(join(target, name), text)
}
