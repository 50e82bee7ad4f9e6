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
//   - The same contents make the same bytes, whether their blobs are read once or
//     twice (see Write), whatever the number of cores.
//   - Every name is that of a regular file, parsed and never mended: relative,
//     clean, at most 1,024 bytes of printable UTF-8 and 32 elements, and unlike
//     every other name where case does not count. Links, devices, FIFOs and
//     sparse files are refused by their type and never opened. What is neither
//     root file nor blob is bounded at 1 GiB, hashed, and never written.
//   - A tar header holds only what all readers of tar take alike; the list is
//     below.
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
// # Tar headers
//
// A layout is read out of an archive that GNU tar, bsdtar, Python, Go, node,
// busybox and Java read as the same files, whatever they make of it otherwise.
// So this is a white list, of what those and the tools of containers write
// (POSIX.1, "pax", has the formats of ustar and pax; GNU tar's manual its own):
//
//   - The forms are ustar with version "00", GNU's ("ustar  ") and the oldest,
//     without magic: what follows the link target is zeros there. In GNU's form
//     nothing stands where ustar has a prefix. The last 12 bytes are zeros.
//   - A number is octal digits, after spaces (Perl) or not, that end in spaces or
//     NULs (node has both), or fill the field when they need all of it (busybox
//     and bsdtar, from 8 GiB on). Base-256 is taken where octal has no room:
//     sizes, owners below 2^32, times before 1970 (GNU tar, Go, Java). NULs alone
//     are 0 (node, Python). The checksum is the unsigned one.
//   - A text ends at its first NUL, and NULs follow. Names of owners are UTF-8
//     without control characters.
//   - After a prefix of at most 130 bytes may stand two times (node, Java).
//   - The type is a regular file, a directory without a size (in the oldest form
//     also one by its slash: bsdtar), or an extended header. A link target
//     belongs to a link, which only docker's form has.
//   - Before an entry stand at most one extended header of pax and, before that,
//     one long name and one long link target of GNU tar (Java has both kinds):
//     neither empty, nor with a NUL within. A path of pax and a long name of GNU
//     tar exclude each other.
//   - A record of pax is "LENGTH KEY=VALUE" and a line feed, the length without a
//     zero in front; nothing follows the last. A key stands there once and is one
//     of: path; size, of digits, and the same as in the header where that has
//     room for it; mtime, atime, ctime, LIBARCHIVE.creationtime, seconds with a
//     sign and a fraction or without; uid, gid below 2^32; uname, gname, comment,
//     charset, hdrcharset of UTF-8 or BINARY; linkpath for links; SCHILY.dev,
//     .ino, .nlink (node, bsdtar), .fflags, .acl.*, .xattr.*, LIBARCHIVE.xattr.*,
//     RHT.security.selinux (bsdtar, GNU tar), an attribute at most 4 KiB; and what
//     other vendors name in capitals, as VENDOR.key. Values are UTF-8 without
//     control characters, except attributes. None is empty but an attribute and
//     the names of owners (node).
//   - A global header (git, GNU tar) has such records, but neither path, linkpath,
//     size nor hdrcharset.
//   - The name in a header is that of its extended header, unless that is not
//     ASCII or has 100 bytes or more. Then it is a fit name all the same, and that
//     of no file of the layout, since busybox reads no extended headers of pax.
//     Such are the blobs named by SHA-512, and that is the one difference left.
//   - Zeros fill the last block of a file. Two blocks of zeros end the archive;
//     one, or both, may be missing at the end of the stream.
//
// The package opens no file of its own accord, and keeps of a blob no more than
// its buffers. Whether an archive is genuine is not its business but that of
// whoever compares the identity (layout.Report.Digest) or checks the signature
// (layout.AuditOptions.Trust).
package bundle
