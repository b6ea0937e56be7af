/** What a transport's upgrader is shown of a connection on its way in. */
import type { MultiaddrConnection, Upgrader } from '@libp2p/interface'

/** The upgrader as it is, but each connection is shown first; what throws there refuses it. */
export function shownUpgrader (upgrader: Upgrader, show: (connection: MultiaddrConnection) => void): Upgrader {
  const enter = (connection: MultiaddrConnection): MultiaddrConnection => {
    show(connection)
    return connection
  }
  return new Proxy(upgrader, {
    get (target, name) {
      if (name === 'upgradeInbound') return async (...[connection, options]: Parameters<Upgrader['upgradeInbound']>) => { await target.upgradeInbound(enter(connection), options) }
      if (name === 'upgradeOutbound') return async (...[connection, options]: Parameters<Upgrader['upgradeOutbound']>) => await target.upgradeOutbound(enter(connection), options)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    }
  })
}
