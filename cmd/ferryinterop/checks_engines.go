package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// What runs containers, or stores images to run them.

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
