package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// The registry is filled and asked with plain HTTP, by no tool that is tested.

// source is the repository that holds a kind, for the neighbours to read.
func (k *kind) source() string { return "source/" + strings.ToLower(k.name) }

// target is a fresh repository.
func (w *world) target(r root) string {
	w.scratch++
	return fmt.Sprintf("target/%d-%s", w.scratch, r.what)
}

func (w *world) ref(repo, tag string) string { return w.registry + "/" + repo + ":" + tag }

const accept = v1.MediaTypeImageManifest + "," + v1.MediaTypeImageIndex + ",application/vnd.docker.distribution.manifest.v2+json,application/vnd.docker.distribution.manifest.list.v2+json"

// manifest is the digest and the bytes of a manifest in the registry.
func (w *world) manifest(repo, ref string) (string, []byte, error) {
	req, err := http.NewRequest("GET", "http://"+w.registry+"/v2/"+repo+"/manifests/"+ref, nil)
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s:%s: the registry does not have it: %s", repo, ref, resp.Status)
	}
	return sha(data), data, err
}

// arrived checks that a root is in a repository, under its digest.
func (w *world) arrived(repo string, r root) error {
	got, data, err := w.manifest(repo, r.tag)
	if err != nil {
		return err
	}
	if got == r.digest {
		return nil
	}
	var m v1.Manifest
	if json.Unmarshal(data, &m) == nil && r.config != "" && string(m.Config.Digest) != r.config {
		return fmt.Errorf("%s arrived as %s, and with the config %s instead of %s", r.tag, got, m.Config.Digest, r.config)
	}
	return same(r.tag, r.digest, got)
}

// followed checks that the referrers are in a repository too.
func (w *world) followed(repo string, k *kind) error {
	for _, d := range k.referrers {
		if _, _, err := w.manifest(repo, d); err != nil {
			return fmt.Errorf("the referrer stayed behind: %w", err)
		}
	}
	return nil
}

// upload puts a kind into the registry: its roots by tag, its referrers by
// digest and under the tag that the distribution specification gives them
// where a registry has no referrers API.
func (w *world) upload(k *kind) error {
	list := map[string]*v1.Index{}
	put := map[string]bool{}
	var index v1.Index
	if err := readJSON(filepath.Join(k.fixture, "index.json"), &index); err != nil {
		return err
	}
	for _, d := range index.Manifests {
		raw, err := w.uploadTree(k, d, put)
		if err != nil {
			return err
		}
		if tag := d.Annotations[v1.AnnotationRefName]; tag != "" {
			if err := w.putManifest(k.source(), tag, d.MediaType, raw); err != nil {
				return err
			}
		}
		var m v1.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		if m.Subject != nil {
			tag := strings.Replace(string(m.Subject.Digest), ":", "-", 1)
			if list[tag] == nil {
				list[tag] = &v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
			}
			d.ArtifactType, d.Annotations = m.ArtifactType, m.Annotations
			list[tag].Manifests = append(list[tag].Manifests, d)
		}
	}
	for tag, i := range list {
		raw, err := json.Marshal(i)
		if err != nil {
			return err
		}
		if err := w.putManifest(k.source(), tag, i.MediaType, raw); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) uploadTree(k *kind, d v1.Descriptor, put map[string]bool) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(k.fixture, "blobs", "sha256", d.Digest.Encoded()))
	if err != nil || put[string(d.Digest)] {
		return raw, err
	}
	put[string(d.Digest)] = true
	var doc struct {
		Manifests []v1.Descriptor
		Config    *v1.Descriptor
		Layers    []v1.Descriptor
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	for _, m := range doc.Manifests {
		if _, err := w.uploadTree(k, m, put); err != nil {
			return nil, err
		}
	}
	if doc.Config != nil {
		for _, b := range append(doc.Layers, *doc.Config) {
			if err := w.putBlob(k, b.Digest); err != nil {
				return nil, err
			}
		}
	}
	return raw, w.putManifest(k.source(), string(d.Digest), d.MediaType, raw)
}

func (w *world) putBlob(k *kind, d digest.Digest) error {
	data, err := os.ReadFile(filepath.Join(k.fixture, "blobs", "sha256", d.Encoded()))
	if err != nil {
		return err
	}
	resp, err := http.Post("http://"+w.registry+"/v2/"+k.source()+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return err
	}
	q := to.Query()
	q.Set("digest", string(d))
	to.RawQuery = q.Encode()
	return w.put(to.String(), "application/octet-stream", data)
}

func (w *world) putManifest(repo, ref, mediaType string, raw []byte) error {
	return w.put("http://"+w.registry+"/v2/"+repo+"/manifests/"+ref, mediaType, raw)
}

func (w *world) put(to, mediaType string, data []byte) error {
	req, err := http.NewRequest("PUT", to, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("PUT %s: %s: %s", to, resp.Status, said)
	}
	return nil
}

func readJSON(name string, v any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
