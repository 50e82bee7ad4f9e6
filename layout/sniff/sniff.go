// Package sniff says what content is, told by its bytes and not by what
// anybody calls it: its type, what it is compressed and nested in, and
// whether anything encrypted or executable is in it, and where.
//
//   - The type is a media type, told by the first three KiB.
//   - gzip, zstd and bzip2 are inflated and zip and tar are walked, in one
//     another, as a stream, to a depth of Limits.Levels. What is in them is
//     looked at in the same way.
//   - Executable is what a processor or an interpreter runs: ELF, PE, Mach-O,
//     WebAssembly, class and byte code, "#!" scripts, installation packages,
//     Office macros; and what a name with an ending such as .exe or .ps1 makes
//     a system run, whatever its bytes are.
//   - Encrypted is what says so of itself: age, OpenPGP, S/MIME, OpenSSL,
//     Ansible Vault, encrypted PEM keys, LUKS, KeePass, and encrypted zip
//     entries, PDF and Office files.
//   - What could not be looked into is named with the reason, and never passed
//     over in silence: formats that are not read here, damage, a limit, bytes
//     that look random and are of no known form.
//   - The same content, name and size give the same findings.
//
// It is no scanner for malicious software: it says what a thing is, not what
// it means, and content that hides behind the first bytes of something else
// stays hidden. A zip is walked from its front, and its directory is compared
// by the number of entries only.
//
// Memory is bounded whatever the content is: about a MiB for each compression
// inside another, and the lists of places.
package sniff

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Types that this package tells itself.
const (
	Unknown = "application/octet-stream"
	Empty   = "inode/x-empty" // as file(1) has it
)

// HeadLen is the number of bytes that Type wants to see.
const HeadLen = 3072

// Type is the media type of content, told by its first HeadLen bytes, or fewer
// if it is shorter; without parameters. It is Unknown when they tell nothing.
func Type(head []byte) string {
	if len(head) == 0 {
		return Empty
	}
	if t := ownType(head); t != "" {
		return t
	}
	head = head[:min(len(head), HeadLen)]
	t, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if t == "text/plain" {
		return jsonType(head)
	}
	return t
}

// jsonType tells JSON and JSON lines from other text, where the head is not
// all of it.
func jsonType(head []byte) string {
	d := json.NewDecoder(bytes.NewReader(head))
	depth, values := 0, 0
	for {
		token, err := d.Token()
		switch delim, ok := token.(json.Delim); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			if values > 1 || values == 1 && depth > 0 {
				return "application/x-ndjson"
			}
			if values == 1 || depth > 0 && len(head) == HeadLen {
				return "application/json"
			}
			return "text/plain"
		case err != nil, !ok && depth == 0:
			return "text/plain"
		case ok && (delim == '{' || delim == '['):
			depth++
		case ok:
			if depth--; depth == 0 {
				values++
			}
		}
	}
}

// Limits bound the work on one content. The zero value stands for the
// defaults.
type Limits struct {
	Levels  int   // how deep to look: 0 means 4, below 0 not at all
	Entries int64 // in archives at all levels; 0 means a million
	Bytes   int64 // inflated at all levels; 0 means 64 MiB and 200 for each byte of the content
}

// Findings say what a content is.
type Findings struct {
	// Type is the media type, as Type tells it.
	Type string
	// Nesting is the longest chain of what lies in what, outermost first, as
	// media types: Type alone where nothing lies in it.
	Nesting []string
	// Entries counts the files in archives at all levels.
	Entries int64
	// Inflated counts the bytes that came out of compressions at all levels.
	Inflated int64

	Encrypted  Places
	Executable Places
	Unseen     Places // what could not be looked into, and why
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

// A Place is one thing that was found.
type Place struct {
	// Path leads to it: the names of entries, foreign text, joined by " > ";
	// empty for the content itself.
	Path string
	// What was found, in words of this package.
	What string
}

// MediaTypes of what is inflated or walked here.
const (
	typeGzip  = "application/gzip"
	typeZstd  = "application/zstd"
	typeBzip2 = "application/x-bzip2"
	typeZip   = "application/zip"
	typeTar   = "application/x-tar"
	typePDF   = "application/pdf"
	typeOLE   = "application/x-ole-storage"
)
