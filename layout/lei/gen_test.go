package lei

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// reports makes n lines of JSONL in the shape of the original's reports, the
// same for the same seed. Nobody in them exists.
func reports(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	pick := func(words string) string {
		list := strings.Fields(words)
		return list[r.IntN(len(list))]
	}
	var b bytes.Buffer
	for i := range n {
		repo := fmt.Sprintf("https://github.com/%s%d/%s-%s-%d", pick("core helm auth plot"), r.IntN(900), pick("log chart event graph"), pick("node sync parse tool"), i)
		fmt.Fprintf(&b, `{"header":{"uuid":"%08x-b881-11f1-8d97-%012x","start_time":"2026-02-05T%02d:%02d:00.%06dZ","source_client":"lei cache export","repo":%q,"library_version":"","end_time":"2026-02-05T%[3]d:%02[4]d:59.000000Z","duration":%d},`,
			r.Uint32(), r.Uint64()>>16, 10+i/60%12, i%60, r.IntN(1e6), repo, r.IntN(60))
		fmt.Fprintf(&b, `"data":{"risk":%q,"results":{"top10_contributors":[`, pick("critical high medium low"))
		people := 1 + r.IntN(12)
		for k := range people {
			if k > 0 {
				b.WriteByte(',')
			}
			name := pick("Ada Ngoc Tomáš Ольга Yukihiro 雷 Zoë") + " " + pick("Lovelace García Larsen Müller O'Brien Tran")
			fmt.Fprintf(&b, `{"name":%q,"merges":%d,"last_contribution_date":"2024-0%d-07T05:00:00+00:00","email":"p%d@%s","contributions":%d,"classification":"unknown"}`,
				name, r.IntN(80), 1+r.IntN(9), r.IntN(99999), pick("example.com example.org corp.example.net"), r.IntN(2000))
		}
		fmt.Fprintf(&b, `],"functional_contributor_names":["Ada Lovelace <ada%d@example.com>"],"commit_currency_weeks":%d,"recent_commit_size_in_percent_of_codebase":0.%03d,"contributor_count":%d},`, r.IntN(99), r.IntN(300), r.IntN(1000), people)
		fmt.Fprintf(&b, `"repo_size":"%d","repo":%q,"project_types":{%q:["/tmp/lei-%d/package.json"]},"git":{"total_commits_on_default_branch":%d,"hash":"%016x%016x%08x"},`, r.IntN(99999), repo, pick("node go_mod mix cargo"), r.IntN(9999), r.IntN(9999), r.Uint64(), r.Uint64(), r.Uint32())
		b.WriteString(`"files":{"total_file_count":12,"has_readme":true,"binary_files":[]},"config":{"stripe_secret_key":null,"sbom_risk_level":"medium","session_secret_key_base":null,"jwt_secret":null,"high_large_commit_level":0.15,"acp_bearer_token":null,"base_temp_dir":"/tmp"}}}` + "\n")
	}
	return b.Bytes()
}

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sha(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// hashOf is the content_hash of JSONL by its definition.
func hashOf(raw []byte) string { return sha(bytes.ReplaceAll(raw, []byte("\n"), nil)) }
