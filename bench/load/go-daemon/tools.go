//go:build tools

// Keeps the daemon in go.mod: `go mod tidy` drops what nothing imports.
package tools

import _ "github.com/libp2p/go-libp2p-daemon/p2pd"
