// Package packinglist writes what a person reads before a bundle crosses an
// air gap, prints and signs: the packing list, and on the far side the
// receipt. Both are one value, a List, written as text, as JSON or as a page.
//
//   - The same List gives the same bytes. Nothing is asked of the clock, the
//     host or the user; what is not given stays a line to be filled in by hand.
//   - Text is UTF-8, in lines of about 80 columns; only names and digests are
//     longer.
//   - JSON is the List itself, for programs: names stand there as they are.
//   - The page is one HTML file that asks for nothing from anywhere: its policy
//     forbids it to, and names the one style and the one script by their
//     hashes. It is read without the script, which only adds a filter to the
//     table. It prints on A4 and Letter and follows a dark screen.
//   - Whatever is foreign, such as a file's name, is escaped for the form it is
//     written in. In text and page, characters that cannot be seen or that turn
//     the direction of the text are written as \uXXXX, and what is longer than
//     MaxShown characters is cut, with a word on its length.
//   - Each digest stands there in groups of four as well, for reading aloud, and
//     the page shows the identity as a QR code.
//
// A List only repeats what it is told. It is the caller who has read the
// bundle.
package packinglist

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A List is a packing list, or a receipt when Receipt is set. Sizes are in
// bytes, digests are ALGORITHM:HEX, times are in RFC 3339.
type List struct {
	Form       string     `json:"form"` // set by Write: "ferry packing list 1" or "ferry receipt 1"
	Receipt    *Receipt   `json:"receipt,omitempty"`
	Bundle     Bundle     `json:"bundle"`
	Given      Given      `json:"given"`
	Signature  Signature  `json:"signature"`
	Artifacts  []Artifact `json:"artifacts"`
	Files      []File     `json:"files"`
	Encrypted  Findings   `json:"encrypted"`
	Executable Findings   `json:"executable"`
	Unseen     Findings   `json:"notLookedInto"`
	Notices    []string   `json:"notices,omitempty"`
}

// A Bundle is the thing that is carried.
type Bundle struct {
	Name      string `json:"name"`             // without directories
	Stream    bool   `json:"stream,omitempty"` // it came as one, and Name is the name of no file
	Form      string `json:"form"`             // "OCI layout, tar with gzip"
	Directory bool   `json:"directory"`        // it is a layout directory
	Size      int64  `json:"size"`             // as carried; of a directory, the sum of its files
	SHA256    string `json:"sha256,omitempty"` // of the archive, hexadecimal; a directory has none
	Identity  string `json:"identity"`         // digest of index.json
	Sealed    bool   `json:"sealed"`           // there is SHA256SUMS, which covers every file of the layout
	Blobs     int    `json:"blobs"`
}

// Given is what somebody said, and nothing checked.
type Given struct {
	PackedBy string `json:"packedBy,omitempty"`
	PackedAt string `json:"packedAt,omitempty"`
	Origin   string `json:"origin,omitempty"`
}

// Signature says whether somebody signed, and whether that was checked.
type Signature struct {
	Present bool     `json:"present"`
	Checked bool     `json:"checked"`
	Keys    []string `json:"keys,omitempty"`  // fingerprints of those who signed, when Checked
	Hints   []string `json:"hints,omitempty"` // of keys, as the signatures say themselves, which proves nothing
	// What the far side is to check it with, as here.
	KeyFiles []string `json:"keyFiles,omitempty"` // without directories
	Required int      `json:"required,omitempty"` // how many of them must have signed
	Beside   []string `json:"beside,omitempty"`   // signatures in files of their own
}

// An Artifact is one manifest or index.
type Artifact struct {
	References []string `json:"references,omitempty"`
	Kind       string   `json:"kind"` // "lei", "files", "image", ...
	MediaType  string   `json:"mediaType"`
	Type       string   `json:"artifactType,omitempty"`
	Digest     string   `json:"digest"`
	Platform   string   `json:"platform,omitempty"`
	Within     string   `json:"within,omitempty"` // digest of the index that names it, if that is not the bundle's own
	Source     string   `json:"source,omitempty"` // as it claims
	Created    string   `json:"created,omitempty"`
	Files      int      `json:"files"`
	Size       int64    `json:"size"` // of its files
	LEI        *LEI     `json:"lei,omitempty"`
}

// Name is the first reference, or the platform, or the digest.
func (a *Artifact) Name() string {
	switch {
	case len(a.References) > 0:
		return a.References[0]
	case a.Platform != "":
		return a.Platform
	}
	return a.Digest
}

// LEI is what the reports of an LEI cache say.
type LEI struct {
	Date         string  `json:"date"`
	Version      string  `json:"leiVersion"`
	Reports      int64   `json:"reports"`
	Repositories int64   `json:"repositories"`
	RawSize      int64   `json:"rawSize"`
	Oldest       string  `json:"oldest,omitempty"`
	Newest       string  `json:"newest,omitempty"`
	Risk         []Count `json:"risk"` // the worst first
	Secrets      Secrets `json:"secrets"`
}

// A Count is a number of things of one name.
type Count struct {
	Name string `json:"name"`
	N    int64  `json:"count"`
}

// Secrets are places in the reports that hold secrets; never the values.
type Secrets struct {
	Found    []Count `json:"found"`
	Defaults []Count `json:"publishedDefaults,omitempty"` // known to everybody
	More     int64   `json:"more,omitempty"`
}

// Total is the number of values found.
func (s *Secrets) Total() int64 {
	n := s.More
	for _, c := range s.Found {
		n += c.N
	}
	return n
}

// A File is one blob of the bundle, under one name.
type File struct {
	Artifact   int      `json:"artifact"` // position in List.Artifacts; -1: nothing refers to it
	Role       string   `json:"role"`     // "file", "layer", "config", "manifest", "index", "unreferenced"; "beside" is no part of the layout
	Name       string   `json:"name,omitempty"`
	Claimed    string   `json:"claimedType,omitempty"` // the media type that the bundle says
	Type       string   `json:"type"`                  // the one that its bytes say
	Nesting    []string `json:"nesting,omitempty"`     // what lies in what, by its bytes, outermost first
	Entries    int64    `json:"entries,omitempty"`     // in archives in it
	Size       int64    `json:"size"`
	Digest     string   `json:"digest"`
	Again      bool     `json:"again,omitempty"` // the same content stands above already
	Encrypted  bool     `json:"encrypted,omitempty"`
	Executable bool     `json:"executable,omitempty"`
	Unseen     bool     `json:"notLookedInto,omitempty"`
}

// Findings are places where something was found.
type Findings struct {
	List []Finding `json:"list"`
	More int64     `json:"more,omitempty"` // found, and not listed
}

// Len is the number of places.
func (f *Findings) Len() int64 { return int64(len(f.List)) + f.More }

// A Finding is one place.
type Finding struct {
	File string `json:"file"`             // its name, or its digest
	Path string `json:"within,omitempty"` // where in it
	What string `json:"what"`
}

// A Receipt is what became of a bundle on the far side.
type Receipt struct {
	ReceivedAt string  `json:"receivedAt,omitempty"`
	ReceivedBy string  `json:"receivedBy,omitempty"`
	Output     string  `json:"output"`
	Artifact   string  `json:"artifact,omitempty"` // that was written, by its name; the whole layout has neither
	Manifest   string  `json:"manifest,omitempty"`
	Files      int     `json:"files"` // written
	Checks     []Check `json:"checks"`
}

// A Check is one thing that was checked, or was not.
type Check struct {
	What string `json:"what"`
	Done bool   `json:"done"` // and found good: what fails gives no receipt
	How  string `json:"how"`
}

// A Form is a way to write a List.
type Form string

// The forms.
const (
	Text Form = "text"
	JSON Form = "json"
	HTML Form = "html"
)

// FormOf is the form that a file's name asks for by its ending, .txt, .json,
// .html or .htm; ok is false for every other name.
func FormOf(name string) (f Form, ok bool) {
	lower := strings.ToLower(name)
	for ending, f := range map[string]Form{".txt": Text, ".json": JSON, ".html": HTML, ".htm": HTML} {
		if strings.HasSuffix(lower, ending) {
			return f, true
		}
	}
	return "", false
}

// Write writes the list. The error is that of w, or says that there is no such
// form.
func (l *List) Write(w io.Writer, f Form) error {
	c := *l
	c.Form = "ferry packing list 1"
	if l.Receipt != nil {
		c.Form = "ferry receipt 1"
	}
	switch f {
	case Text:
		return c.text(w)
	case JSON:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(&c)
	case HTML:
		return c.html(w)
	}
	return fmt.Errorf("packinglist: there is no form %q", string(f))
}

// Title is "Packing list" or "Receipt".
func (l *List) Title() string {
	if l.Receipt != nil {
		return "Receipt"
	}
	return "Packing list"
}

// What says in a sentence what the bundle is.
func (l *List) What() string {
	var leis, others int
	var reports int64
	var date string
	for i := range l.Artifacts {
		switch a := &l.Artifacts[i]; {
		case a.LEI != nil:
			leis++
			reports += a.LEI.Reports
			date = max(date, a.LEI.Date)
		case a.Within == "":
			others++
		}
	}
	files := len(l.content())
	switch {
	case leis == 1 && others == 0:
		return fmt.Sprintf("An LEI cache of %s with %s.", visible(date), plural(reports, "report"))
	case leis > 0 && others == 0:
		return fmt.Sprintf("%s with %s, the newest of %s.", plural(int64(leis), "LEI cache"), plural(reports, "report"), visible(date))
	case leis > 0:
		return fmt.Sprintf("%s and %s.", plural(int64(leis), "LEI cache"), plural(int64(others), "other artifact"))
	case len(l.Artifacts) == 1:
		return fmt.Sprintf("One artifact of the kind “%s” with %s.", visible(l.Artifacts[0].Kind), plural(int64(files), "file"))
	}
	return fmt.Sprintf("%s with %s.", plural(int64(others), "artifact"), plural(int64(files), "file"))
}

// content are the files that are carried for their own sake.
func (l *List) content() []*File {
	var c []*File
	for i := range l.Files {
		if f := &l.Files[i]; f.Role == "file" || f.Role == "layer" || f.Role == "unreferenced" {
			c = append(c, f)
		}
	}
	return c
}

// fills counts the bytes of each type, the most first; at most eight, the last
// of which may stand for the others.
func (l *List) fills() []Count {
	var all []Count
	at := map[string]int{}
	for i := range l.Files {
		f := &l.Files[i]
		if f.Again {
			continue
		}
		name := typeWords(f)
		k, ok := at[name]
		if !ok {
			k = len(all)
			at[name] = k
			all = append(all, Count{Name: name})
		}
		all[k].N += f.Size
	}
	return top(all, 8)
}
