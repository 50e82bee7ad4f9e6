package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/layouttest"
)

// fakeSignature has the fixed length that a signature must have.
func fakeSignature(seal []byte, n int) []byte {
	return []byte(fmt.Sprintf("%-100s\n", fmt.Sprintf("signature %d of %d bytes", n, len(seal))))
}

func fakeSign(seal []byte, have []layout.Signature) ([]layout.Signature, error) {
	n := len(have) + 1
	return append(have, layout.Signature{Name: layout.SignatureFile(n), Data: fakeSignature(seal, n)}), nil
}

func signedOf(layers [][]byte) *layout.Contents {
	c := pendingOf(layers)
	c.Sign = func(seal []byte) ([]layout.Signature, error) { return fakeSign(seal, nil) }
	return c
}

// An archive that is signed afterwards is, byte for byte, the one that is
// signed while it is written, in one pass or in two.
func TestSign(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(15) {
		layers := randomLayers(rand.New(rand.NewPCG(seed, 1)))
		for _, f := range formats {
			want := onePass(t, f, signedOf(layers))
			got := resign(t, twoPasses(t, f, pendingOf(layers)))
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d, %s: %d bytes, signed while written %d", seed, f, len(got), len(want))
			}
			if two := twoPasses(t, f, signedOf(layers)); !bytes.Equal(two, want) {
				t.Fatalf("seed %d, %s: two passes give other bytes", seed, f)
			}
			again := resign(t, got)
			trusted := func(seal []byte, list []layout.Signature) error {
				if len(list) != 2 || !bytes.Equal(list[1].Data, fakeSignature(seal, 2)) {
					return fmt.Errorf("%q", list)
				}
				return nil
			}
			report, err := Verify(ctx, bytes.NewReader(again), layout.AuditOptions{Trust: trusted})
			if err == nil {
				err = report.Err()
			}
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, f, err)
			}
		}
	}
}

func resign(t *testing.T, archive []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	report, err := Sign(context.Background(), &b, bytes.NewReader(archive), layout.AuditOptions{}, fakeSign)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is not sound is not signed: the report says why, or the error.
func TestSignRefuses(t *testing.T) {
	good := twoPasses(t, compression.None, pendingOf([][]byte{[]byte("content"), bytes.Repeat([]byte("x"), 5<<20)}))
	at := bytes.Index(good, []byte(layout.SealName))
	unsealed := append(bytes.Clone(good[:at]), good[at+512+1024:]...)
	for _, c := range []struct {
		name string
		data []byte
		text string
	}{
		{"damaged", bytes.Replace(good, []byte("content"), []byte("CONTENT"), 1), "digest mismatch"},
		{"damaged in a large blob", bytes.Replace(good, []byte("xxxxxxxx"), []byte("xxxxyxxx"), 1), "digest mismatch"},
		{"cut short", good[:len(good)-5000], "truncated"},
		{"not sealed", unsealed, layout.ErrEarly.Error()},
		{"empty", nil, "empty file"},
		{"no tar", bytes.Repeat([]byte("no tar "), 1000), "not a tar archive"},
	} {
		var b bytes.Buffer
		report, err := Sign(context.Background(), &b, bytes.NewReader(c.data), layout.AuditOptions{}, fakeSign)
		if err == nil {
			err = report.Err()
		}
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", c.name, err, c.text)
		}
	}
	refuse := errors.New("no")
	_, err := Sign(context.Background(), &bytes.Buffer{}, bytes.NewReader(good), layout.AuditOptions{}, func([]byte, []layout.Signature) ([]layout.Signature, error) { return nil, refuse })
	if !errors.Is(err, refuse) {
		t.Error(err)
	}
}

// The seal and its signatures are found wherever they stand, and what follows
// the seal at once is all that counts.
func TestTrusted(t *testing.T) {
	archive := resign(t, twoPasses(t, compression.Gzip, pendingOf([][]byte{[]byte("content")})))
	var asked int
	seal, err := ReadSeal(context.Background(), bytes.NewReader(archive), func(seal []byte, list []layout.Signature) error {
		asked++
		if len(list) != 1 || !bytes.Equal(list[0].Data, fakeSignature(seal, 1)) {
			return fmt.Errorf("%q", list)
		}
		return nil
	})
	if err != nil || len(seal) == 0 || asked != 1 {
		t.Errorf("%d bytes, asked %d times, %v", len(seal), asked, err)
	}
	unsigned := twoPasses(t, compression.None, pendingOf(nil))
	_, err = ReadSeal(context.Background(), bytes.NewReader(unsigned), func(_ []byte, list []layout.Signature) error {
		if len(list) == 0 {
			return errors.New("unsigned")
		}
		return nil
	})
	if err == nil || err.Error() != "unsigned" {
		t.Error(err)
	}
}

// The pass that looks for the signatures takes what descriptors announce as it
// is: it has not read them. The one behind it bounds it.
func TestTrustedBehindZeros(t *testing.T) {
	l := layouttest.Artifact{}.Layout().Seal()
	entries := append(l.Entries(), layouttest.Entry{Name: "blobs/sha256/" + strings.Repeat("0", 64), Type: '0', Run: 100 << 20})
	entries = append(entries, layouttest.File(layout.SignatureName, []byte("x")))
	seal, err := ReadSeal(context.Background(), bytes.NewReader(layouttest.GzipTar(entries...)), func([]byte, []layout.Signature) error { return nil })
	if err != nil || !bytes.Equal(seal, l["SHA256SUMS"]) {
		t.Errorf("%d bytes of a seal: %v", len(seal), err)
	}
}

// What descriptors announce is bounded as well: zstd makes gigabytes of zeros of
// a few hundred bytes.
func TestMeterAnnounced(t *testing.T) {
	for _, c := range []struct {
		n, read int64
		bad     bool
	}{{bigSlack - 1<<20, 0, false}, {bigSlack, 0, true}, {bigSlack, 1 << 20, false}, {1000 << 30, 1 << 30, false}} {
		m := &ratioLimiter{r: zero{}, raw: &counter{}, n: c.n, announced: 1 << 60}
		m.raw.n.Store(c.read)
		_, err := m.Read(make([]byte, 1))
		var bomb *RatioError
		if errors.As(err, &bomb) != c.bad {
			t.Errorf("%d bytes of %d: %v", c.n, c.read, err)
		}
	}
}
