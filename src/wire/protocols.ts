/** Protocols of p2pd's own. What is said on them is said where they are spoken; here it is what they are called. */

/** From a tenant's host to the daemon's: one request in the daemon's name, then what comes of it. */
export const AS_DAEMON_PROTOCOL = '/p2pd/as-daemon/1.0.0'

/** Anybody asks the daemon's host whether a blessing stands. */
export const BLESSING_STATUS_PROTOCOL = '/p2pd/blessing-status/1.0.0'

/** Services that the daemon itself asks: `/p2pd/plugin/KIND/VERSION`. */
export const PLUGIN_FAMILY = '/p2pd/plugin/'
export const DHT_PLUGIN_PROTOCOL = `${PLUGIN_FAMILY}dht/1.0.0`
