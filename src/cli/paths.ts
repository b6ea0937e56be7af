/** Where this installation and the operator's directories are, for every command. */
import { fileURLToPath } from 'node:url'
import { resolveSettings, type Settings, type SettingsFlags } from '../config/settings.ts'

/** The directory of package.json: two above src/cli/ and dist/programs/ alike. */
const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url))

export function settingsFrom (flags: SettingsFlags): Settings {
  return resolveSettings({ flags, env: process.env, uid: process.geteuid?.() ?? 0, cwd: process.cwd(), packageRoot: PACKAGE_ROOT })
}
