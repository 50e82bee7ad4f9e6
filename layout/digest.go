package layout

import (
	_ "crypto/sha256" // for digest.SHA256
	_ "crypto/sha512" // for digest.SHA512
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/visible"
)

// hexLen is the whole list of algorithms: SHA-256 and SHA-512, as the image
// specification registers them (descriptor.md, "Registered Algorithms").
var hexLen = map[digest.Algorithm]int{digest.SHA256: 64, digest.SHA512: 128}

// ParseDigest parses a digest of one of the two algorithms that a layout may
// use, "sha256:" or "sha512:" and lower-case hexadecimal. Everything else is
// an error, so that what it returns may be turned into a path.
func ParseDigest(s string) (digest.Digest, error) {
	algorithm, hex, ok := strings.Cut(s, ":")
	n, known := hexLen[digest.Algorithm(algorithm)]
	switch {
	case !ok:
		return "", fmt.Errorf("digest %s: want ALGORITHM:HEX", quote(s))
	case !known:
		return "", fmt.Errorf("digest %s: unsupported algorithm, want sha256 or sha512", quote(s))
	case len(hex) != n:
		return "", fmt.Errorf("digest %s: want %d hexadecimal digits, found %d characters", quote(s), n, len(hex))
	}
	for i := range len(hex) {
		if c := hex[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return "", fmt.Errorf("digest %s: want lower-case hexadecimal digits only", quote(s))
		}
	}
	return digest.Digest(s), nil
}

// BlobPath is the path of a blob inside a layout, with slashes
// (image-layout.md, "Blobs"). It is the one place where a digest becomes a
// path; d must come from ParseDigest or from hashing.
func BlobPath(d digest.Digest) string {
	return "blobs/" + string(d.Algorithm()) + "/" + d.Encoded()
}

// ParseBlobPath is the inverse of BlobPath. ok is false for a name outside
// blobs/; a name inside that is not a blob's is an error.
func ParseBlobPath(name string) (d digest.Digest, ok bool, err error) {
	rest, ok := strings.CutPrefix(name, "blobs/")
	if !ok {
		return "", false, nil
	}
	algorithm, hex, ok := strings.Cut(rest, "/")
	if !ok {
		return "", true, fmt.Errorf("%s: want blobs/ALGORITHM/HEX", quote(name))
	}
	d, err = ParseDigest(algorithm + ":" + hex)
	if err != nil {
		return "", true, fmt.Errorf("%s: not the name of a blob: %w", quote(name), err)
	}
	return d, true, nil
}

// quote makes foreign text safe and short enough for a message. People read
// their own letters in it; what cannot be seen, or turns the direction of what
// follows, is written as an escape, and so is what is no UTF-8.
func quote(s string) string {
	if len(s) > 200 {
		n := 200
		for n > 200-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "..."
	}
	return visible.Escape(strconv.Quote(s))
}

// Printable is s itself when it is a plain word or reference, else s quoted.
// Every foreign string that reaches a terminal or a log goes through it.
func Printable(s string) string {
	if s == "" || len(s) > 200 {
		return quote(s)
	}
	if _, bad := visible.First(s); bad || strings.ContainsAny(s, " \"\\\ufffd") {
		return quote(s)
	}
	return s
}

// SHA256 is the value of a sha256 digest.
func SHA256(d digest.Digest) (sum [32]byte) {
	if n, err := hex.Decode(sum[:], []byte(d.Encoded())); err != nil || n != len(sum) {
		panic("layout: not a parsed sha256 digest: " + string(d)) // a bug of ours, never input
	}
	return sum
}
