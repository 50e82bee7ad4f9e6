package registry

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ociferry/ferry/layout"
)

// secrets knows what must be in no message: passwords and tokens, in the forms
// in which a registry, a proxy or a credential helper may repeat them.
type secrets struct {
	mu    sync.Mutex
	whole []string        // lower case: short ones, found as they stand
	parts map[string]bool // lower case: every piece of longer ones
	sizes map[int]bool    // of these pieces
	known map[string]bool
}

// maxPiece is how much of a secret, in a row, is taken for a part of it.
const maxPiece = 8

// add makes a secret known. It may be empty.
func (s *secrets) add(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret == "" || s.known[secret] {
		return
	}
	if s.known == nil {
		s.known, s.parts, s.sizes = map[string]bool{}, map[string]bool{}, map[int]bool{}
	}
	s.known[secret] = true
	for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
		form = strings.ToLower(form)
		if len(form) < 4 {
			s.whole = append(s.whole, form)
			continue
		}
		n := min(maxPiece, max(4, len(form)/2))
		s.sizes[n] = true
		for i := 0; i+n <= len(form); i++ {
			s.parts[form[i:i+n]] = true
		}
	}
}

// authorization makes known what an Authorization header tells.
func (s *secrets) authorization(header string) {
	scheme, value, _ := strings.Cut(header, " ")
	if value == "" {
		value = header
	}
	s.add(value)
	if strings.EqualFold(scheme, "Basic") {
		if text, err := base64.StdEncoding.DecodeString(value); err == nil {
			_, password, _ := strings.Cut(string(text), ":")
			s.add(password)
		}
	}
}

// parameters makes known what the query of an address elsewhere tells: it may
// be signed.
func (s *secrets) parameters(query url.Values) {
	for _, values := range query {
		for _, v := range values {
			if len(v) >= 16 {
				s.add(v)
			}
		}
	}
}

// credentialPattern finds a credential that nobody here has sent.
var credentialPattern = pattern(`(?i)\b(?:basic|bearer)\s+([a-z0-9+/=._~%-]{6,})`)

// hide is a foreign text with "[hidden]" in place of secrets and their parts.
func (s *secrets) hide(text string) string {
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		// A letter whose small form has another length: positions would not fit.
		text = lower
	}
	marked := make([]bool, len(text))
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			marked[i] = true
		}
	}
	s.mu.Lock()
	for n := range s.sizes {
		for i := 0; i+n <= len(lower); i++ {
			if s.parts[lower[i:i+n]] {
				mark(i, i+n)
			}
		}
	}
	for _, w := range s.whole {
		for i := 0; i+len(w) <= len(lower); i++ {
			if lower[i:i+len(w)] == w {
				mark(i, i+len(w))
			}
		}
	}
	s.mu.Unlock()
	for _, m := range credentialPattern().FindAllStringSubmatchIndex(text, -1) {
		mark(m[2], m[3])
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !marked[i]:
			b.WriteByte(text[i])
		case i == 0 || !marked[i-1]:
			b.WriteString("[hidden]")
		}
	}
	return b.String()
}

// maxForeign is how much of a foreign text is shown, in bytes.
const maxForeign = 300

// foreign makes a text of somebody else's fit to be shown: one line, without
// secrets, and short.
func (s *secrets) foreign(text string) string {
	return shorten(s.hide(strings.Join(strings.Fields(text), " ")))
}

func shorten(text string) string {
	if len(text) <= maxForeign {
		return text
	}
	n := maxForeign
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "..."
}

// A toldError is an error in words that are fit to be shown.
type toldError struct {
	text string
	error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.error }

// told makes an error that may hold foreign text fit to be shown.
func (s *secrets) told(err error) error {
	if err == nil {
		return nil
	}
	text := s.foreign(err.Error())
	if strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) {
		text = layout.Printable(text)
	}
	if text == err.Error() {
		return err
	}
	return &toldError{text, err}
}

// clean makes the foreign parts of an error of this package fit to be shown.
func (s *secrets) clean(err error) error {
	var failed *Error
	var content *ContentError
	switch {
	case errors.As(err, &failed):
		failed.Body, failed.By, failed.Err = s.foreign(failed.Body), s.foreign(failed.By), s.told(failed.Err)
	case errors.As(err, &content):
		content.Err = s.told(content.Err)
	}
	return err
}
