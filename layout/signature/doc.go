// Package signature says who made a file: it signs bytes with a key pair and
// checks such signatures, with no network, no clock and no service. What is
// signed here is SHA256SUMS, the file of a sealed layout that covers every
// other one.
//
// # Keys
//
//   - ECDSA on P-256 and Ed25519, and nothing else. A public key is a PEM block
//     "PUBLIC KEY" (PKIX), as "cosign generate-key-pair", "zarf tools gen-key"
//     and "openssl pkey -pubout" write it.
//   - A private key is a PEM block "ENCRYPTED SIGSTORE PRIVATE KEY", or by its
//     older name "ENCRYPTED COSIGN PRIVATE KEY": JSON that holds a PKCS #8 key
//     under nacl/secretbox with a key from scrypt. So one key signs here, in
//     cosign and in Zarf. A plain "PRIVATE KEY" (PKCS #8) is read as well, but
//     only with an empty password: who gives one believes the key protected.
//   - The parameters of scrypt come out of the key file. More than 128 MiB, or
//     more work than 4 times that, is refused before it begins. Keys made here
//     ask for 64 MiB.
//   - The fingerprint of a key is the SHA-256 of its PKIX form:
//     "openssl pkey -pubin -in cosign.pub -outform DER | sha256sum" says it too.
//
// # Signatures
//
//   - A signature is a Sigstore bundle v0.3 with a message signature and the
//     hint of a public key: JSON of at most 64 KiB. Entries of a transparency
//     log and time stamps in it are passed over: checking them needs what an
//     air gap takes away, and they say nothing that the key does not.
//   - ECDSA signs the SHA-256 of the content, and the same key and content give
//     the same bytes (RFC 6979). Ed25519 signs the content itself, or its
//     SHA-512 where cosign made the signature (Ed25519ph); both are accepted.
//   - The bundle's digest of the content must be that of the content: so a
//     signature that belongs to something else is told from a wrong key. It may
//     be empty, as cosign 3 writes it with an Ed25519 key.
//   - The key never comes out of the bundle. The hint there only serves
//     messages.
//   - Check wants signatures by a number of different keys. A signature that
//     is malformed or by a stranger counts for nothing and harms nothing.
//
// The package does not read or write files, ask for passwords, or know what a
// layout is.
package signature
