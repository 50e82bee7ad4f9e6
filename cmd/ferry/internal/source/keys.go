package source

import (
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/signature"
)

// PublicKey reads a public key that the command line or a policy names.
func PublicKey(name string) (*signature.PublicKey, error) {
	data, err := ui.ReadSmall(name, signature.MaxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := signature.ParsePublicKey(data)
	if err != nil {
		return nil, ui.Misuse(ui.Wrap(name, err), "give the public key, cosign.pub, as ferry keygen or cosign generate-key-pair wrote it")
	}
	return k, nil
}
