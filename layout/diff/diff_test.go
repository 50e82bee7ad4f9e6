package diff_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/diff"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/layouttest"
)

func content(l layouttest.Layout, reference string) diff.Content {
	fsys := fstest.MapFS{}
	for name, data := range l {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return diff.Content{Source: "x", Reference: reference, Read: func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		report, err := layout.Open(fsys).Audit(ctx, o)
		if err == nil {
			err = report.Err()
		}
		return report, err
	}}
}

// notes is a layout of artifacts of one file, each under its names and platform.
func notes(artifacts ...[2]string) layouttest.Layout {
	l := layouttest.Layout{}
	var all []layouttest.Object
	for _, a := range artifacts {
		file := l.Put("text/plain", []byte(a[1])).With("annotations", `{"org.opencontainers.image.title":"note.txt"}`)
		m := layouttest.Manifest(l.Put(layouttest.EmptyType, []byte("{}")), file).With("artifactType", `"application/vnd.example.note"`)
		d := l.Put(layouttest.ManifestType, []byte(m.String()))
		name, platform, ok := strings.Cut(a[0], " ")
		if d = d.With("annotations", `{"io.containerd.image.name":"`+name+`"}`); ok {
			d = d.With("platform", platform)
		}
		all = append(all, d)
	}
	l["index.json"] = []byte(layouttest.Index(all...).String())
	l["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	return l
}

// What changed is told by name, platform and kind; the variant of a platform too.
func TestCompare(t *testing.T) {
	arm := ` {"architecture":"arm","os":"linux","variant":"v7"}`
	before := notes([2]string{"a.internal/a:1", "one"}, [2]string{"a.internal/b:1", "two"}, [2]string{"a.internal/c:1", "three"})
	after := notes([2]string{"a.internal/a:1", "four"}, [2]string{"a.internal/b:2" + arm, "five"}, [2]string{"a.internal/c:1", "three"})
	for _, c := range []struct {
		before, after diff.Content
		names         bool
		want          string // in the answer as JSON, one after another
	}{
		{content(before, ""), content(before, ""), true, `"same":true`},
		{content(before, ""), content(after, ""), false, `"same":false ` +
			`"added":[{"reference":"a.internal/b:2" "removed":[{"reference":"a.internal/b:1" "moved":[{"reference":"a.internal/a:1" "platform":"linux/arm/v7" "same":1}`},
		{content(before, ""), content(after, ""), true, `"files":[ "reference":"a.internal/a:1" "changed":["note.txt"] "reference":"a.internal/b:1" "reference":"a.internal/b:2"`},
		{content(before, "a.internal/c:1"), content(after, "a.internal/c:1"), true, `"artifact":"sha256: "same":true`},
		{content(layouttest.Artifact{}.Layout(), ""), content(layouttest.Artifact{Reports: 6}.Layout(), ""), true,
			`"leiCaches":[{"before":{"reference":"2026-02-05" "reports":{"added":1,"removed":0,"changed":0,"same":5} "repositories":{"added":1 "names":{"added":["`},
	} {
		d, err := diff.Compare(context.Background(), c.before, c.after, diff.Options{Kinds: kinds.All, Names: c.names, TempDir: t.TempDir()})
		if err != nil {
			t.Error(err)
			continue
		}
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		rest := string(data)
		for want := range strings.SplitSeq(c.want, " ") {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("want %s in its place in %s", want, data)
				break
			}
			rest = after
		}
	}
}

// A layout that is another when it is read again is an error, as is one that is
// not sound.
func TestCompareErrors(t *testing.T) {
	one, two := content(layouttest.Artifact{}.Layout(), ""), content(layouttest.Artifact{Reports: 6}.Layout(), "")
	reads := 0
	changing := diff.Content{Err: one.Err, Read: func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		if reads++; reads > 1 {
			return two.Read(ctx, o)
		}
		return one.Read(ctx, o)
	}}
	o := diff.Options{Kinds: kinds.All, Names: true}
	if _, err := diff.Compare(context.Background(), changing, two, o); err != diff.ErrChanged {
		t.Errorf("want ErrChanged, found %v", err)
	}
	if _, err := diff.Compare(context.Background(), content(layouttest.Artifact{}.Layout(), "nothing"), two, o); err == nil {
		t.Error("a reference to nothing: no error")
	}
}
