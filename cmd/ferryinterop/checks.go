package main

import (
	"errors"
	"fmt"
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

func umociChecks() []*check {
	noImage := cannot("umoci unpacks container images only", "config blob is not correct mediatype")
	noIndex := cannot("umoci has no way to choose a platform in an index", "tag is ambiguous")
	return []*check{
		{tool: "umoci", column: readsDir, how: "umoci unpack --image DIR:TAG", limits: limits{"LEI": noImage, "files": noImage, "several": noImage, "index": noIndex}, run: func(w *world, k *kind) error {
			for _, r := range k.roots {
				if _, err := w.cmd("umoci", "unpack", "--rootless", "--image", k.dir+":"+r.tag, filepath.Join(w.dir(), "bundle")); err != nil {
					return err
				}
			}
			return nil
		}},
		{tool: "umoci", column: wroteDir, how: "umoci tag --image DIR:TAG NEW, in a copy of our directory", limits: limits{"index": noIndex, "several": noIndex}, run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out")
			if err := copyTree(k.dir, out); err != nil {
				return err
			}
			for _, r := range k.roots {
				if _, err := w.cmd("umoci", "tag", "--image", out+":"+r.tag, r.tag+"-new"); err != nil {
					return err
				}
				if err := indexed(out, r.digest); err != nil {
					return err
				}
			}
			return w.weRead(out, k, true)
		}},
		{tool: "umoci", column: wroteDir, how: "umoci config --image DIR:TAG, in a copy of our directory", kinds: []string{"image"},
			limits: limits{"image": cannot("umoci config gives the image that it makes of another the other's io.containerd.image.name; a name that stands for two images is refused", "duplicate name")},
			run: func(w *world, k *kind) error {
				out := filepath.Join(w.dir(), "out")
				if err := copyTree(k.dir, out); err != nil {
					return err
				}
				if _, err := w.cmd("umoci", "config", "--image", out+":"+k.roots[0].tag, "--tag", "changed", "--config.user", "nobody"); err != nil {
					return err
				}
				return w.weRead(out, k, true)
			}},
		{tool: "umoci", column: wroteDir, how: "umoci config --image DIR:TAG, in a directory by skopeo", kinds: []string{"image"}, run: func(w *world, k *kind) error {
			out := filepath.Join(w.dir(), "out")
			if _, err := w.cmd("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+w.ref(k.source(), k.roots[0].tag), "oci:"+out+":"+k.roots[0].tag); err != nil {
				return err
			}
			if _, err := w.cmd("umoci", "config", "--image", out+":"+k.roots[0].tag, "--tag", "changed", "--config.user", "nobody"); err != nil {
				return err
			}
			return w.weRead(out, k, true)
		}},
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

func podmanChecks() []*check {
	clean := func(w *world) error { _, err := w.cmd("podman", "rmi", "-af"); return err }
	stored := func(w *world, id string, r root) error {
		out, err := w.cmd("podman", "image", "inspect", "--format", "{{.Digest}} sha256:{{.Id}}", id)
		if err != nil {
			return err
		}
		digest, id, _ := strings.Cut(strings.TrimSpace(out), " ")
		if r.config != "" && id != r.config {
			return fmt.Errorf("%s: the image ID is %s, want %s", r.tag, id, r.config)
		}
		return same(r.tag, r.digest, digest)
	}
	pull := func(transport string, form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			for _, r := range k.roots {
				if err := clean(w); err != nil {
					return err
				}
				id, err := w.cmd("podman", "pull", "-q", transport+form(k)+":"+r.tag)
				if err != nil {
					return err
				}
				if err := stored(w, strings.TrimSpace(id), r); err != nil {
					return err
				}
			}
			return referrersStay(k)
		}
	}
	load := func(form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			if err := clean(w); err != nil {
				return err
			}
			if _, err := w.cmd("podman", "load", "-q", "-i", form(k)); err != nil {
				return err
			}
			for _, r := range k.roots {
				if err := stored(w, strings.TrimPrefix(r.config, "sha256:"), r); err != nil {
					return err
				}
			}
			return referrersStay(k)
		}
	}
	save := func(format, name string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			if err := clean(w); err != nil {
				return err
			}
			for _, r := range k.roots {
				if _, err := w.cmd("podman", "pull", "-q", "--tls-verify=false", w.ref(k.source(), r.tag)); err != nil {
					return err
				}
				out := filepath.Join(w.dir(), name)
				if _, err := w.cmd("podman", "save", "-q", "--format", format, "-o", out, w.ref(k.source(), r.tag)); err != nil {
					return err
				}
				if format == "docker-archive" {
					if err := w.weReadDocker(out, r); err != nil {
						return err
					}
					continue
				}
				if err := w.weRead(out, k.alone(r), true); err != nil {
					return err
				}
			}
			return nil
		}
	}
	noImage := cannot("podman stores container images only", "unsupported image-specific operation on artifact")
	behind := cannot("podman keeps no referrers; the image is the same", "the referrer stayed behind")
	some := limits{"LEI": noImage, "files": noImage, "several": noImage, "referrer": behind}
	anew := limits{"*": differs("podman keeps layers unpacked and one platform of an index, and compresses anew when it saves; the content is the same")}
	images := []string{"image", "index", "referrer"}
	return []*check{
		{tool: "podman", column: readsDir, how: "podman pull oci:DIR:TAG", run: pull("oci:", ourDir), limits: some},
		{tool: "podman", column: readsTar, how: "podman pull oci-archive:FILE.tar:TAG", run: pull("oci-archive:", ourTar), limits: some},
		{tool: "podman", column: readsTar, how: "podman load -i FILE.tar", kinds: []string{"image"}, run: load(ourTar)},
		{tool: "podman", column: readsTarGz, how: "podman pull oci-archive:FILE.tar.gz:TAG", run: pull("oci-archive:", ourTarGz), limits: some},
		{tool: "podman", column: readsTarGz, how: "podman load -i FILE.tar.gz", kinds: []string{"image"}, run: load(ourTarGz)},
		{tool: "podman", column: readsDocker, how: "podman load -i FILE.tar", kinds: []string{"image"}, run: load(ourDocker)},
		{tool: "podman", column: wroteDir, how: "podman save --format oci-dir", kinds: images, run: save("oci-dir", "out"), limits: anew},
		{tool: "podman", column: wroteTar, how: "podman save --format oci-archive", kinds: images, run: save("oci-archive", "out.tar"), limits: anew},
		{tool: "podman", column: wroteTar, how: "podman save --format docker-archive", kinds: []string{"image"}, run: save("docker-archive", "out.tar")},
	}
}

// referrersStay is for stores of images, which hold no referrers.
func referrersStay(k *kind) error {
	if len(k.referrers) > 0 {
		return errors.New("the referrer stayed behind")
	}
	return nil
}

func containerdChecks() []*check {
	load := func(form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			ns := filepath.Base(w.dir())
			if _, err := w.cmd("containerd", "-n", ns, "images", "import", "--all-platforms", "--no-unpack", form(k)); err != nil {
				return err
			}
			out, err := w.cmd("containerd", "-n", ns, "images", "ls")
			if err != nil {
				return err
			}
			for _, r := range k.roots {
				digest := ""
				for line := range strings.Lines(out) {
					if f := strings.Fields(line); len(f) > 2 && f[0] == r.full {
						digest = f[2]
					}
				}
				if digest == "" {
					return fmt.Errorf("%s is not among the images: %s", r.full, last(out))
				}
				if err := same(r.tag, r.digest, digest); err != nil {
					return err
				}
			}
			// Deleting a lease is what makes it collect what nothing holds.
			if _, err := w.cmd("containerd", "-n", ns, "leases", "create", "--id", "check"); err != nil {
				return err
			}
			if _, err := w.cmd("containerd", "-n", ns, "leases", "delete", "--sync", "check"); err != nil {
				return err
			}
			out, err = w.cmd("containerd", "-n", ns, "content", "ls", "-q")
			for _, d := range k.referrers {
				if err == nil && !strings.Contains(out, d) {
					err = errors.New("the referrer stayed behind")
				}
			}
			return err
		}
	}
	behind := cannot("containerd keeps what has a name, and collects a referrer, which has none; what it keeps is unchanged", "the referrer stayed behind")
	empty := cannot("containerd fetches no blob of zero bytes, which an empty file is", "content size of zero")
	kept := limits{"referrer": behind, "several": behind}
	return []*check{
		{tool: "containerd", column: readsTar, how: "ctr images import FILE.tar", run: load(ourTar), limits: kept},
		{tool: "containerd", column: readsTarGz, how: "ctr images import FILE.tar.gz", run: load(ourTarGz), limits: limits{"*": cannot("this ctr reads a plain tar only: gzip -dc FILE.tar.gz | ctr images import -", "invalid tar header")}},
		{tool: "containerd", column: readsDocker, how: "ctr images import FILE.tar", run: load(ourDocker), limits: kept},
		{tool: "containerd", column: wroteTar, how: "ctr images export --all-platforms FILE.tar", limits: limits{"referrer": behind, "files": empty, "several": empty}, run: func(w *world, k *kind) error {
			ns := filepath.Base(w.dir())
			out := filepath.Join(w.dir(), "out.tar")
			args := []string{"-n", ns, "images", "export", "--all-platforms", out}
			for _, r := range k.roots {
				ref := w.ref(k.source(), r.tag)
				if _, err := w.cmd("containerd", "-n", ns, "content", "fetch", "--plain-http", "--all-platforms", ref); err != nil {
					return err
				}
				args = append(args, ref)
			}
			if _, err := w.cmd("containerd", args...); err != nil {
				return err
			}
			return w.weRead(out, k, true)
		}},
	}
}

func dockerChecks() []*check {
	load := func(form func(*kind) string) func(*world, *kind) error {
		return func(w *world, k *kind) error {
			for _, kk := range w.kinds { // what earlier checks left
				for _, r := range kk.roots {
					if _, err := w.cmd("docker", "image", "rm", "-f", r.full); err != nil && !strings.Contains(err.Error(), "No such image") {
						return err
					}
				}
			}
			if _, err := w.cmd("docker", "load", "-q", "-i", form(k)); err != nil {
				return err
			}
			for _, r := range k.roots {
				if k.name == "several" && !r.image() {
					continue
				}
				id, err := w.cmd("docker", "image", "inspect", "--format", "{{.Id}}", r.full)
				if err != nil {
					return err
				}
				if err := same(r.tag, r.config, strings.TrimSpace(id)); err != nil {
					return err
				}
			}
			if k.name == "several" {
				return nil
			}
			return referrersStay(k)
		}
	}
	own := limits{"*": cannot("docker before 25 loads its own form only: ferry bundle --docker", "blobs/json: no such file")}
	behind := cannot("docker keeps no referrers; the image is the same", "the referrer stayed behind")
	noImage := cannot("docker stores container images only", "unsupported media type")
	only := "docker's form holds the images of it, and those arrive"
	return []*check{
		{tool: "docker", column: readsTar, how: "docker load -i FILE.tar", run: load(ourTar), limits: own},
		{tool: "docker", column: readsTarGz, how: "docker load -i FILE.tar.gz", run: load(ourTarGz), limits: own},
		{tool: "docker", column: readsDocker, how: "docker load -i FILE.tar", run: load(ourDocker), limits: limits{"referrer": behind}, remarks: map[string]string{"several": only}},
		{tool: "docker", column: wroteTar, how: "docker save -o FILE.tar", limits: limits{"LEI": noImage, "files": noImage, "several": noImage, "referrer": behind}, run: func(w *world, k *kind) error {
			for _, r := range k.roots {
				ref := w.ref(k.source(), r.tag)
				if _, err := w.cmd("docker", "pull", "-q", ref); err != nil {
					return err
				}
				out := filepath.Join(w.dir(), "out.tar")
				if _, err := w.cmd("docker", "save", "-o", out, ref); err != nil {
					return err
				}
				if err := w.weReadDocker(out, r); err != nil {
					return err
				}
			}
			return referrersStay(k)
		}},
	}
}
