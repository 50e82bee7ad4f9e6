//go:build !unix

package layouttest

import "errors"

func mkfifo(string) error { return errors.ErrUnsupported }
