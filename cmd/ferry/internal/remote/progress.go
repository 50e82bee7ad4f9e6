package remote

import (
	"sync"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// NewProgress shows how far a client has come, once it knows what there is to
// carry. The caller ends it.
func NewProgress(e *ui.Env, stage string) *Progress { return &Progress{e: e, stage: stage} }

// A Progress shows how far a client has come.
type Progress struct {
	e     *ui.Env
	stage string

	mu    sync.Mutex
	p     *ui.Progress
	total int64
	ended bool
}

func (c *Progress) update(done, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if total != c.total { // the first time, and with every further artifact
		c.p.End()
		c.p, c.total = c.e.Progress(c.stage, total), total
	}
	if c.p != nil {
		c.p.Done.Store(done)
	}
}

func (c *Progress) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.End()
	c.ended = true
}
