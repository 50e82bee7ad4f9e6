package output

import (
	"errors"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// packAnswer is what pack reports.
type packAnswer struct {
	Output     string   `json:"output"`
	Kind       string   `json:"kind"`
	References []string `json:"references"`
	Manifest   string   `json:"manifest"`
	Identity   string   `json:"identity"`
	Files      int      `json:"files"`
	Bytes      int64    `json:"bytes"`
	Sealed     bool     `json:"sealed"`
	SignedBy   []string `json:"signedBy,omitempty"`
	Notices    []string `json:"notices,omitempty"`
}

// AnswerPacked says what was packed.
func (p *Packing) AnswerPacked(packed *artifact.Packed, index v1.Index) error {
	identity, err := layout.IndexDigest(index)
	if err != nil {
		return err
	}
	a := packAnswer{
		Output: p.Name, Kind: p.Kind.Name, Manifest: string(packed.Digest), Identity: string(identity),
		SignedBy: p.Sign.Fingerprints(), Files: len(packed.Manifest.Layers), Sealed: p.Sealed(),
	}
	// Secrets that were let pass are taken by the far side; nothing else is.
	var content artifact.ContentError
	refused := packed.Refused != nil && !(errors.As(packed.Refused, &content) && content.Refused())
	if refused {
		p.Notice("ferry verify and ferry unpack refuse this on the far side, and with it all else that is in the same bundle")
	}
	a.Notices = append(packed.Notices, p.Notices...)
	for _, d := range index.Manifests {
		if n := layout.Names(d); d.Digest == packed.Digest && len(n) > 0 {
			a.References = append(a.References, n[0])
		}
	}
	for _, l := range packed.Manifest.Layers {
		a.Bytes += l.Size
	}
	for _, n := range a.Notices {
		p.Env.Note("%s", n)
	}
	return p.Answer(a, "packed "+layout.Printable(p.Dir), a.Identity, func(t ui.Table) {
		for _, r := range a.References {
			t.Row("artifact", "%s", r)
		}
		t.Row("manifest", "%s", a.Manifest)
		t.Row("content", "%s, %s", ui.Count(a.Files, "file"), ui.Size(a.Bytes))
	}, func() {
		if refused {
			_, file := NameOf(p.Name)
			p.Env.Next("ferry verify %s says what the far side will say; mend the snapshot, and pack it again", file)
			return
		}
		p.Next(a.Identity)
	})
}
