// Package zarf writes the zarf.yaml that takes a bundle into a Zarf package,
// and says whether a zarf.yaml and the bundle beside it still belong together.
// Values go in, YAML comes out: it opens no file and no connection, and knows
// nothing of tar or OCI beyond the names and digests it is handed.
//
// [Define] turns the facts about a [Bundle] into a [Package]; Package.Write,
// Package.WriteUDS and Package.WriteReadme write the files; [Update] puts the
// components into a definition that is there already; [Parse] reads one, and
// Definition.Check compares it with what lies beside it.
//
// # What is written
//
// The API version is zarf.dev/v1alpha1, and every string is quoted (Zarf
// refuses a version that YAML reads as a number or a date). By [Shape]:
//
//   - Files: a component NAME-files that needs no cluster. Zarf places the
//     archive, pinned by its SHA-256, at TARGET/ARCHIVE, and an action after it
//     verifies it and unpacks it into TARGET/VERSION: by the ferry that travels
//     in the package; or, without one, by `zarf tools archiver decompress` and
//     the SHA256SUMS of the archive, with the host's sha256sum or shasum. Of a
//     single artifact whose layers are files, the files are there afterwards;
//     of anything else the OCI layout, and without ferry also of an artifact of
//     more than 16 files.
//   - Registry: a component NAME-registry whose imageArchives names the archive
//     and each reference in it, for `zarf package mirror-resources` or for a
//     deployment on a cluster.
//   - Both: the two of them, the second optional. The payload is then in the
//     package twice.
//
// The unpacking action writes into TARGET/VERSION.new and renames at the end,
// since Zarf's decompress writes over files without cutting them to length. A
// second deployment that finds the same content leaves it as it is; one that
// finds other content fails, and leaves that as it is too.
//
// # What is checked first
//
// Zarf checks these late or never:
//
//   - a name is `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$` and at most 63 bytes (Zarf
//     makes a Kubernetes label of it), the component names made of it included;
//   - a version is an OCI tag: `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`;
//   - the archive's name ends in .tar, .tar.gz, .tgz or .tar.zst, its content
//     is compressed as the name says, and its path is relative to zarf.yaml;
//   - no file has a name in the package that Zarf would not unpack again when it
//     deploys: one with a colon or a dot at its end, or that of a Windows device;
//   - every entry of the archive's index that has a name has one Zarf can
//     parse (a single other one stops the creation), and no two have the same;
//   - every listed image is in the archive's index under exactly that name, is
//     a full name with a tag and without a digest (pinned, it would be mirrored
//     without its tag), and under a .internal domain unless it was asked for by
//     name;
//   - a listed image that is an index has a child for linux and the package's
//     architecture, since Zarf takes that child and leaves the index;
//   - no reference comes out of two archives, or out of an archive and images.
//
// # What is never written
//
//   - metadata.uncompressed: such a package cannot be deployed once it was cut
//     by --max-package-size;
//   - loose text files or directories under files: Zarf rewrites every text
//     file when it deploys, after its own check;
//   - digest-pinned names under imageArchives, and dataInjections, which are
//     deprecated.
//
// Values that reach a shell are validated, and quoted for sh as well; nothing
// is written for PowerShell, so the files component is for Linux and macOS.
package zarf
