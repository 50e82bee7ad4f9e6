package bundle_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/layouttest"
)

// FuzzVerify changes the bytes of archives, FuzzEntry puts an entry with a right
// header among those of a sound one, and FuzzFile changes a file in it.
func FuzzVerify(f *testing.F) {
	cases := layouttest.Accepted()
	for i, c := range layouttest.Refused() { // TestHostileArchives has them all
		if i%8 == 0 {
			cases = append(cases, c)
		}
	}
	for _, c := range cases {
		if archive := archiveOf(c); len(archive) > 0 && len(archive) < 12_000 {
			f.Add(archive)
		}
	}
	f.Add(sealed(f))
	f.Fuzz(agree)
}

func FuzzEntry(f *testing.F) {
	f.Add("README", byte('0'), "", []byte("x"), uint8(0), false)
	f.Add("blobs", byte('2'), "/etc", []byte{}, uint8(1), false)
	f.Add("./index.json", byte('0'), "", []byte("{}"), uint8(3), true)
	f.Add("../x", byte('5'), "", []byte{}, uint8(2), true)
	f.Add("manifest.json", byte('0'), "", []byte("[]"), uint8(9), false)
	f.Fuzz(func(t *testing.T, name string, kind byte, link string, body []byte, at uint8, long bool) {
		entries := layouttest.Artifact{Reports: 1}.Layout().Entries()
		insert := []layouttest.Entry{{Name: name, Type: kind, Link: link, Body: body, Mode: 0o644}}
		if long {
			insert = []layouttest.Entry{layouttest.PAX("path", name), {Name: "x", Type: kind, Link: link, Body: body, Mode: 0o644}}
		} else if len(name) > 100 {
			return
		}
		agree(t, layouttest.Tar(slices.Insert(entries, int(at)%(len(entries)+1), insert...)...))
	})
}

func FuzzFile(f *testing.F) {
	l := layouttest.Artifact{Reports: 1, Files: func(l layouttest.Layout) { l.Seal() }}.Layout()
	for i, p := range l.Paths() {
		f.Add(uint8(i), l[p], true)
		f.Add(uint8(i), l[p], false)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte, reseal bool) {
		l := layouttest.Artifact{Reports: 1}.Layout()
		if reseal {
			l.Seal()
		}
		paths := l.Paths()
		p := paths[int(which)%len(paths)]
		l[p] = data
		if reseal && p != "SHA256SUMS" {
			l.Seal()
		}
		agree(t, l.Tar())
	})
}

// agree fails unless all agree about an archive: what Verify accepts, unpack
// writes and nothing else, reading out of order sees the same, and so does
// whoever reads the bundle that ferry makes of it. What is refused leaves
// nothing behind.
func agree(t *testing.T, archive []byte) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	report, verifyErr := verify(archive)
	unpackErr := unpack(archive, out)
	if (verifyErr == nil) != (unpackErr == nil) {
		t.Fatalf("verify says %v, unpack %v", verifyErr, unpackErr)
	}
	if verifyErr != nil {
		if strings.ContainsFunc(verifyErr.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("a control character in %q", verifyErr)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
		return
	}
	checkCopy(t, "unpacked", out, report)
	checkTar(t, archive, report)
	if err, ok := outOfOrder(archive); ok && err != nil {
		t.Fatalf("out of order: %v", err)
	}
	again, err := rebundle(out)
	if err != nil {
		t.Fatal(err)
	}
	second, err := verify(again)
	if err != nil {
		t.Fatalf("the bundle of what was unpacked: %v", err)
	}
	if second.Digest != report.Digest || second.Manifests != report.Manifests || !second.Sealed {
		t.Fatalf("the bundle of what was unpacked is %s with %d manifests, want %s with %d", second.Digest, second.Manifests, report.Digest, report.Manifests)
	}
}

// checkTar reads a plain tar as Go's archive/tar does, and finds the same layout.
func checkTar(t *testing.T, archive []byte, want *layout.Report) {
	if format, err := compression.Detect(archive); err != nil || format != compression.None {
		return
	}
	files := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("archive/tar: %v", err)
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		name := path.Clean(h.Name)
		if _, ok := files[name]; ok || h.Typeflag != tar.TypeReg {
			t.Fatalf("archive/tar: %s twice, or of type %q", name, h.Typeflag)
		}
		if files[name], err = io.ReadAll(r); err != nil {
			t.Fatalf("archive/tar: %v", err)
		}
	}
	if got := digest.FromBytes(files["index.json"]); got != want.Digest {
		t.Fatalf("archive/tar: index.json is %s, want %s", got, want.Digest)
	}
	blobs := 0
	for name, data := range files {
		if d, ok, _ := layout.ParseBlobPath(name); ok {
			if blobs++; d.Algorithm().FromBytes(data) != d {
				t.Fatalf("archive/tar: %s has other content", name)
			}
		}
	}
	if blobs != want.Blobs {
		t.Fatalf("archive/tar: %d blobs, want %d", blobs, want.Blobs)
	}
}

// rebundle makes a bundle of a layout directory.
func rebundle(dir string) ([]byte, error) {
	r, err := layout.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c, err := r.Contents(context.Background())
	if err != nil {
		return nil, fmt.Errorf("contents: %w", err)
	}
	var b bytes.Buffer
	err = bundle.Write(context.Background(), &b, nil, c)
	return b.Bytes(), err
}
