package output

import (
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// CarrySigned is the next step with an output that was signed.
func CarrySigned(e *ui.Env, out string, s *Signer) {
	what, file := NameOf(out)
	e.Next("carry %s over; on the far side, with the public key that is there:\n      ferry verify %s%s", what, file, s.KeyFlags())
}
