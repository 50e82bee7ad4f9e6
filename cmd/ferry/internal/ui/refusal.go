package ui

import (
	"fmt"

	"github.com/ociferry/ferry/layout/policy"
)

// A Refusal is everything that the rules do not allow.
type Refusal struct{ Violations []policy.Violation }

func (r *Refusal) Error() string {
	s := "refused: " + r.Violations[0].String()
	if n := len(r.Violations) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// hint is the next step: what is only too old, or has no date, cannot be mended
// by packing it again.
func (r *Refusal) hint() string {
	const rule = ", or have the rule changed by who answers for it"
	undated, old := 0, 0
	for _, v := range r.Violations {
		switch v.Rule {
		case "date", "dates":
			undated++
		case "--min-date", "--max-age", "dates.min", "dates.maxAge":
			old++
		}
	}
	switch len(r.Violations) {
	case undated:
		return "many artifacts carry no date, container images among them: a rule on dates cannot be used for these"
	case undated + old:
		return "get a newer one" + rule
	}
	return "take out what is not allowed and pack it again" + rule
}
