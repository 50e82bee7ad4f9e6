package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// sections are what is measured, in the order of the report.
var sections = []struct {
	name string
	run  func(*bench) error
}{
	{"large", (*bench).large},
	{"small", (*bench).many},
	{"tiny", (*bench).tiny},
	{"snapshot", (*bench).snapshot},
	{"progress", (*bench).progress},
	{"growth", (*bench).grow},
}

const base = "openssl sha256"

// ferry is a command of ferry, with what it makes.
func (b *bench) cmd(name string, made string, args ...string) command {
	c := command{name: name, args: append([]string{b.ferry}, args...)}
	if made != "" {
		c.made = []string{made}
	}
	return c
}

// peer is a command of a neighbour; line is one for sh.
func peer(name, need, in, line string, made ...string) command {
	return command{name: name, need: need, in: in, args: []string{line}, made: made}
}

func (b *bench) hash(file string) command {
	return command{name: base, need: "openssl", args: []string{"openssl", "sha256", file}}
}

// large is one blob that does not compress, in every form.
func (b *bench) large() error {
	if err := b.dense("A", b.size); err != nil {
		return err
	}
	b.warm = b.size + b.size/4
	a := filepath.Join(b.dir, "A")
	file := "A/cache.jsonl.gz"
	pack := func(name, out string, more ...string) command {
		return b.cmd(name, out, append([]string{"pack", "-q", "--kind", "files", "A", "-o", out}, more...)...)
	}
	b.section("One blob of %s that does not compress: packing", bytesWord(b.size))
	s, err := b.measure(b.rounds, []command{
		b.hash(file),
		pack("ferry pack, layout, no sync", "p", "--no-sync"),
		pack("ferry pack, layout", "p"),
		pack("ferry pack, .tar, no sync", "p.tar", "--no-sync"),
		pack("ferry pack, .tar", "p.tar"),
		pack("ferry pack, .tar.gz, no sync", "p.tar.gz", "--no-sync"),
		pack("ferry pack, .tar.gz", "p.tar.gz"),
		pack("ferry pack, .tar.zst, no sync", "p.tar.zst", "--no-sync"),
		peer("oras push, layout", "oras", a, "oras push --oci-layout ../o:t cache.jsonl.gz >&2", "o"),
		peer("oras push + tar", "oras", a, "oras push --oci-layout ../o:t cache.jsonl.gz >&2 && tar cf ../o.tar -C ../o .", "o", "o.tar"),
		peer("regctl artifact put, layout", "regctl", a, "regctl artifact put --artifact-type application/x --file cache.jsonl.gz ocidir://../r:t >&2", "r"),
		peer("dd with fsync, hashes nothing", "dd", "", "dd if="+file+" of=p.tar bs=1M conv=fsync status=none", "p.tar"),
		peer("crane append, docker archive", "crane", a, "crane append --oci-empty-base -f cache.jsonl.gz -t x:t -o ../c.tar >&2", "c.tar"),
	})
	if err != nil {
		return err
	}
	b.table(s, base)
	b.atMost(s, "pack to a layout", "ferry pack, layout, no sync", base, 1)
	b.fasterThan(s, "pack to a layout", "ferry pack, layout, no sync", "oras push, layout", 2.5)
	b.atMost(s, "pack to .tar", "ferry pack, .tar, no sync", base, 1)
	b.atMost(s, "pack to .tar, synced", "ferry pack, .tar", base, 1.4)
	b.fasterThan(s, "pack to .tar", "ferry pack, .tar, no sync", "oras push + tar", 6)
	b.atMost(s, "pack to .tar.gz", "ferry pack, .tar.gz, no sync", base, 1.1)
	if err := b.archivers(file); err != nil {
		return err
	}
	return b.read("A", file)
}

// archivers are the neighbours that archive a layout that is there already.
func (b *bench) archivers(file string) error {
	if err := b.must(b.ferry, "pack", "-q", "--no-sync", "--kind", "files", "A", "-o", "ready", "-t", "x.example/a/b:t"); err != nil {
		return err
	}
	b.section("The same, archiving a layout that is there already")
	s, err := b.measure(min(b.rounds, 3), []command{
		b.hash(file),
		b.cmd("ferry bundle, .tar, no sync", "p.tar", "bundle", "-q", "--no-sync", "ready", "-o", "p.tar"),
		b.cmd("ferry bundle, .tar.gz, no sync", "p.tar.gz", "bundle", "-q", "--no-sync", "ready", "-o", "p.tar.gz"),
		peer("tar cf, hashes nothing", "tar", "", "tar cf p.tar -C ready .", "p.tar"),
		peer("skopeo copy oci-archive:", "skopeo", "", "skopeo copy -q oci:ready:t oci-archive:p.tar:t", "p.tar"),
		peer("regctl image export", "regctl", "", "regctl image export ocidir://ready:t p.tar >&2", "p.tar"),
		peer("tar and zstd -T0", "zstd", "", "tar cf - -C ready . | zstd -q -T0 -o p.tar.zst", "p.tar.zst"),
		peer("tar and pigz -1", "pigz", "", "tar cf - -C ready . | pigz -1 > p.tar.gz", "p.tar.gz"),
		peer("tar and pigz -6", "pigz", "", "tar cf - -C ready . | pigz -6 > p.tar.gz", "p.tar.gz"),
	})
	if err != nil {
		return err
	}
	b.table(s, base)
	b.fasterThan(s, "bundle to .tar.gz", "ferry bundle, .tar.gz, no sync", "tar and pigz -6", 10)
	return os.RemoveAll(filepath.Join(b.dir, "ready"))
}

// read verifies and unpacks a directory in each form.
func (b *bench) read(dir, file string) error {
	forms := []string{".tar", ".tar.gz", ".tar.zst", ""}
	word := map[string]string{"": "layout"}
	for _, f := range forms {
		if f != "" {
			word[f] = f
		}
		if err := b.must(b.ferry, "pack", "-q", "--no-sync", "--kind", "files", dir, "-o", "k"+f); err != nil {
			return err
		}
	}
	verify, unpack := []command{b.hash(file)}, []command{b.hash(file)}
	for _, f := range forms {
		verify = append(verify, b.cmd("ferry verify, "+word[f], "", "verify", "-q", "k"+f))
		unpack = append(unpack, b.cmd("ferry unpack, "+word[f]+", no sync", "u", "unpack", "-q", "--no-sync", "k"+f, "-o", "u"))
	}
	unpack = append(unpack,
		b.cmd("ferry unpack, .tar", "u", "unpack", "-q", "k.tar", "-o", "u"),
		peer("tar xf, verifies nothing", "tar", "", "mkdir u && tar xf k.tar -C u", "u"),
		peer("oras pull, layout", "oras", "", "oras pull --oci-layout k:latest -o u >&2", "u"),
		peer("regctl artifact get, layout", "regctl", "", "regctl artifact get ocidir://k:latest -o u >&2", "u"))
	b.section("The same: verifying")
	s, err := b.measure(b.rounds, verify)
	if err != nil {
		return err
	}
	b.table(s, base)
	for _, f := range forms {
		if f != ".tar.zst" {
			b.atMost(s, "verify "+word[f], "ferry verify, "+word[f], base, 0.95)
		}
	}
	b.section("The same: unpacking")
	if s, err = b.measure(b.rounds, unpack); err != nil {
		return err
	}
	b.table(s, base)
	for _, f := range forms {
		if f != ".tar.zst" {
			b.atMost(s, "unpack and verify "+word[f], "ferry unpack, "+word[f]+", no sync", base, 1)
		}
	}
	b.fasterThan(s, "unpack and verify .tar", "ferry unpack, .tar, no sync", "tar xf, verifies nothing", 1)
	for _, f := range forms {
		if err := os.RemoveAll(filepath.Join(b.dir, "k"+f)); err != nil {
			return err
		}
	}
	return nil
}

// many is ten thousand small files.
func (b *bench) many() error {
	files := 10_000
	if b.quick {
		files = 2_000
	}
	if err := b.small("S", files); err != nil {
		return err
	}
	for _, out := range []string{"s.tar", "s"} {
		if err := b.must(b.ferry, "pack", "-q", "--no-sync", "--kind", "files", "S", "-o", out); err != nil {
			return err
		}
	}
	b.warm = 512 << 20
	keep := func(c command) command { c.many = true; return c }
	b.section("%d files of 4 to 40 KiB", files)
	s, err := b.measure(b.rounds, []command{
		peer("tar cf, hashes nothing", "tar", "", "tar cf p.tar S", "p.tar"),
		b.cmd("ferry pack, .tar, no sync", "p.tar", "pack", "-q", "--no-sync", "--kind", "files", "S", "-o", "p.tar"),
		b.cmd("ferry pack, .tar", "p.tar", "pack", "-q", "--kind", "files", "S", "-o", "p.tar"),
		keep(b.cmd("ferry pack, layout, no sync", "p", "pack", "-q", "--no-sync", "--kind", "files", "S", "-o", "p")),
		keep(peer("oras push + tar", "oras", filepath.Join(b.dir, "S"), "oras push --oci-layout ../o:t $(find . -type f) >&2 && tar cf ../o.tar -C ../o .", "o", "o.tar")),
		keep(peer("tar xf, verifies nothing", "tar", "", "mkdir u && tar xf s.tar -C u", "u")),
		b.cmd("ferry verify, .tar", "", "verify", "-q", "s.tar"),
		b.cmd("ferry verify, layout", "", "verify", "-q", "s"),
		keep(b.cmd("ferry unpack, .tar, no sync", "u", "unpack", "-q", "--no-sync", "s.tar", "-o", "u")),
		keep(b.cmd("ferry unpack, .tar", "u", "unpack", "-q", "s.tar", "-o", "u")),
	})
	if err != nil {
		return err
	}
	b.table(s, "tar cf, hashes nothing")
	b.atMost(s, "many small files: pack to .tar", "ferry pack, .tar, no sync", "tar cf, hashes nothing", 1.5)
	b.atMost(s, "many small files: verify .tar", "ferry verify, .tar", "tar xf, verifies nothing", 1.5)
	b.atMost(s, "many small files: unpack .tar", "ferry unpack, .tar, no sync", "tar xf, verifies nothing", 1.5)
	return nil
}

// idle is a program in Go that does nothing: what starting costs without us.
func (b *bench) idle(name string) error {
	file := filepath.Join(b.dir, name+".go")
	if err := os.WriteFile(file, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		return err
	}
	return b.must("go", "build", "-o", name, file)
}

// tiny is the snapshot of a few reports: what starting costs.
func (b *bench) tiny() error {
	const base = "a Go program that does nothing"
	if err := b.idle("idle"); err != nil {
		return err
	}
	if err := b.export("T", 16<<10); err != nil {
		return err
	}
	if err := b.must(b.ferry, "pack", "-q", "T", "-o", "t.tar"); err != nil {
		return err
	}
	b.warm = 0
	b.section("A tiny snapshot, with its payload checked")
	s, err := b.measure(3*b.rounds, []command{
		{name: base, args: []string{filepath.Join(b.dir, "idle"), ""}},
		b.cmd("ferry pack, .tar", "p.tar", "pack", "-q", "T", "-o", "p.tar"),
		b.cmd("ferry pack, layout", "p", "pack", "-q", "T", "-o", "p"),
		b.cmd("ferry verify, .tar", "", "verify", "-q", "t.tar"),
		b.cmd("ferry unpack, .tar", "u", "unpack", "-q", "t.tar", "-o", "u"),
		peer("oras push, layout", "oras", filepath.Join(b.dir, "T"), "oras push --oci-layout ../o:t manifest.json cache.jsonl.gz >&2", "o"),
	})
	if err != nil {
		return err
	}
	b.table(s, base)
	for _, name := range []string{"ferry pack, .tar", "ferry verify, .tar", "ferry unpack, .tar"} {
		m := median(s.wall(name))
		b.goal("tiny snapshot: "+name, "at most 30 ms", fmt.Sprintf("%.0f ms", m.Seconds()*1000), m <= 30*time.Millisecond)
	}
	return nil
}

// export makes a snapshot of about n bytes of reports.
func (b *bench) export(dir string, n int64) error {
	if err := b.reports(dir+".jsonl", n); err != nil {
		return err
	}
	return b.must(b.ferry, "export", "-q", "--no-sync", "--date", "2026-02-05", "--created", "2026-02-05T00:00:00Z", dir+".jsonl", "-o", dir)
}

// snapshot is the check of a payload, which reads many times its bytes.
func (b *bench) snapshot() error {
	raw := b.size / 2
	b.warm = 512 << 20
	if err := b.export("L", raw); err != nil {
		return err
	}
	if err := b.must(b.ferry, "pack", "-q", "--no-sync", "L", "-o", "l.tar"); err != nil {
		return err
	}
	b.section("A snapshot of %s of reports, with its payload checked", bytesWord(raw))
	s, err := b.measure(b.rounds, []command{
		{name: "openssl sha256 of the reports", need: "openssl", args: []string{"openssl", "sha256", "L.jsonl"}},
		b.cmd("ferry export, no sync", "p", "export", "-q", "--no-sync", "--date", "2026-02-05", "--created", "2026-02-05T00:00:00Z", "L.jsonl", "-o", "p"),
		b.cmd("ferry pack, .tar, no sync", "p.tar", "pack", "-q", "--no-sync", "L", "-o", "p.tar"),
		b.cmd("ferry verify, .tar", "", "verify", "-q", "l.tar"),
		b.cmd("ferry unpack, .tar, no sync", "u", "unpack", "-q", "--no-sync", "l.tar", "-o", "u"),
		peer("gzip -t of the payload", "tar", "", "gzip -t L/cache.jsonl.gz"),
		peer("pigz -6 of the reports", "pigz", "", "pigz -6 -c L.jsonl > p.gz", "p.gz"),
	})
	if err != nil {
		return err
	}
	b.table(s, "openssl sha256 of the reports")
	rate := float64(raw) / 1e9 / median(s.wall("ferry verify, .tar")).Seconds()
	b.goal("payload check", "1 GB/s of reports", fmt.Sprintf("%.2f GB/s", rate), rate >= 1)
	return nil
}

// progress is what showing the progress costs: on a terminal, which script
// makes, with the bar and without it.
func (b *bench) progress() error {
	if b.peers["script"] == "" {
		return nil
	}
	if err := b.dense("P", b.size); err != nil {
		return err
	}
	if err := b.must(b.ferry, "pack", "-q", "--no-sync", "--kind", "files", "P", "-o", "p.tar"); err != nil {
		return err
	}
	b.warm = 0 // nothing large is written
	b.section("A bar on a terminal: verifying %s", bytesWord(b.size))
	const with, without = "ferry verify, with a bar", "ferry verify, --no-progress"
	terminal := func(name, line string) command {
		return peer(name, "script", "", "script -qec '"+b.ferry+" "+line+"' /dev/null")
	}
	s, err := b.measure(2*b.rounds+1, []command{
		terminal(with, "verify p.tar"),
		terminal(without, "verify --no-progress p.tar"),
	})
	if err != nil {
		return err
	}
	b.table(s, without)
	b.atMost(s, "progress on a terminal", with, without, 1.02)
	for _, name := range []string{"P", "p.tar"} {
		if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// A point is one command on one size.
type point struct {
	name string
	size int64
	wall time.Duration
	rss  int64
}

// grow runs the main verbs on four sizes.
func (b *bench) grow() error {
	b.section("Growth")
	fmt.Fprintf(&b.out, "| size | command | time (s) | s per GiB | peak memory (MiB) |\n|---|---|---|---|---|\n")
	for _, n := range []int64{b.size / 2, b.size, 2 * b.size, 4 * b.size} {
		if err := b.dense("G", n); err != nil {
			return err
		}
		if err := b.must(b.ferry, "pack", "-q", "--no-sync", "--kind", "files", "G", "-o", "g.tar"); err != nil {
			return err
		}
		b.warm = n + n/4
		in := filepath.Join(b.dir, "G")
		s, err := b.measure(3, []command{
			b.hash("G/cache.jsonl.gz"),
			peer(copier, "cat", "", "cat G/cache.jsonl.gz > p.tar", "p.tar"),
			b.cmd("ferry pack", "p.tar", "pack", "-q", "--no-sync", "--kind", "files", "G", "-o", "p.tar"),
			b.cmd("ferry verify", "", "verify", "-q", "g.tar"),
			b.cmd("ferry unpack", "u", "unpack", "-q", "--no-sync", "g.tar", "-o", "u"),
			peer("oras push, layout", "oras", in, "oras push --oci-layout ../o:t cache.jsonl.gz >&2", "o"),
		})
		if err != nil {
			return err
		}
		for _, name := range []string{base, copier, "ferry pack", "ferry verify", "ferry unpack", "oras push, layout"} {
			if len(s[name]) == 0 {
				continue
			}
			p := point{name, n, median(s.wall(name)), s.peak(name)}
			b.growth = append(b.growth, p)
			fmt.Fprintf(&b.out, "| %s | %s | %.2f | %.2f | %s |\n", bytesWord(n), name, p.wall.Seconds(), p.wall.Seconds()/float64(n)*(1<<30), mib(p.rss))
			b.notePeak(name, p.rss)
		}
		for _, name := range []string{"G", "g.tar"} {
			if err := os.RemoveAll(filepath.Join(b.dir, name)); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(&b.out, "\n![time and memory against size](bench.svg)\n")
	b.linear("ferry pack", copier)
	b.linear("ferry verify", base)
	b.linear("ferry unpack", copier)
	return nil
}

// copier is the base of the growth of what writes: beyond a part of the memory
// a system makes every writer wait for its disk.
const copier = "cat, hashes nothing"

// linear compares the time per byte, in multiples of a base, on the largest and
// the smallest size.
func (b *bench) linear(name, base string) {
	times := map[string]map[int64]float64{}
	var sizes []int64
	for _, p := range b.growth {
		if times[p.name] == nil {
			times[p.name] = map[int64]float64{}
		}
		times[p.name][p.size] = p.wall.Seconds()
		if p.name == name {
			sizes = append(sizes, p.size)
		}
	}
	first, last := sizes[0], sizes[len(sizes)-1]
	if times[base] == nil {
		return
	}
	grows := func(name string) float64 {
		return times[name][last] / float64(last) / (times[name][first] / float64(first))
	}
	measured := fmt.Sprintf("%.2f of the first per byte, %s %.2f", grows(name), base, grows(base))
	b.goal("growth: "+name, fmt.Sprintf("linear from %s to %s", bytesWord(first), bytesWord(last)), measured, grows(name) <= 1.2*grows(base))
}

func machine() string {
	cpu := runtime.GOARCH
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(name), ":"))
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}
