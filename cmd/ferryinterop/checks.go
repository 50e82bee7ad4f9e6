package main

import (
	"path/filepath"
	"strings"
)

// checks are all checks: what is run, and what is known not to work, with the
// neighbour's own words for it. A new neighbour is a row in tools.go and its
// checks here.
func checks() []*check {
	var all []*check
	for _, list := range [][]*check{orasChecks(), skopeoChecks(), craneChecks(), regctlChecks(), umociChecks(), registryChecks(), podmanChecks(), containerdChecks(), dockerChecks()} {
		all = append(all, list...)
	}
	return all
}

// each runs a copy of every root into a fresh repository, and looks there.
func each(form func(*kind) string, referrers bool, run func(w *world, from, to string, r root) error) func(*world, *kind) error {
	return func(w *world, k *kind) error {
		for _, r := range k.roots {
			repo := w.target(r)
			if err := run(w, form(k)+":"+r.tag, w.ref(repo, r.tag), r); err != nil {
				return err
			}
			if err := w.arrived(repo, r); err != nil {
				return err
			}
			if referrers && r.tag == signedTag {
				if err := w.followed(repo, k); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// images runs a check with those roots only that are images, which is what
// docker's form holds.
func images(run func(*world, *kind) error) func(*world, *kind) error {
	return func(w *world, k *kind) error {
		some := *k
		some.roots, some.referrers = nil, nil
		for _, r := range k.roots {
			if r.image() {
				some.roots = append(some.roots, r)
			}
		}
		return run(w, &some)
	}
}

func ourDir(k *kind) string    { return k.dir }
func ourTar(k *kind) string    { return k.tar }
func ourTarGz(k *kind) string  { return k.targz }
func ourDocker(k *kind) string { return k.dockered }

func orasChecks() []*check {
	cp := func(w *world, from, to string, _ root) error {
		_, err := w.cmd("oras", "cp", "-r", "--no-tty", "--from-oci-layout", from, "--to-plain-http", to)
		return err
	}
	restore := func(form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			repo, tags := w.target(k.roots[0]), []string{}
			for _, r := range k.roots {
				tags = append(tags, r.tag)
			}
			if _, err := w.cmd("oras", "restore", "--no-tty", "--plain-http", "--input", form(k), w.ref(repo, strings.Join(tags, ","))); err != nil {
				return err
			}
			for _, r := range k.roots {
				if err := w.arrived(repo, r); err != nil {
					return err
				}
			}
			return w.followed(repo, k)
		}
	}
	backup := func(name string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			out, tags := filepath.Join(w.dir(), name), []string{}
			for _, r := range k.roots {
				tags = append(tags, r.tag)
			}
			if _, err := w.cmd("oras", "backup", "--no-tty", "--plain-http", "--include-referrers", "--output", out, w.ref(k.source(), strings.Join(tags, ","))); err != nil {
				return err
			}
			return w.weRead(out, k, true)
		}
	}
	noGzip := limits{"*": cannot("oras reads a layout from a directory or a plain .tar only: ferry bundle makes one of the other", "invalid tar header")}
	return []*check{
		{tool: "oras", column: readsDir, how: "oras cp -r --from-oci-layout DIR:TAG", run: each(ourDir, true, cp)},
		{tool: "oras", column: readsDir, how: "oras restore --input DIR", run: restore(ourDir)},
		{tool: "oras", column: readsDir, how: "oras pull --oci-layout DIR:TAG", kinds: []string{"LEI", "files"}, run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "pulled")
			if _, err := w.cmd("oras", "pull", "--no-tty", "--oci-layout", k.dir+":"+k.roots[0].tag, "-o", out); err != nil {
				return err
			}
			return sameTree(k.roots[0].source, out)
		}},
		{tool: "oras", column: readsTar, how: "oras cp -r --from-oci-layout FILE.tar:TAG", run: each(ourTar, true, cp)},
		{tool: "oras", column: readsTar, how: "oras restore --input FILE.tar", run: restore(ourTar)},
		{tool: "oras", column: readsTarGz, how: "oras cp --from-oci-layout FILE.tar.gz:TAG", run: each(ourTarGz, true, cp), limits: noGzip},
		{tool: "oras", column: readsDocker, how: "oras cp -r --from-oci-layout FILE.tar:TAG", run: each(ourDocker, true, cp)},
		{tool: "oras", column: wroteDir, how: "oras cp -r --to-oci-layout", run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out")
			for _, r := range k.roots {
				if _, err := w.cmd("oras", "cp", "-r", "--no-tty", "--from-plain-http", w.ref(k.source(), r.tag), "--to-oci-layout", out+":"+r.tag); err != nil {
					return err
				}
			}
			return w.weRead(out, k, true)
		}},
		{tool: "oras", column: wroteDir, how: "oras backup --include-referrers -o DIR", run: backup("out")},
		{tool: "oras", column: wroteTar, how: "oras backup --include-referrers -o FILE.tar", run: backup("out.tar")},
	}
}

func skopeoChecks() []*check {
	copyTo := func(transport string, tagged bool) func(w *world, from, to string, r root) error {
		return func(w *world, from, to string, r root) error {
			if !tagged {
				from = strings.TrimSuffix(from, ":"+r.tag) + ":" + r.full
			}
			_, err := w.cmd("skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false", transport+from, "docker://"+to)
			return err
		}
	}
	fetch := func(w *world, k *kind, r root, to string) error {
		_, err := w.cmd("skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "docker://"+w.ref(k.source(), r.tag), to)
		return err
	}
	behind := cannot("skopeo copies no referrers; what it copies arrives unchanged", "the referrer stayed behind")
	alone := limits{"referrer": behind, "several": behind}
	form := differs("docker's form holds no manifest, so that its reader makes one; the config, docker's image ID, is the same")
	return []*check{
		{tool: "skopeo", column: readsDir, how: "skopeo copy --all oci:DIR:TAG", run: each(ourDir, true, copyTo("oci:", true)), limits: alone},
		{tool: "skopeo", column: readsTar, how: "skopeo copy --all oci-archive:FILE.tar:TAG", run: each(ourTar, true, copyTo("oci-archive:", true)), limits: alone},
		{tool: "skopeo", column: readsTarGz, how: "skopeo copy --all oci-archive:FILE.tar.gz:TAG", run: each(ourTarGz, true, copyTo("oci-archive:", true)), limits: alone},
		{tool: "skopeo", column: readsDocker, how: "skopeo copy docker-archive:FILE.tar:NAME", run: images(each(ourDocker, false, copyTo("docker-archive:", false))), limits: limits{"*": form}},
		{tool: "skopeo", column: wroteDir, how: "skopeo copy --all to oci:DIR:TAG", limits: alone, run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out")
			for _, r := range k.roots {
				if err := fetch(w, k, r, "oci:"+out+":"+r.tag); err != nil {
					return err
				}
			}
			return w.weRead(out, k, true)
		}},
		{tool: "skopeo", column: wroteTar, how: "skopeo copy --all to oci-archive:FILE.tar:TAG, each its own", limits: alone, run: func(w *world, k *kind) error {
			for _, r := range k.roots {
				out := filepath.Join(w.dir(), "out.tar")
				if err := fetch(w, k, r, "oci-archive:"+out+":"+r.tag); err != nil {
					return err
				}
				if err := w.weRead(out, k.alone(r), true); err != nil {
					return err
				}
			}
			return nil
		}},
		{tool: "skopeo", column: wroteTar, how: "skopeo copy to docker-archive:FILE.tar", kinds: []string{"image"}, run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out.tar")
			if err := fetch(w, k, k.roots[0], "docker-archive:"+out+":"+k.roots[0].full); err != nil {
				return err
			}
			return w.weReadDocker(out, k.roots[0])
		}},
	}
}

func craneChecks() []*check {
	push := func(form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			r := k.roots[0]
			repo := w.target(r)
			if len(k.roots)+len(k.referrers) == 1 {
				if _, err := w.cmd("crane", "--insecure", "push", form(k), w.ref(repo, r.tag)); err != nil {
					return err
				}
				return w.arrived(repo, r)
			}
			// All of index.json, as one index in the registry.
			if _, err := w.cmd("crane", "--insecure", "push", "--index", form(k), w.ref(repo, "all")); err != nil {
				return err
			}
			got, _, err := w.manifest(repo, "all")
			if err == nil {
				err = same("index.json", k.identity, got)
			}
			for _, r := range k.roots {
				if err == nil {
					_, _, err = w.manifest(repo, r.digest)
				}
			}
			if err != nil {
				return err
			}
			return w.followed(repo, k)
		}
	}
	pull := func(format, name string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), name)
			args := []string{"--insecure", "pull", "--format", format}
			if format == "oci" {
				args = append(args, "--annotate-ref")
			}
			for _, r := range k.roots {
				args = append(args, w.ref(k.source(), r.tag))
			}
			if _, err := w.cmd("crane", append(args, out)...); err != nil {
				return err
			}
			if format == "oci" {
				return w.weRead(out, k, true)
			}
			return w.weReadDocker(out, k.roots[0])
		}
	}
	noTar := cannot("crane reads a directory, or a tar in docker's form: ferry bundle --docker", "file manifest.json not found in tar")
	noGzip := cannot("crane reads no compressed tar", "invalid tar header")
	behind := cannot("crane pulls no referrers; what it pulls is unchanged", "the referrer stayed behind")
	form := differs("docker's form holds no manifest, so that its reader makes one; the config, docker's image ID, is the same")
	return []*check{
		{tool: "crane", column: readsDir, how: "crane push DIR (--index for several)", run: push(ourDir)},
		{tool: "crane", column: readsTar, how: "crane push FILE.tar", run: push(ourTar), limits: limits{"*": noTar}},
		{tool: "crane", column: readsTarGz, how: "crane push FILE.tar.gz", run: push(ourTarGz), limits: limits{"*": noGzip}},
		{tool: "crane", column: readsDocker, how: "crane push FILE.tar", run: images(push(ourDocker)), limits: limits{"*": form, "several": cannot("crane push takes a tar of one image only; crane push --index DIR takes all", "must contain only a single image")}},
		{tool: "crane", column: readsDocker, how: "crane validate --tarball FILE.tar", kinds: []string{"image"}, run: func(w *world, k *kind) error {
			_, err := w.cmd("crane", "validate", "--tarball", k.dockered)
			return err
		}},
		{tool: "crane", column: wroteDir, how: "crane pull --format oci", run: pull("oci", "out"), limits: limits{"referrer": behind, "several": behind}},
		{tool: "crane", column: wroteTar, how: "crane pull --format tarball", kinds: []string{"image"}, run: pull("tarball", "out.tar")},
		{tool: "crane", column: wroteTar, how: "crane pull --format legacy", kinds: []string{"image"}, run: pull("legacy", "out.tar")},
	}
}

func regctlChecks() []*check {
	host := func(w *world) []string { return []string{"--host", "reg=" + w.registry + ",tls=disabled"} }
	copyDir := func(w *world, from, to string, _ root) error {
		_, err := w.cmd("regctl", append(host(w), "image", "copy", "--referrers", "ocidir://"+from, to)...)
		return err
	}
	load := func(w *world, from, to string, r root) error {
		_, err := w.cmd("regctl", append(host(w), "image", "import", "--name", r.tag, to, strings.TrimSuffix(from, ":"+r.tag))...)
		return err
	}
	export := func(name string, more ...string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			for _, r := range k.roots {
				out := filepath.Join(w.dir(), name)
				args := append(append(host(w), "image", "export"), more...)
				if _, err := w.cmd("regctl", append(args, w.ref(k.source(), r.tag), out)...); err != nil {
					return err
				}
				if err := w.weRead(out, k.alone(r), true); err != nil {
					return err
				}
			}
			return nil
		}
	}
	inDir := cannot("regctl finds the referrers in a directory by the tag sha256-HEX only, which regctl itself writes; what it copies arrives unchanged", "the referrer stayed behind")
	inTar := cannot("regctl image import and export carry no referrers; what they carry is unchanged", "the referrer stayed behind")
	dir, tar := limits{"referrer": inDir, "several": inDir}, limits{"referrer": inTar, "several": inTar}
	return []*check{
		{tool: "regctl", column: readsDir, how: "regctl image copy --referrers ocidir://DIR:TAG", run: each(ourDir, true, copyDir), limits: dir},
		{tool: "regctl", column: readsTar, how: "regctl image import --name TAG FILE.tar", run: each(ourTar, true, load), limits: tar},
		{tool: "regctl", column: readsTarGz, how: "regctl image import --name TAG FILE.tar.gz", run: each(ourTarGz, true, load), limits: tar},
		{tool: "regctl", column: readsDocker, how: "regctl image import --name TAG FILE.tar", run: each(ourDocker, true, load), limits: tar},
		{tool: "regctl", column: wroteDir, how: "regctl image copy --referrers to ocidir://DIR:TAG", run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out")
			for _, r := range k.roots {
				if _, err := w.cmd("regctl", append(host(w), "image", "copy", "--referrers", w.ref(k.source(), r.tag), "ocidir://"+out+":"+r.tag)...); err != nil {
					return err
				}
			}
			return w.weRead(out, k, true)
		}},
		{tool: "regctl", column: wroteTar, how: "regctl image export FILE.tar", run: export("out.tar"), limits: tar},
		{tool: "regctl", column: wroteTar, how: "regctl image export --compress FILE.tar.gz", run: export("out.tar.gz", "--compress"), limits: tar},
	}
}

// registryChecks are ferry's own push and pull, with a registry that knows no
// referrers API.
func registryChecks() []*check {
	push := func(form func(*kind) string) func(*world, *kind) error {
		return each(form, true, func(w *world, from, to string, _ root) error {
			_, err := w.cmd("ferry", "push", "--plain-http", "--include-referrers", from, "oci://"+to)
			return err
		})
	}
	pull := func(name string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), name)
			args := []string{"pull", "--plain-http", "--include-referrers", "-o", out}
			for _, r := range k.roots {
				args = append(args, "oci://"+w.ref(k.source(), r.tag))
			}
			if _, err := w.cmd("ferry", args...); err != nil {
				return err
			}
			return w.weRead(out, k, true)
		}
	}
	return []*check{
		{tool: "docker-registry", column: readsDir, how: "ferry push --include-referrers DIR:TAG", run: push(ourDir)},
		{tool: "docker-registry", column: readsTar, how: "ferry push --include-referrers FILE.tar:TAG", run: push(ourTar)},
		{tool: "docker-registry", column: readsTarGz, how: "ferry push --include-referrers FILE.tar.gz:TAG", run: push(ourTarGz)},
		{tool: "docker-registry", column: readsDocker, how: "ferry push --include-referrers FILE.tar:TAG", run: push(ourDocker)},
		{tool: "docker-registry", column: wroteDir, how: "ferry pull --include-referrers -o DIR", run: pull("out")},
		{tool: "docker-registry", column: wroteTar, how: "ferry pull --include-referrers -o FILE.tar.gz", run: pull("out.tar.gz")},
	}
}
