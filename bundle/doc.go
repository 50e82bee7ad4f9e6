// Package bundle carries one OCI image layout in one tar stream.
//
// An archive that Write makes holds, in this order:
//
//	oci-layout                {"imageLayoutVersion":"1.0.0"}
//	index.json                what is in it, by name; its digest is the identity
//	SHA256SUMS                the seal: every other file with its SHA-256
//	SHA256SUMS.sigstore.json  signatures of the seal, up to 16, or none
//	blobs/sha256/HEX          indexes and manifests, parents before children,
//	                          then configs, then layers
//
// and nothing else: no directories, no links, mode 0644, owner 0, time 0. It is
// an image layout as the OCI image specification has it (image-layout.md), for
// every tool that reads one out of a tar, and coreutils can check it:
// "sha256sum -c SHA256SUMS".
//
//   - The same contents make the same bytes, in one pass (WriteDraft) as in two
//     (Write), whatever the number of cores.
//   - Every name is that of a regular file, parsed and never mended: relative,
//     clean, at most 1,024 bytes of printable UTF-8 and 32 elements, and unlike
//     every other name where case does not count. Links, devices, FIFOs and
//     sparse files are refused by their type and never opened. What is neither
//     root file nor blob is bounded at 1 GiB, hashed, and never written.
//   - Since parents come first, a single pass knows the size and digest of each
//     blob before its first byte. Archives in another order are read as well.
//   - Compression is told by the first bytes: gzip, zstd or none, once. What is
//     inflated beyond what descriptors announce is bounded at 64 MiB and a
//     hundred times what was read.
//   - In a compressed archive the front, and content that is compressed
//     already, are stored: members of stored blocks in gzip (RFC 1952), raw
//     blocks in zstd (RFC 8878).
//   - Behind the end of the archive stand zeros, at most 64 MiB, or nothing.
//   - A sealed archive holds what its seal lists and the seal's signatures; any
//     other file is refused. An archive without a seal is a layout like any
//     other, whose index.json nothing covers but the identity.
//
// The package opens no file of its own accord, and keeps of a blob no more than
// its buffers. Whether an archive is genuine is not its business but that of
// whoever compares the identity (layout.Report.Digest) or checks the signature
// (layout.AuditOptions.Trust).
package bundle
