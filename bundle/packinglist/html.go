package packinglist

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the page, its style and its script
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"rsc.io/qr"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string
	//go:embed script.js
	scriptJS string
)

// cspHash is the word by which a policy allows one style or script.
func cspHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"visible": visible,
		"groups":  groups,
		"prefix":  func(d string) string { return algorithm(d) + ":" },
		"alg": func(d string) string { // SHA-256 is what the headings say already
			return strings.TrimPrefix(algorithm(d), "sha256")
		},
		"size":     size,
		"exact":    exact,
		"number":   thousands,
		"plural":   plural,
		"type":     typeWord,
		"types":    typeWords,
		"fileName": fileName,
		"secrets":  secretsWords,
		"add":      func(a, b int) int { return a + b },
		"len64":    func(n int) int64 { return int64(n) },
		"sealed":   sealed,
	}).Parse(pageHTML))
})

// A sheet is what the page is made of.
type sheet struct {
	*List
	Policy, Style, Script any
	QR                    code
	Fills                 []bar
	Artifact              []artifactSheet
	Ferry, Plain          []step
	Verdicts              []verdict
	Boxes                 []struct{ Title, Name, Date string }
	Signed                string
	Found                 []foundSheet
}

type artifactSheet struct {
	*Artifact
	N    int
	Risk []bar
}

type foundSheet struct {
	Title string
	ID    string
	*Findings
}

func (l *List) html(w io.Writer) error {
	q, err := newCode(l.Bundle.Identity)
	if err != nil {
		return err
	}
	s := sheet{
		List:   l,
		Policy: template.HTMLAttr(`content="default-src 'none'; style-src ` + cspHash(styleCSS) + `; script-src ` + cspHash(scriptJS) + `; base-uri 'none'; form-action 'none'"`),
		Style:  template.CSS(styleCSS), Script: template.JS(scriptJS),
		QR: q, Fills: chart(l.fills(), "fill", size),
		Ferry: l.withFerry(), Plain: l.withoutFerry(), Verdicts: l.verdicts(), Boxes: l.boxes(), Signed: l.signatureWords(),
		Found: []foundSheet{{"Encrypted content", "encrypted", &l.Encrypted}, {"Executable content", "executable", &l.Executable}, {"Not looked into", "unseen", &l.Unseen}},
	}
	for i := range l.Artifacts {
		a := artifactSheet{Artifact: &l.Artifacts[i], N: i + 1}
		if a.LEI != nil {
			a.Risk = chart(a.LEI.Risk, "risk", thousands)
		}
		s.Artifact = append(s.Artifact, a)
	}
	b := bufio.NewWriter(w)
	if err := page().Execute(b, &s); err != nil {
		return err
	}
	return b.Flush()
}

// A code is a QR code as the path of an SVG, with its quiet zone.
type code struct {
	Size int
	Path string
}

func newCode(text string) (code, error) {
	const quiet = 4
	q, err := qr.Encode(text, qr.M)
	if err != nil {
		return code{}, fmt.Errorf("the identity as a QR code: %w", err)
	}
	var p strings.Builder
	for y := range q.Size {
		for x := 0; x < q.Size; {
			n := 0
			for q.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&p, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n)
			}
			x += max(n, 1)
		}
	}
	return code{q.Size + 2*quiet, p.String()}, nil
}

// A bar is a row of a chart: what it stands for, and how long it is of 100.
type bar struct{ Name, Class, Value, Share, Width string }

func chart(counts []Count, class string, value func(int64) string) []bar {
	var total, most int64
	for _, c := range counts {
		total += c.N
		most = max(most, c.N)
	}
	var bars []bar
	for _, c := range counts {
		width := 0.0
		if c.N > 0 {
			width = max(100*float64(c.N)/float64(most), 0.5)
		}
		kind := class
		if class == "risk" {
			kind = "risk-other"
			switch c.Name {
			case "critical", "high", "medium", "low", "undetermined":
				kind = "risk-" + c.Name
			}
		}
		bars = append(bars, bar{visible(c.Name), kind, value(c.N), percent(c.N, total), fmt.Sprintf("%.1f", width)})
	}
	return bars
}
