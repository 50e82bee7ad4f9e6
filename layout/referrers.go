package layout

import (
	"container/heap"
	"context"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Referrer is an artifact of an index that refers to others of it.
type Referrer struct {
	v1.Descriptor
	// On are those that it refers to, or to something that they reach, as far as
	// these were followed before it.
	On []digest.Digest
	// Tag is the tag by which it refers to one of these, as cosign has it, or "".
	Tag string
}

// Referrers are the artifacts of the index that refer to one in first, or to what
// that reaches, and those that refer to these: by their subject or, with tags, by
// a tag (see CosignSubject). Each comes once, after what it refers to. The graph
// is walked once.
func (c *Contents) Referrers(ctx context.Context, first []digest.Digest, tags bool) ([]Referrer, error) {
	parents := map[digest.Digest][]digest.Digest{}
	subjects := map[digest.Digest]digest.Digest{}
	err := c.Walk(ctx, WalkOptions{Repeats: true}, func(n *Node) error {
		if n.Parent != nil {
			parents[n.Digest] = append(parents[n.Digest], n.Parent.Digest)
		}
		if s := n.Subject(); s != nil {
			subjects[n.Digest] = s.Digest
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	starts, followed := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, d := range c.Index.Manifests {
		starts[d.Digest] = true
	}
	for _, d := range first {
		starts[d], followed[d] = true, true
	}
	// What waits for an artifact, by places in the index.
	waiting := map[digest.Digest][]int{}
	above := map[digest.Digest][]digest.Digest{}
	for i, d := range c.Index.Manifests {
		if followed[d.Digest] {
			continue
		}
		for _, of := range references(d, subjects[d.Digest], tags) {
			if _, ok := above[of.x]; !ok {
				above[of.x] = ancestors(of.x, parents, starts)
			}
			for _, a := range above[of.x] {
				waiting[a] = append(waiting[a], i)
			}
		}
	}
	ready := &places{}
	for d := range followed {
		for _, i := range waiting[d] {
			heap.Push(ready, i)
		}
	}
	var found []Referrer
	for ready.Len() > 0 {
		d := c.Index.Manifests[heap.Pop(ready).(int)]
		if followed[d.Digest] {
			continue
		}
		r := Referrer{Descriptor: d}
		for _, of := range references(d, subjects[d.Digest], tags) {
			for _, a := range above[of.x] {
				if followed[a] {
					r.On = append(r.On, a)
					if of.tag != "" {
						r.Tag = of.tag
					}
				}
			}
		}
		found = append(found, r)
		followed[d.Digest] = true
		for _, i := range waiting[d.Digest] {
			heap.Push(ready, i)
		}
	}
	return found, nil
}

// A reference is a digest that an artifact refers to, and the tag that says so.
type reference struct {
	x   digest.Digest
	tag string
}

func references(d v1.Descriptor, subject digest.Digest, tags bool) (list []reference) {
	if subject != "" {
		list = append(list, reference{x: subject})
	}
	for _, n := range Names(d) {
		if x, _ := CosignSubject(n); x != "" && tags {
			if t := tagOf(n); t != "" {
				n = t
			}
			list = append(list, reference{x, n})
		}
	}
	return list
}

// ancestors are the digests in starts that reach x, itself included.
func ancestors(x digest.Digest, parents map[digest.Digest][]digest.Digest, starts map[digest.Digest]bool) (found []digest.Digest) {
	seen := map[digest.Digest]bool{x: true}
	for queue := []digest.Digest{x}; len(queue) > 0; queue = queue[1:] {
		if starts[queue[0]] {
			found = append(found, queue[0])
		}
		for _, p := range parents[queue[0]] {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	return found
}

// places are places in an index, the first one on top.
type places []int

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(int)) }

func (p *places) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
