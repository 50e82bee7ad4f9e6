// Package layout reads, checks and writes OCI image layouts (image-layout.md of
// the OCI image specification). It is the only place where a digest becomes a
// path.
//
//   - A Reader reads a layout where it lies, in a directory or in an archive
//     that offers itself as a file system. A Writer writes one, which appears
//     whole or not at all. Contents is a layout on its way from one to the
//     other; digests that are not known yet are pending in it, and Settle enters
//     them.
//   - Walk visits the graph of indexes and manifests, for whoever asks what a
//     layout holds.
//   - An Audit is the one check that everything passes, in whatever order files
//     come: each blob against its name, its size and its digest; every
//     document against the specification; everything that index.json reaches
//     must be there. Its Report lists all that is wrong, and Err is the verdict.
//   - The identity of a layout is the digest of its index.json. It stays when
//     the layout is archived, compressed or both.
//   - SHA256SUMS seals a layout: it covers index.json and oci-layout, which no
//     descriptor does. Signatures are of that file.
//   - A document is at most MaxDocument bytes, JSON without duplicate or
//     mistaken keys; a layout has at most MaxFiles files. Memory is bounded
//     whatever the size of a blob.
//   - Links and special files are refused before anything is opened.
//
// The package looks into no layer, checks no signature and opens no connection.
package layout
