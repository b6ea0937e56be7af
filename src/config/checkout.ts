/**
 * Whether p2pd is being run from a checkout of its own source, whose tenants/ it then serves by its policy/.
 *
 * The directory somebody happens to stand in must not decide what root serves: anyone can put a tenants/ into /tmp. So it
 * counts when it is the code that is running, or when it belongs to the user that runs it.
 */
import { readFileSync, realpathSync, lstatSync } from 'node:fs'
import { join } from 'node:path'

export interface CheckoutSource {
  cwd: string
  packageRoot: string
  uid: number
}

export interface CheckoutDirs {
  tenants: string
  policy: string
}

/** The directories of a checkout, or undefined when there is none: those in the working directory first. */
export function checkoutDirs ({ cwd, packageRoot, uid }: CheckoutSource): CheckoutDirs | undefined {
  const owners = [cwd, join(cwd, 'tenants'), join(cwd, 'policy')].map(ownerOf)
  const trusted = sameDirectory(cwd, packageRoot) || owners.every(owner => owner === uid)
  const root = [...trusted ? [cwd] : [], packageRoot].find(isCheckout)
  return root === undefined ? undefined : { tenants: join(root, 'tenants'), policy: join(root, 'policy') }
}

/** An installed package has the same directories and package.json, as samples; the compiler's settings are in a checkout only. */
function isCheckout (dir: string): boolean {
  return nameOfPackage(dir) === 'p2pd' && ['tsconfig.json', 'tenants', 'policy'].every(name => ownerOf(join(dir, name)) !== undefined)
}

function nameOfPackage (dir: string): unknown {
  try {
    const description: unknown = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
    return typeof description === 'object' && description !== null && 'name' in description ? description.name : undefined
  } catch {
    // No package.json, or none that can be read: then it is no checkout, and nothing is wrong.
    return undefined
  }
}

/** The uid an entry belongs to, of a link the link's own: whoever made it chose where it leads. Undefined when there is none. */
function ownerOf (path: string): number | undefined {
  try {
    return lstatSync(path).uid
  } catch {
    return undefined
  }
}

function sameDirectory (a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b)
  } catch {
    return false
  }
}
