// Package sniff says what content is, told by its bytes and not by what
// anybody calls it: its type, what it is compressed and nested in, and
// whether anything encrypted or executable is in it, and where.
//
//   - The type is a media type, told by the first three KiB.
//   - gzip, zstd and bzip2 are inflated, zip and tar are walked, and text that
//     is base64 is decoded, in one another, as a stream, to a depth of
//     Limits.Levels. What is in them is looked at in the same way: every entry
//     with content, whatever its type; what gzip headers, skippable zstd frames
//     and extended tar headers carry; and what follows the end of an archive.
//   - Content that can be read in two ways, such as a tar archive whose first
//     bytes are also those of a GIF image, is read in both.
//   - Executable is what a processor or an interpreter runs: ELF, PE, Mach-O,
//     WebAssembly, class and byte code, "#!" scripts, installation packages,
//     Office macros; and what a name with an ending such as .exe or .ps1 makes
//     a system run, whatever its bytes are.
//   - Encrypted is what says so of itself: age, OpenPGP, CMS and S/MIME, PKCS#12,
//     OpenSSL, SOPS, Ansible Vault, private keys with a passphrase, LUKS,
//     KeePass, and encrypted zip entries, PDF and Office files.
//   - What could not be looked into is named with the reason, and never passed
//     over in silence: formats that are not read here (archives, disk images and
//     file systems among them), archives that two readers take for different
//     things, damage, a limit, and binary content of no known form.
//   - The same content, name and size give the same findings, unless the work on
//     all content of one Budget is more than that allows.
//
// It is no scanner for malicious software: it says what a thing is, not what
// it means. Data that stands between or after the parts of a format that is not
// walked here, such as an image, is not searched for.
//
// Memory is bounded whatever the content is; see Budget.
package sniff

// Types that this package tells itself.
const (
	unknown   = "application/octet-stream"
	empty     = "inode/x-empty" // as file(1) has it
	typeGzip  = "application/gzip"
	typeZstd  = "application/zstd"
	typeBzip2 = "application/x-bzip2"
	typeZip   = "application/zip"
	typeTar   = "application/x-tar"
	typePDF   = "application/pdf"
	typeOLE   = "application/x-ole-storage"
	typeText  = "text/plain"
	typeJSON  = "application/json"
	typeLines = "application/x-ndjson"
)

// Limits bound the work on one content. The zero value stands for the
// defaults.
type Limits struct {
	Levels  int   // how deep to look: 0 means 4, below 0 not at all
	Entries int64 // in archives at all levels; 0 means a million
	// Bytes inflated at all levels, where an entry counts for 4 KiB at least; 0
	// means 64 MiB and 200 for each byte of the content.
	Bytes int64
}

// Findings say what a content is.
type Findings struct {
	// Type is the media type, told by the first bytes; that of tar where they
	// are a tar header as well.
	Type string
	// Nesting is the longest chain of what lies in what, outermost first, as
	// media types; nil where nothing lies in it.
	Nesting []string
	// Entries counts the files in archives at all levels.
	Entries int64
	// Inflated counts the bytes that came out of compressions at all levels.
	Inflated int64

	Encrypted  Places
	Executable Places
	Unseen     Places // what could not be looked into, and why

	tar bool // it is a tar archive, compressed or not
}

// merge adds what was found beside.
func (f *Findings) merge(other *Findings) {
	f.Entries += other.Entries
	f.Inflated += other.Inflated
	f.tar = f.tar || other.tar
	if len(other.Nesting) > len(f.Nesting) {
		f.Nesting = other.Nesting
	}
	f.Encrypted.merge(&other.Encrypted)
	f.Executable.merge(&other.Executable)
	f.Unseen.merge(&other.Unseen)
}

// Found is the number of places in all.
func (f *Findings) Found() int64 { return f.Encrypted.Len() + f.Executable.Len() + f.Unseen.Len() }

// Plain reports whether there is nothing to say of content but its type.
func (f *Findings) Plain() bool {
	return f.Found() == 0 && f.Nesting == nil && f.Entries == 0 && f.Inflated == 0 && !f.tar
}

// Places are where something was found: the first twenty, and how many more.
type Places struct {
	List []Place
	More int64
}

// Len is the number of places.
func (p *Places) Len() int64 { return int64(len(p.List)) + p.More }

const (
	maxPlaces = 20
	maxPath   = 512 // bytes
)

func (p *Places) add(path, what string) {
	if len(p.List) >= maxPlaces {
		p.More++
		return
	}
	if len(path) > maxPath {
		path = path[:maxPath/2] + "..." + path[len(path)-maxPath/2:]
	}
	p.List = append(p.List, Place{path, what})
}

func (p *Places) merge(other *Places) {
	for _, x := range other.List {
		p.add(x.Path, x.What)
	}
	p.More += other.More
}

// A Place is one thing that was found.
type Place struct {
	// Path leads to it: the names of entries, foreign text, joined by " > ";
	// empty for the content itself.
	Path string
	// What was found, in words of this package.
	What string
}

// Claim is f with what a media type says of the content, where its bytes do not
// say the same: that it is encrypted, or that it is a tar archive.
func (f *Findings) Claim(mediaType string) *Findings {
	claimed := *f
	if claimsEncrypted(mediaType) {
		claimed.Encrypted = Places{List: append([]Place{{"", "said to be encrypted, by its media type"}}, f.Encrypted.List...), More: f.Encrypted.More}
	} else if claimsTar(mediaType) && !f.tar && f.Unseen.Len() == 0 && f.Type != empty {
		claimed.Unseen = Places{List: []Place{{"", "said to be a tar archive, by its media type, and is none"}}}
	} else {
		return f
	}
	return &claimed
}
