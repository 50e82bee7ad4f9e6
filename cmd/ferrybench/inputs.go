package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// dense writes a valid gzip file of about n bytes that does not compress
// further, as a large cache.jsonl.gz is, into a directory of its own.
func (b *bench) dense(dir string, n int64) error {
	return b.create(filepath.Join(dir, "cache.jsonl.gz"), func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(z, rand.NewChaCha8([32]byte{1}), n-n/8000); err != nil {
			return err
		}
		return z.Close()
	})
}

// small writes files of 4 to 40 KiB of random bytes, a hundred in a directory.
func (b *bench) small(dir string, files int) error {
	r := rand.New(rand.NewPCG(1, 2))
	c := rand.NewChaCha8([32]byte{2})
	for i := range files {
		name := filepath.Join(dir, fmt.Sprintf("d%03d", i/100), fmt.Sprintf("f%05d.bin", i))
		err := b.create(name, func(w io.Writer) error {
			_, err := io.CopyN(w, c, 4<<10+r.Int64N(36<<10))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reports writes n bytes of reports such as LowEndInsight makes, a line each.
// No line is of a real project or person.
func (b *bench) reports(name string, n int64) error {
	return b.create(name, func(w io.Writer) error {
		r := rand.New(rand.NewPCG(3, 4))
		words := []string{"log", "node", "auth", "http", "parse", "cache", "graph", "queue", "store", "proto", "yaml", "shell", "crypt", "image", "fetch", "mesh"}
		word := func() string { return words[r.IntN(len(words))] }
		for done := int64(0); done < n; {
			day := func() string {
				return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d.%06dZ", 16+r.IntN(10), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
			}
			repo := fmt.Sprintf("https://example.com/%s%d/%s-%s", word(), r.IntN(1000), word(), word())
			k, err := fmt.Fprintf(w, `{"header":{"uuid":"%08x-%04x-11f1-8d97-%012x","start_time":"%s","source_client":"lei cache export","repo":"%s","library_version":"","end_time":"%s","duration":%d},"data":{"risk":"%s","results":{"top10_contributors":[`,
				r.Uint32(), r.Uint32()&0xffff, r.Uint64()&0xffffffffffff, day(), repo, day(), r.IntN(20), []string{"low", "medium", "high", "critical"}[r.IntN(4)])
			if err != nil {
				return err
			}
			done += int64(k)
			for i := range 1 + r.IntN(10) {
				if i > 0 {
					k, _ = io.WriteString(w, ",")
					done += int64(k)
				}
				k, _ = fmt.Fprintf(w, `{"name":"%s %s","merges":%d,"last_contribution_date":"%s","email":"%s%d@example.org","contributions":%d,"classification":"unknown"}`,
					word(), word(), r.IntN(100), day(), word(), r.IntN(100), r.IntN(1000))
				done += int64(k)
			}
			k, err = fmt.Fprintf(w, `],"sbom_risk":"medium","recent_commit_size_in_percent_of_codebase":%.5f,"large_recent_commit_risk":"low","functional_contributors_risk":"low","functional_contributors":%d,"contributor_risk":"low","contributor_count":%d,"commit_currency_weeks":%d,"commit_currency_risk":"low"},"repo_size":"%dM","repo":"%s","project_types":{"%s":["%s.json"]},"git":{"hash":"%016x%016x","default_branch":"main"},"config":{"medium_large_commit_level":0.05,"medium_functional_contributors_level":5,"medium_currency_level":26}}}`+"\n",
				r.Float64(), r.IntN(30), r.IntN(200), r.IntN(300), r.IntN(500), repo, word(), word(), r.Uint64(), r.Uint64())
			if err != nil {
				return err
			}
			done += int64(k)
		}
		return nil
	})
}

// create writes a file below the directory of the bench.
func (b *bench) create(name string, write func(io.Writer) error) error {
	name = filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
