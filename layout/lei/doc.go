// Package lei knows LowEndInsight's cache: its snapshots, manifest.json and
// cache.jsonl.gz, and the OCI artifact that they are packed into.
//
// # The artifact
//
//   - An OCI image manifest with the config [ConfigMediaType] and two layers:
//     manifest.json as [CacheManifestMediaType], then cache.jsonl.gz as
//     [CacheJSONLMediaType]. Each layer names its file in its title.
//   - The config holds lei_version, format_version, created and cache_entries.
//   - The manifest's annotations are created, title (lei-cache), description
//     and vendor (LowEndInsight, unless the user says otherwise).
//   - created is the snapshot's own, so that two people who pack one snapshot
//     get one digest.
//
// # The check
//
// A snapshot is checked in one pass before it is packed and whenever it is
// verified: gzip whole, with nothing behind it; each line one JSON object;
// entry_count, raw_size, compressed_size and content_hash as found; a
// format_version 1.x; the config in agreement. See [ScanPayload],
// [ReadSnapshot] and [Checker].
//
// # The original's functions
//
// Every function of the Elixir module Lei.Cache.OCI, and of its neighbours as
// far as they make or read snapshots, has its counterpart:
//
//	blob_descriptor/2                  BlobDescriptor
//	build_manifest/2                   BuildManifest
//	package/1                          Package
//	unpack/3                           Unpack, with a fetch function of the caller's
//	manifest_media_type/0              ManifestMediaType
//	config_media_type/0                ConfigMediaType
//	cache_manifest_media_type/0        CacheManifestMediaType
//	cache_jsonl_media_type/0           CacheJSONLMediaType
//	media_type_to_filename/1           MediaTypeFilename
//	Exporter.export/3                  Export
//	Exporter.read_jsonl/1              ScanPayload, Summarize
//	Importer.import_local/1            ReadSnapshot, Summarize
//	OCIClient.generate_tags/1          Tags
//
// # Where it differs, on purpose
//
//	the original                                         here
//	stamps its author as vendor                          vendor LowEndInsight, or the user's
//	created is the time of packing                       the snapshot's own time, or given
//	descriptors hold raw bytes in data                   never
//	layers have no title; oras pull writes nothing       titles
//	an unknown layer becomes a file "unknown"            left alone, with a notice
//	no digest, size or count is ever compared            all are, and a mismatch is refused
//	a missing or doubled layer is fine                   refused
//	a manifest.json that is no JSON object is packed     refused; --no-check packs it
//	malformed lines vanish silently                      refused by line and column; --skip-malformed counts them
//	lines are decoded and encoded anew                   pass byte for byte
//	secrets in data.config are published                 refused, or redacted
//	everything is held in memory, several times          streamed, in constant memory
//	date is any text and becomes a path                  a day of the calendar
package lei
