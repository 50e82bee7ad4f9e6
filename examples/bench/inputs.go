package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// makers make what no tool makes, as commands of their own.
var makers = map[string]func([]string) error{"reports": reports, "touch": touch}

// reports prints so many bytes of reports such as LowEndInsight makes, a line
// each. No line is of a real project or person.
func reports(args []string) error {
	r := rand.New(rand.NewPCG(3, 4))
	words := strings.Fields("log node auth http parse cache graph queue store proto yaml shell crypt image fetch mesh")
	word := func() string { return words[r.IntN(len(words))] }
	day := func() string {
		return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d.%06dZ", 16+r.IntN(10), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
	}
	w := bufio.NewWriter(os.Stdout)
	left, err := strconv.Atoi(args[0])
	for left > 0 && err == nil {
		repo := fmt.Sprintf("https://example.com/%s%d/%s-%s", word(), r.IntN(1000), word(), word())
		var people []string
		for range 1 + r.IntN(10) {
			people = append(people, fmt.Sprintf(`{"name":"%s %s","merges":%d,"last_contribution_date":"%s","email":"%s%d@example.org","contributions":%d,"classification":"unknown"}`,
				word(), word(), r.IntN(100), day(), word(), r.IntN(100), r.IntN(1000)))
		}
		var n int
		n, err = fmt.Fprintf(w, `{"header":{"uuid":"%08x-%04x-11f1-8d97-%012x","start_time":"%s","source_client":"lei cache export","repo":"%s","library_version":"","end_time":"%s","duration":%d},"data":{"risk":"%s","results":{"top10_contributors":[%s],`+
			`"sbom_risk":"medium","recent_commit_size_in_percent_of_codebase":%.5f,"large_recent_commit_risk":"low","functional_contributors_risk":"low","functional_contributors":%d,"contributor_risk":"low","contributor_count":%d,"commit_currency_weeks":%d,"commit_currency_risk":"low"},`+
			`"repo_size":"%dM","repo":"%[5]s","project_types":{"%[15]s":["%[16]s.json"]},"git":{"hash":"%016[17]x%016[18]x","default_branch":"main"},"config":{"medium_large_commit_level":0.05,"medium_functional_contributors_level":5,"medium_currency_level":26}}}`+"\n",
			r.Uint32(), r.Uint32()&0xffff, r.Uint64()&0xffffffffffff, day(), repo, day(), r.IntN(20), []string{"low", "medium", "high", "critical"}[r.IntN(4)], strings.Join(people, ","),
			r.Float64(), r.IntN(30), r.IntN(200), r.IntN(300), r.IntN(500), word(), word(), r.Uint64(), r.Uint64())
		left -= n
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// touch writes to every page of so many bytes, in huge pages where there are
// any: in small ones it takes longer than what is measured with it.
func touch(args []string) error {
	n, err := strconv.Atoi(args[0])
	m := make([]byte, n)
	_ = syscall.Madvise(m, 14) // MADV_HUGEPAGE of Linux, a wish
	for i := 0; i < len(m); i += 4096 {
		m[i] = 1
	}
	return err
}
