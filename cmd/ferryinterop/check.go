package main

import (
	"fmt"
	"strings"
)

// A column is a direction.
type column int

const (
	readsDir column = iota
	readsTar
	readsTarGz
	readsDocker
	wroteDir
	wroteTar
	columns
)

func (c column) id() string {
	return [...]string{"reads-dir", "reads-tar", "reads-targz", "reads-docker", "wrote-dir", "wrote-tar"}[c]
}

// A check is one command of a neighbour, run for each kind.
type check struct {
	tool   string
	column column
	how    string   // the command, in short
	kinds  []string // those that it is for; nil is all
	run    func(*world, *kind) error

	// limits are the kinds, "*" for all, for which it does not end with yes.
	limits map[string]limit
	// remarks say what a yes does not: by kind.
	remarks map[string]string
}

// A limit is what a neighbour cannot do.
type limit struct {
	outcome outcome
	why     string // one line, for people
	says    string // words of the message, or of the difference, that show it
}

func cannot(why, says string) limit { return limit{no, why, says} }
func differs(why string) limit      { return limit{changed, why, " became "} }

type limits map[string]limit

func (c *check) covers(k *kind) bool {
	if c.column == readsDocker && k.dockered == "" {
		return false
	}
	if c.kinds == nil {
		return true
	}
	for _, n := range c.kinds {
		if n == k.name {
			return true
		}
	}
	return false
}

func (c *check) limit(kind string) (limit, bool) {
	l, ok := c.limits[kind]
	if !ok {
		l, ok = c.limits["*"]
	}
	return l, ok
}

// A result is how a check ended for one kind.
type result struct {
	*check
	kind    string
	outcome outcome
	message string
}

// problem says in what a result differs from the table, or "".
func (r *result) problem() string {
	if r.outcome == notRun {
		return ""
	}
	l, limited := r.limit(r.kind)
	switch {
	case !limited && r.outcome != yes:
		return fmt.Sprintf("want yes, found %s: %s", r.outcome, r.message)
	case limited && r.outcome != l.outcome:
		return fmt.Sprintf("want %s (%s), found %s: %s", l.outcome, l.why, r.outcome, r.message)
	case limited && !strings.Contains(r.message, l.says):
		return fmt.Sprintf("%s for another reason: want %q, found: %s", r.outcome, l.says, r.message)
	}
	return ""
}
