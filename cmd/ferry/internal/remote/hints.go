package remote

import (
	"context"
	"errors"
	"net/http"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/registry"
)

// FlagsAgain are the flags by which a registry is reached, for the next
// command. The password is none of them.
func FlagsAgain(c *cli.Context) string {
	return ui.FlagsAgain(c, "username", "password-stdin", "token-stdin", "registry-config", "ca-file", "cert-file", "key-file", "insecure", "plain-http")
}

// NotThere asks, where a registry has not what a reference stands for, whether
// it has the repository: its answer to the first question does not tell.
func NotThere(ctx context.Context, c *cli.Context, client *registry.Client, ref registry.Reference, err error) error {
	var failed *registry.Error
	if !errors.As(err, &failed) || failed.Status != http.StatusNotFound || failed.Reference == ref.Name() {
		return err
	}
	_, tags := client.Tags(ctx, ref)
	switch {
	case tags == nil:
		return ui.Hinted(err, "check the tag or digest; ferry ls "+ui.ShellWord(ref.Name())+FlagsAgain(c)+" shows the tags that are there")
	case registry.NotFound(tags):
		return ui.Hinted(err, "check the name: the registry has no repository "+ref.Repository+", or does not show it without a login")
	}
	return err
}
