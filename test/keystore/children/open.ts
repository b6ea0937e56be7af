/** Opens the keystore of the state directory it is given and says `opened`, or the code of the fault; then ends. */
import { P2pdError } from '../../../src/errors.ts'
import { Keystore } from '../../../src/keystore/keystore.ts'

try {
  await using _keystore = await Keystore.open({ stateDir: process.argv[2] ?? '', env: {} })
  console.log('opened')
} catch (error) {
  console.log(error instanceof P2pdError ? error.code : error)
}
