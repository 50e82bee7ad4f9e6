// Package registry carries artifacts between layouts and registries that speak
// the OCI distribution specification. It is the only package here that opens
// connections, and it opens none but to the hosts that references name and to
// those that these send it to.
//
//   - What comes in is hashed while it streams and compared with what was asked
//     for, by size and digest; a tag's manifest with the digest that the registry
//     announces. Documents are read strictly and up to layout.MaxDocument bytes.
//     Memory does not depend on the size of anything.
//   - A pull fills a Stage, a directory beside the output. A blob gets its name
//     there when it is whole. A run that was cut off leaves the Stage, and the
//     next goes on where it stood: with the blobs that are not there, and within
//     one by a range request. What lay there is hashed before it is trusted.
//   - A push sends blobs that the registry does not have, taking over from
//     another of its repositories what lies there; then manifests, children
//     first and by digest; then the tags, one after another.
//   - A failure that may pass (429, 5xx, an odd status, a connection that is cut,
//     silent or too slow) is tried again, with a growing wait or the one that
//     Retry-After asks for. What is no blob has a minute for all of it, and a
//     blob must come at 1 KiB per second of waiting.
//   - Tries of a blob are counted anew only when it is further than it ever was.
//     Where the registry does not give the rest of it alone, all of it is fetched.
//   - What is no blob is counted while it comes: 128 KiB of a token, 4 MiB of any
//     other answer, 32 MiB of indexes and manifests in one pull or listing, 64 KiB
//     of what a credential helper prints.
//   - A credential goes to the host it is for and to the token service which
//     that host names in a challenge: never along a redirect, never over plain
//     HTTP unless that was asked for or the host is this machine, and into no
//     message, though a registry, a proxy or a helper repeats it.
//   - What others say in an error is shown in one short line.
//   - Plain HTTP is spoken where Options.PlainHTTP says so, and with loopback
//     addresses that do not answer as TLS. A redirect from TLS to plain HTTP is
//     not followed.
//
// The package does not judge content beyond that: whether an artifact is what
// its kind should be is for an audit of the layout. It does not delete anything
// in a registry and does not sign or verify.
package registry
