/** What the compliance tests of libp2p say `expect` with: chai, and of aegir's plugins those they use. */
import { expect, use } from 'chai'
import chaiAsPromised from 'chai-as-promised'
import chaiBites from 'chai-bites'
import chaiParentheses from 'chai-parentheses'

// In this order: what as-promised wraps has to be there before parentheses do.
use(chaiAsPromised)
use(chaiParentheses)
use(chaiBites)

export { expect }
